"""The record of what happened to accounts, in PostgreSQL."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Final, LiteralString
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg.rows import class_row

from deeper_api.store.pool import Pool, connection
from deeper_core import UserId

_PORTION: Final = 5_000  # rows
# Nobody waits longer than this for something to be noted.
_WRITE_SECONDS: Final = 1.0


class AuditKind(StrEnum):
    """What can happen."""

    SIGNED_UP = "signed_up"
    LOGGED_IN = "logged_in"
    LOGIN_FAILED = "login_failed"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105  - an event, no secret
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105  - likewise
    SESSION_REVOKED = "session_revoked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  - likewise
    ROLE_CHANGED = "role_changed"
    QUOTA_CHANGED = "quota_changed"
    ACCOUNT_CREATED = "account_created"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    ACCOUNT_DELETED = "account_deleted"
    GENERATION_CANCELLED = "generation_cancelled"
    API_KEY_MADE = "api_key_made"
    API_KEY_REVOKED = "api_key_revoked"
    API_KEY_USED_AFTER_EXPIRY = "api_key_used_after_expiry"
    API_KEY_USED_AFTER_REVOCATION = "api_key_used_after_revocation"


class NewEvent(Struct, frozen=True, kw_only=True):
    """An event before it has its time."""

    id: UUID
    kind: AuditKind
    actor_id: UserId | None
    subject_id: UserId | None
    ip_address: str | None
    user_agent: str | None
    details: Mapping[str, object]


class AuditEvent(Struct, frozen=True, kw_only=True):
    """An event as administrators see it: who (``actor_id``) did what (``kind``) to whose account (``subject_id``)."""

    id: UUID
    at: datetime
    kind: str
    actor_id: UserId | None
    subject_id: UserId | None
    ip_address: str | None
    user_agent: str | None
    details: dict[str, object]


class _EventRow(Struct, frozen=True, kw_only=True):
    id: UUID
    at: datetime
    kind: str
    actor_id: UserId | None
    subject_id: UserId | None
    ip_address: IPv4Address | IPv6Address | IPv4Interface | IPv6Interface | None
    user_agent: str | None
    details: dict[str, object]

    def event(self) -> AuditEvent:
        return AuditEvent(
            id=self.id,
            at=self.at,
            kind=self.kind,
            actor_id=self.actor_id,
            subject_id=self.subject_id,
            ip_address=self.ip_address and str(self.ip_address),
            user_agent=self.user_agent,
            details=self.details,
        )


class AuditStore:
    """Keeps events. Every method raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _ADD = """
        insert into audit_events (id, kind, actor_id, subject_id, ip_address, user_agent, details)
        values (%(id)s, %(kind)s, %(actor_id)s, %(subject_id)s, %(ip_address)s, %(user_agent)s, %(details)s::jsonb)
    """

    async def add(self, event: NewEvent) -> None:
        """Keep an event; gives up after a second."""
        values = msgspec.structs.asdict(event) | {"details": msgspec.json.encode(event.details).decode()}
        async with connection(self._pool, seconds=_WRITE_SECONDS) as conn:
            await conn.execute(self._ADD, values)

    _LIST = """
        select id, at, kind, actor_id, subject_id, ip_address, user_agent, details
        from audit_events
        where (%(before)s::uuid is null or id < %(before)s)
          and (%(kind)s::text is null or kind = %(kind)s)
          and (%(user_id)s::uuid is null or actor_id = %(user_id)s or subject_id = %(user_id)s)
        order by id desc
        limit %(limit)s
    """

    async def list_page(
        self, *, limit: int, before: UUID | None = None, kind: AuditKind | None = None, user_id: UserId | None = None
    ) -> list[AuditEvent]:
        """Return the newest events before ``before``: all, or those of a kind, by a user or about one."""
        values = {"limit": limit, "before": before, "kind": kind and kind.value, "user_id": user_id}
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(_EventRow)) as cursor:
            await cursor.execute(self._LIST, values)
            return [row.event() for row in await cursor.fetchall()]

    # In portions, each of which is done within every time limit.
    _FORGET = """
        delete from audit_events
        where id in (
            select id
            from audit_events
            where at <= now() - %(age)s
            limit %(portion)s
        )
    """
    # For each kind the newest of those that are too many, and then all that are older.
    _FORGET_MANY = """
        with surplus as (
            select kind, (
                select id
                from audit_events
                where audit_events.kind = kinds.kind
                order by id desc
                offset %(most)s
                limit 1
            ) as newest
            from unnest(%(kinds)s::text[]) as kinds (kind)
        )
        delete from audit_events
        where id in (
            select audit_events.id
            from surplus
            join audit_events on audit_events.kind = surplus.kind and audit_events.id <= surplus.newest
            limit %(portion)s
        )
    """

    async def forget(self, age: timedelta, most: int) -> int:
        """Drop the events that are at least ``age`` old, and of each kind the oldest beyond ``most``; return how many.

        It is counted by kind so that nobody can bury one event under many of another kind.
        """
        values = {"age": age, "most": most, "kinds": [kind.value for kind in AuditKind], "portion": _PORTION}
        return await self._drop(self._FORGET, values) + await self._drop(self._FORGET_MANY, values)

    async def _drop(self, query: LiteralString, values: Mapping[str, object]) -> int:
        total = 0
        while (count := await self._count(query, values)) > 0:
            total += count
        return total

    async def _count(self, query: LiteralString, values: Mapping[str, object]) -> int:
        async with connection(self._pool) as conn:
            return (await conn.execute(query, values)).rowcount
