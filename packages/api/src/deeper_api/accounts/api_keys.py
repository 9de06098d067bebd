"""API keys: made and revoked by their owners, and recognised when a program signs in with one."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from msgspec import Struct

from deeper_api.accounts.memories import Memory
from deeper_api.store.api_keys import ApiKeyStore, NamedKey, NewKey
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


class KeyStanding(Struct, frozen=True, kw_only=True):
    """What a request must know of the key that it comes with: whose it is, and what it is for."""

    key_id: ApiKeyId
    user_id: UserId
    role: Role
    scopes: tuple[KeyScope, ...]


class ApiKeys:
    """Makes, lists, ends and recognises keys. Every method raises DatabaseUnavailable."""

    def __init__(self, store: ApiKeyStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        # By the digest of the whole key: not every key with this prefix is the right one.
        self._memory = Memory[bytes, KeyStanding](clock)

    async def make(
        self, user_id: UserId, name: str, scopes: tuple[KeyScope, ...], lifetime: timedelta | None
    ) -> tuple[NamedKey, ApiKey]:
        """Make a key that works for ``lifetime``, or without end. It cannot be had again.

        Raises:
            ValidationFailed: the name is not one line of 1 to 100 characters.
            Conflict: the user has 50 keys.
            Unauthenticated: there is no such user any more.
        """
        name = _checked_name(name)
        key = new_api_key()
        new = NewKey(
            id=ApiKeyId(new_id()),
            user_id=user_id,
            name=name,
            prefix=key.prefix,
            digest=key.digest,
            scopes=tuple(sorted(set(scopes))),
        )
        made = await self._store.create(new, lifetime=lifetime, most=MAX_KEYS)
        if made is None:
            raise Conflict(f"There are {MAX_KEYS} API keys already. Revoke one that is not needed any more.")
        return made, key

    async def list_kept(self, user_id: UserId) -> tuple[NamedKey, ...]:
        """Return the keys of a user that were not revoked, the newest first."""
        return await self._store.list_kept(user_id)

    async def revoke(self, user_id: UserId, key_id: ApiKeyId) -> bool:
        """End a key of this user; return whether there was one."""
        ended = await self._store.revoke(key_id, user_id)
        self._memory.forget(lambda standing: standing.key_id == key_id)
        return ended

    async def find(self, key: ApiKey) -> KeyStanding | None:
        """Return whose key it is; None if it is nobody's, or has expired, or its owner may not sign in.

        Remembered for at most five seconds; what this process revokes is forgotten at once.
        """
        return await self._memory.find(key.digest, lambda: self._look_up(key))

    async def stands(self, key_id: ApiKeyId) -> bool:
        """Return whether a key that was recognised may still be used; asked by responses that last."""
        return await self._store.stands(key_id)

    async def _look_up(self, key: ApiKey) -> KeyStanding | None:
        found = await self._store.find(key.prefix)
        if found is None or not key.matches(found.digest) or found.expired:
            return None
        if found.unnoted:
            with suppress(DatabaseUnavailable):  # the next use will be noted
                await self._store.note_use(found.id)
        return KeyStanding(key_id=found.id, user_id=found.user_id, role=found.role, scopes=found.scopes)


def _checked_name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise _refusal(f"Expected 1 to {MAX_NAME} characters")
    if not name.isprintable():
        raise _refusal("Expected one line, without control characters")
    return name


def _refusal(message: str) -> ValidationFailed:
    return ValidationFailed(details=(ErrorDetail(message=message, field="$.name"),))
