"""Sessions in PostgreSQL. All times are the database's own, so that no server's clock can end or revive a session."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Final, LiteralString

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import class_row

from deeper_api.store.pool import Pool, connection
from deeper_auth import NewSession, RefreshVerdict, RevocationReason, Rotation, Session, SessionPolicy
from deeper_core import Role, SessionId, Unauthenticated, UserId

_PORTION: Final = 5_000  # rows


class _SessionRow(Struct, frozen=True, kw_only=True):
    """A row of ``sessions``."""

    id: SessionId
    user_id: UserId
    generation: int
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoke_reason: str | None
    user_agent: str | None
    ip_address: IPv4Address | IPv6Address | IPv4Interface | IPv6Interface | None

    def session(self) -> Session:
        return Session(
            id=self.id,
            user_id=self.user_id,
            generation=self.generation,
            created_at=self.created_at,
            rotated_at=self.rotated_at,
            expires_at=self.expires_at,
            revoked_at=self.revoked_at,
            revoke_reason=RevocationReason(self.revoke_reason) if self.revoke_reason else None,
            user_agent=self.user_agent,
            ip_address=self.ip_address and str(self.ip_address),
        )


class _RotationRow(_SessionRow, frozen=True, kw_only=True):
    """A session after an attempt to refresh it, and the verdict."""

    verdict: str


class Standing(Struct, frozen=True, kw_only=True):
    """What a request must know of who makes it: the role, and that session and account both stand.

    ``tokens_per_day`` is the account's own quota, None for that of the server.
    """

    user_id: UserId
    role: Role
    tokens_per_day: int | None = None


class _StandingRow(Struct, frozen=True, kw_only=True):
    user_id: UserId
    role: str
    tokens_per_day: int | None


class PostgresSessionStore:
    """A `deeper_auth.SessionStore`. Every method raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _CREATE = """
        insert into sessions (id, user_id, expires_at, user_agent, ip_address)
        values (%(id)s, %(user_id)s, now() + least(%(idle)s, %(absolute)s), %(user_agent)s, %(ip_address)s)
        returning id, user_id, generation, created_at, rotated_at, expires_at,
                  revoked_at, revoke_reason, user_agent, ip_address
    """

    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        """See `SessionStore.create`.

        Raises:
            Unauthenticated: there is no such user any more.
        """
        values = msgspec.structs.asdict(new) | {"idle": policy.idle, "absolute": policy.absolute}
        try:
            rows = await self._all(self._CREATE, values)
        except psycopg.errors.ForeignKeyViolation as error:  # the account was deleted a moment ago
            raise Unauthenticated from error
        return rows[0].session()

    # The verdicts are the rows of the table in deeper_auth.refresh_tokens.decide, in its order. The row lock makes
    # one of many refreshes at once the first; the others then see what it did.
    _ROTATE = """
        with before as (
            select * from sessions where id = %(id)s for update
        ),
        decided as (
            select before.*,
                case
                    when revoked_at is not null then 'revoked'
                    when expires_at <= now() then 'expired'
                    when %(generation)s = generation then 'rotate'
                    when %(generation)s = generation - 1 and rotated_at > now() - %(grace)s then 'grace'
                    when %(generation)s < generation then 'reuse'
                    else 'forged'
                end as verdict
            from before
        )
        update sessions
        set generation = sessions.generation + (decided.verdict = 'rotate')::integer,
            rotated_at = case when decided.verdict = 'rotate' then now() else sessions.rotated_at end,
            expires_at = case
                when decided.verdict = 'rotate' then least(now() + %(idle)s, sessions.created_at + %(absolute)s)
                else sessions.expires_at
            end,
            revoked_at = case when decided.verdict = 'reuse' then now() else sessions.revoked_at end,
            revoke_reason = case when decided.verdict = 'reuse' then 'reuse' else sessions.revoke_reason end
        from decided
        where sessions.id = decided.id
        returning sessions.id, sessions.user_id, sessions.generation, sessions.created_at, sessions.rotated_at,
                  sessions.expires_at, sessions.revoked_at, sessions.revoke_reason, sessions.user_agent,
                  sessions.ip_address, decided.verdict
    """

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        """See `SessionStore.rotate`."""
        values = {
            "id": session_id,
            "generation": generation,
            "grace": policy.grace,
            "idle": policy.idle,
            "absolute": policy.absolute,
        }
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(_RotationRow)) as cursor:
            await cursor.execute(self._ROTATE, values)
            row = await cursor.fetchone()
        if row is None:
            return Rotation(verdict=RefreshVerdict.FORGED, session=None)
        return Rotation(verdict=RefreshVerdict(row.verdict), session=row.session())

    _FIND_LIVE = """
        select id, user_id, generation, created_at, rotated_at, expires_at,
               revoked_at, revoke_reason, user_agent, ip_address
        from sessions
        where id = %(id)s and revoked_at is null and expires_at > now()
    """

    async def find_live(self, session_id: SessionId) -> Session | None:
        """See `SessionStore.find_live`."""
        rows = await self._all(self._FIND_LIVE, {"id": session_id})
        return rows[0].session() if rows else None

    _LIST_LIVE = """
        select id, user_id, generation, created_at, rotated_at, expires_at,
               revoked_at, revoke_reason, user_agent, ip_address
        from sessions
        where user_id = %(user_id)s and revoked_at is null and expires_at > now()
        order by created_at desc, id desc
    """

    async def list_live(self, user_id: UserId) -> tuple[Session, ...]:
        """See `SessionStore.list_live`."""
        return tuple(row.session() for row in await self._all(self._LIST_LIVE, {"user_id": user_id}))

    _REVOKE = """
        update sessions
        set revoked_at = now(), revoke_reason = %(reason)s
        where id = %(id)s and user_id = %(user_id)s and revoked_at is null and expires_at > now()
    """

    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        """See `SessionStore.revoke`."""
        return await self._count(self._REVOKE, {"id": session_id, "user_id": user_id, "reason": reason}) == 1

    _REVOKE_ALL = """
        update sessions
        set revoked_at = now(), revoke_reason = %(reason)s
        where user_id = %(user_id)s and id is distinct from %(keep)s and revoked_at is null and expires_at > now()
    """

    async def revoke_all(self, user_id: UserId, reason: RevocationReason, *, keep: SessionId | None = None) -> int:
        """See `SessionStore.revoke_all`."""
        return await self._count(self._REVOKE_ALL, {"user_id": user_id, "reason": reason, "keep": keep})

    # In portions, each of which is done within every time limit.
    _FORGET_ENDED = """
        delete from sessions
        where id in (
            select id
            from sessions
            where revoked_at <= now() - %(age)s or expires_at <= now() - %(age)s
            limit %(portion)s
        )
    """

    async def forget_ended(self, age: timedelta) -> int:
        """See `SessionStore.forget_ended`."""
        total = 0
        while (count := await self._count(self._FORGET_ENDED, {"age": age, "portion": _PORTION})) > 0:
            total += count
        return total

    _STANDING = """
        select users.id as user_id, users.role, users.tokens_per_day
        from sessions
        join users on users.id = sessions.user_id
        where sessions.id = %(id)s
          and sessions.revoked_at is null
          and sessions.expires_at > now()
          and users.disabled_at is null
    """

    async def standing(self, session_id: SessionId) -> Standing | None:
        """Return who a live session belongs to, if the account may still sign in."""
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(_StandingRow)) as cursor:
            await cursor.execute(self._STANDING, {"id": session_id})
            row = await cursor.fetchone()
        return row and Standing(user_id=row.user_id, role=Role(row.role), tokens_per_day=row.tokens_per_day)

    async def _all(self, query: LiteralString, values: Mapping[str, object]) -> list[_SessionRow]:
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(_SessionRow)) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchall()

    async def _count(self, query: LiteralString, values: Mapping[str, object]) -> int:
        async with connection(self._pool) as conn:
            return (await conn.execute(query, values)).rowcount
