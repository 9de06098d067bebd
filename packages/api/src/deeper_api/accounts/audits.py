"""The audit trail: what happened to accounts and to what opens them."""

import logging
from typing import Final

from opentelemetry.metrics import Meter, get_meter

from deeper_api.accounts.devices import Device
from deeper_api.store.audits import AuditKind, AuditStore, NewEvent
from deeper_api.telemetry.tallies import Tally
from deeper_core import DatabaseUnavailable, UserId, new_id

_log = logging.getLogger("deeper.audit")

# As much as the list of sessions shows.
_MAX_USER_AGENT: Final = 256
# The command line, where nobody is signed in.
NOWHERE: Final = Device(user_agent=None, ip_address=None)


class AuditTrail:
    """Notes events. A note costs one short statement, and what fails with it fails in the log only."""

    def __init__(self, store: AuditStore, meter: Meter | None = None) -> None:
        self._store = store
        self._events = Tally(
            meter or get_meter("deeper"),
            "deeper.auth.events",
            "kind",
            unit="{event}",
            description="What happened to accounts, by kind.",
        )

    async def note(
        self,
        kind: AuditKind,
        device: Device = NOWHERE,
        *,
        actor: UserId | None = None,
        subject: UserId | None = None,
        **details: object,
    ) -> None:
        """Keep that ``actor`` did this to the account of ``subject``.

        ``details`` become JSON. No e-mail address, password or token belongs into them.
        """
        self._events.add(kind.value)
        event = NewEvent(
            id=new_id(),
            kind=kind,
            actor_id=actor,
            subject_id=subject,
            ip_address=device.ip_address,
            user_agent=_printable(device.user_agent),
            details=details,
        )
        fields = {"kind": kind.value, "actor_id": actor and str(actor), "subject_id": subject and str(subject)}
        try:
            await self._store.add(event)
        except DatabaseUnavailable:
            _log.warning("an event is missing in the audit trail", extra={"fields": fields})
        except Exception:  # noqa: BLE001  - what was done is done, whether or not it can be noted
            _log.exception("an event is missing in the audit trail", extra={"fields": fields})


def _printable(text: str | None) -> str | None:
    """Return ``text`` fit to be stored and shown."""
    if text is None:
        return None
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:_MAX_USER_AGENT])
