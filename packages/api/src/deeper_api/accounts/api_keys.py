"""API keys: made and revoked by their owners, and recognised when a program signs in with one."""

import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from msgspec import Struct

from deeper_api.accounts.audits import AuditTrail
from deeper_api.accounts.devices import Device
from deeper_api.accounts.memories import Memory
from deeper_api.store.api_keys import ApiKeyStore, Candidate, KeyEnd, NamedKey, NewKey, PrefixTaken
from deeper_api.store.audits import AuditKind
from deeper_auth import ApiKey, new_api_key
from deeper_core import (
    ApiKeyId,
    Conflict,
    DatabaseUnavailable,
    ErrorDetail,
    KeyScope,
    Role,
    UserId,
    ValidationFailed,
    new_id,
)

MAX_KEYS: Final = 50  # of one user
MAX_NAME: Final = 100  # characters

# A prefix has 40 random bits: even a second try is rare.
_TRIES: Final = 3
_TELL_SECONDS: Final = 3_600.0
_TOLD: Final = 1_000  # keys
_LATE_USES: Final = {
    KeyEnd.EXPIRED: AuditKind.API_KEY_USED_AFTER_EXPIRY,
    KeyEnd.REVOKED: AuditKind.API_KEY_USED_AFTER_REVOCATION,
}


class KeyStanding(Struct, frozen=True, kw_only=True):
    """What a request must know of the key that it comes with: whose it is, and what it is for.

    ``tokens_per_day`` is its owner's own quota, None for that of the server.
    """

    key_id: ApiKeyId
    user_id: UserId
    role: Role
    scopes: tuple[KeyScope, ...]
    tokens_per_day: int | None = None


class ApiKeys:
    """Makes, lists, ends and recognises keys. Every method raises DatabaseUnavailable."""

    def __init__(
        self,
        store: ApiKeyStore,
        audit: AuditTrail,
        *,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], ApiKey] = new_api_key,
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._draw = draw
        self._told: OrderedDict[ApiKeyId, float] = OrderedDict()
        # By the digest of the whole key: not every key with this prefix is the right one.
        self._memory = Memory[bytes, KeyStanding](clock)

    async def make(
        self, user_id: UserId, name: str, scopes: tuple[KeyScope, ...], lifetime: timedelta | None, device: Device
    ) -> tuple[NamedKey, ApiKey]:
        """Make a key that works for ``lifetime``, or without end. It cannot be had again.

        Raises:
            ValidationFailed: the name is not one line of 1 to 100 characters.
            Conflict: the user has 50 keys.
            Unauthenticated: there is no such user any more.
        """
        name, scopes = _checked_name(name), tuple(sorted(set(scopes)))
        made, key = await self._create(user_id, name, scopes, lifetime)
        if made is None:
            raise Conflict(f"There are {MAX_KEYS} API keys already. Revoke one that is not needed any more.")
        await self._audit.note(
            AuditKind.API_KEY_MADE, device, actor=user_id, subject=user_id, key_id=str(made.id), scopes=made.scopes
        )
        return made, key

    async def _create(
        self, user_id: UserId, name: str, scopes: tuple[KeyScope, ...], lifetime: timedelta | None
    ) -> tuple[NamedKey | None, ApiKey]:
        key_id = ApiKeyId(new_id())
        for _ in range(_TRIES):
            key = self._draw()
            new = NewKey(id=key_id, user_id=user_id, name=name, prefix=key.prefix, digest=key.digest, scopes=scopes)
            with suppress(PrefixTaken):
                return await self._store.create(new, lifetime=lifetime, most=MAX_KEYS), key
        raise AssertionError("so many prefixes are not taken by chance")

    async def list_kept(self, user_id: UserId) -> tuple[NamedKey, ...]:
        """Return the keys of a user that were not revoked, the newest first."""
        return await self._store.list_kept(user_id)

    async def revoke(self, user_id: UserId, key_id: ApiKeyId, device: Device, *, actor: UserId | None) -> bool:
        """End a key of this user, which ``actor`` wants; return whether there was one."""
        ended = await self._store.revoke(key_id, user_id)
        self._memory.forget(lambda standing: standing.key_id == key_id)
        if ended:
            await self._audit.note(AuditKind.API_KEY_REVOKED, device, actor=actor, subject=user_id, key_id=str(key_id))
        return ended

    def forget(self, user_id: UserId) -> None:
        """Ask the database again for every key of this user."""
        self._memory.forget(lambda standing: standing.user_id == user_id)

    async def find(self, key: ApiKey, device: Device) -> KeyStanding | None:
        """Return whose key it is; None if it is nobody's, or has ended, or its owner may not sign in.

        Remembered for at most five seconds; what this process revokes is forgotten at once.
        """
        return await self._memory.find(key.digest, lambda: self._look_up(key, device))

    async def _look_up(self, key: ApiKey, device: Device) -> KeyStanding | None:
        found = await self._store.find(key.prefix)
        if found is None or not key.matches(found.digest):
            return None
        if found.ended is not None:
            await self._tell_of_late_use(found, found.ended, device)
            return None
        if found.unnoted:
            with suppress(DatabaseUnavailable):  # the next use will be noted
                await self._store.note_use(found.id)
        return KeyStanding(
            key_id=found.id,
            user_id=found.user_id,
            role=found.role,
            scopes=found.scopes,
            tokens_per_day=found.tokens_per_day,
        )

    async def _tell_of_late_use(self, found: Candidate, end: KeyEnd, device: Device) -> None:
        """Note that a key is used that has ended, once an hour: a program does not give up so soon."""
        now = self._clock()
        if now < self._told.get(found.id, now):
            return
        self._told[found.id] = now + _TELL_SECONDS
        self._told.move_to_end(found.id)
        if len(self._told) > _TOLD:
            self._told.popitem(last=False)
        await self._audit.note(_LATE_USES[end], device, subject=found.user_id, key_id=str(found.id))


def _checked_name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise _refusal(f"Expected 1 to {MAX_NAME} characters")
    if not name.isprintable():
        raise _refusal("Expected one line, without control characters")
    return name


def _refusal(message: str) -> ValidationFailed:
    return ValidationFailed(details=(ErrorDetail(message=message, field="$.name"),))
