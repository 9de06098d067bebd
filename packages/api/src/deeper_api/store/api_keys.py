"""API keys in PostgreSQL. As for sessions, all times are the database's own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import psycopg
from msgspec import Struct
from psycopg.rows import class_row

from deeper_api.store.pool import Pool, connection
from deeper_core import ApiKeyId, KeyScope, Role, Unauthenticated, UserId

_PORTION: Final = 5_000  # rows
_PREFIX_UNIQUE: Final = "api_keys_prefix_unique"


class PrefixTaken(Exception):
    """Another key has this prefix: make a new one."""


class KeyEnd(StrEnum):
    """Why a key works no more."""

    EXPIRED = "expired"
    REVOKED = "revoked"


class NewKey(Struct, frozen=True, kw_only=True):
    """What is known of a key before it has its times; ``digest`` is all that is kept of the key itself."""

    id: ApiKeyId
    user_id: UserId
    name: str
    prefix: str
    digest: bytes
    scopes: tuple[KeyScope, ...]


class NamedKey(Struct, frozen=True, kw_only=True):
    """A key as its owner sees it in the list.

    ``prefix`` is what stands between the first ``_`` and the second. ``last_used_at`` may be a minute behind.
    """

    id: ApiKeyId
    name: str
    prefix: str
    scopes: tuple[KeyScope, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class Candidate(Struct, frozen=True, kw_only=True):
    """The key that is kept under a prefix; whether it is the presented one, ``digest`` tells.

    ``ended`` says why it works no more, if it does not; ``unnoted``, that no use of it was noted in the last minute.
    ``tokens_per_day`` is its owner's own quota, None for that of the server.
    """

    id: ApiKeyId
    user_id: UserId
    role: Role
    tokens_per_day: int | None
    digest: bytes
    scopes: tuple[KeyScope, ...]
    ended: KeyEnd | None
    unnoted: bool


class _NamedRow(Struct, frozen=True, kw_only=True):
    id: ApiKeyId
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    def named_key(self) -> NamedKey:
        return NamedKey(
            id=self.id,
            name=self.name,
            prefix=self.prefix,
            scopes=tuple(map(KeyScope, self.scopes)),
            created_at=self.created_at,
            expires_at=self.expires_at,
            last_used_at=self.last_used_at,
        )


class _CandidateRow(Struct, frozen=True, kw_only=True):
    id: ApiKeyId
    user_id: UserId
    role: str
    tokens_per_day: int | None
    digest: bytes
    scopes: list[str]
    ended: str | None
    unnoted: bool


class ApiKeyStore:
    """Keeps API keys. Every method raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # Two keys that are made at once would both be the last one allowed: the second waits for the first.
    _LOCK_OWNER = """
        select id
        from users
        where id = %(user_id)s
        for no key update
    """
    _CREATE = """
        insert into api_keys (id, user_id, name, prefix, digest, scopes, expires_at)
        select %(id)s, %(user_id)s, %(name)s, %(prefix)s, %(digest)s, %(scopes)s, now() + %(lifetime)s::interval
        where (select count(*) from api_keys where user_id = %(user_id)s and revoked_at is null) < %(most)s
        returning id, name, prefix, scopes, created_at, expires_at, last_used_at
    """

    async def create(self, new: NewKey, *, lifetime: timedelta | None, most: int) -> NamedKey | None:
        """Keep a new key, which works for ``lifetime`` or without end; None if its owner has ``most`` already.

        Raises:
            Unauthenticated: there is no such user any more.
            PrefixTaken: another key has its prefix, which happens to one in a billion.
        """
        values = {
            "id": new.id,
            "user_id": new.user_id,
            "name": new.name,
            "prefix": new.prefix,
            "digest": new.digest,
            "scopes": [scope.value for scope in new.scopes],
            "lifetime": lifetime,
            "most": most,
        }
        try:
            row = await self._insert(values)
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name == _PREFIX_UNIQUE:
                raise PrefixTaken from error
            raise
        return row and row.named_key()

    async def _insert(self, values: Mapping[str, object]) -> _NamedRow | None:
        async with (
            connection(self._pool) as conn,
            conn.transaction(),
            conn.cursor(row_factory=class_row(_NamedRow)) as cursor,
        ):
            owner = await conn.execute(self._LOCK_OWNER, values)
            if owner.rowcount == 0:
                raise Unauthenticated
            await cursor.execute(self._CREATE, values)
            return await cursor.fetchone()

    _LIST = """
        select id, name, prefix, scopes, created_at, expires_at, last_used_at
        from api_keys
        where user_id = %(user_id)s and revoked_at is null
        order by id desc
    """

    async def list_kept(self, user_id: UserId) -> tuple[NamedKey, ...]:
        """Return the keys of a user, the newest first; also expired ones, but none that was revoked."""
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(_NamedRow)) as cursor:
            await cursor.execute(self._LIST, {"user_id": user_id})
            return tuple(row.named_key() for row in await cursor.fetchall())

    _REVOKE = """
        update api_keys
        set revoked_at = now()
        where id = %(id)s and user_id = %(user_id)s and revoked_at is null
    """

    async def revoke(self, key_id: ApiKeyId, user_id: UserId) -> bool:
        """End a key of this user; return whether there was one that had not been ended."""
        async with connection(self._pool) as conn:
            return (await conn.execute(self._REVOKE, {"id": key_id, "user_id": user_id})).rowcount == 1

    _FIND = """
        select api_keys.id, api_keys.user_id, users.role, users.tokens_per_day, api_keys.digest, api_keys.scopes,
               case
                   when api_keys.revoked_at is not null then 'revoked'
                   when api_keys.expires_at <= now() then 'expired'
               end as ended,
               coalesce(api_keys.last_used_at <= now() - interval '1 minute', true) as unnoted
        from api_keys
        join users on users.id = api_keys.user_id
        where api_keys.prefix = %(prefix)s
          and users.disabled_at is null
    """

    async def find(self, prefix: str) -> Candidate | None:
        """Return what is kept under ``prefix``, also if it has ended, unless its owner may not sign in."""
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(_CandidateRow)) as cursor:
            await cursor.execute(self._FIND, {"prefix": prefix})
            row = await cursor.fetchone()
        return row and Candidate(
            id=row.id,
            user_id=row.user_id,
            role=Role(row.role),
            tokens_per_day=row.tokens_per_day,
            digest=row.digest,
            scopes=tuple(map(KeyScope, row.scopes)),
            ended=None if row.ended is None else KeyEnd(row.ended),
            unnoted=row.unnoted,
        )

    # Who comes second in a minute, at another process, finds that the first has noted it.
    _NOTE_USE = """
        update api_keys
        set last_used_at = now()
        where id = %(id)s and coalesce(last_used_at <= now() - interval '1 minute', true)
    """

    async def note_use(self, key_id: ApiKeyId) -> None:
        """Note that a key is used, unless that was noted less than a minute ago."""
        async with connection(self._pool) as conn:
            await conn.execute(self._NOTE_USE, {"id": key_id})

    # In portions, each of which is done within every time limit.
    _FORGET_REVOKED = """
        delete from api_keys
        where id in (
            select id
            from api_keys
            where revoked_at <= now() - %(age)s
            limit %(portion)s
        )
    """

    async def forget_revoked(self, age: timedelta) -> int:
        """Drop the keys that were revoked at least ``age`` ago; return how many."""
        total = 0
        async with connection(self._pool) as conn:
            values = {"age": age, "portion": _PORTION}
            while (count := (await conn.execute(self._FORGET_REVOKED, values)).rowcount) > 0:
                total += count
        return total
