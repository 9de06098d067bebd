"""What goes wrong while something is noted goes wrong in the log only."""

import pytest

from deeper_api.accounts.audits import AuditTrail
from deeper_api.accounts.devices import Device
from deeper_api.store.audits import AuditKind, AuditStore, NewEvent
from deeper_core import DatabaseUnavailable, UserId, new_id


class Store(AuditStore):
    """Collects events, or fails."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.added: list[NewEvent] = []

    async def add(self, event: NewEvent) -> None:
        if self.fault:
            raise self.fault
        self.added.append(event)


@pytest.mark.parametrize(
    ("fault", "level"), [(DatabaseUnavailable(), "WARNING"), (ValueError("a fault of ours"), "ERROR")]
)
async def test_what_cannot_be_noted_is_logged_once_and_nobody_is_troubled(
    caplog: pytest.LogCaptureFixture, fault: Exception, level: str
):
    await AuditTrail(Store(fault)).note(AuditKind.SIGNED_UP, subject=UserId(new_id()))
    assert [(line.levelname, line.getMessage()) for line in caplog.records] == [
        (level, "an event is missing in the audit trail")
    ]


async def test_what_a_client_calls_itself_is_made_fit_to_be_shown():
    store = Store()
    trail = AuditTrail(store)
    for agent in ("curl\x1b[31m\n\x00", "x" * 10_000, None):
        await trail.note(AuditKind.LOGIN_FAILED, Device(user_agent=agent, ip_address=None))
    assert [event.user_agent for event in store.added] == ["curl\ufffd[31m\ufffd\ufffd", "x" * 256, None]
