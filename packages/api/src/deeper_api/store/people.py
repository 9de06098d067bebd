"""Accounts as administrators see and change them, in PostgreSQL."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import LiteralString

import msgspec
from msgspec import UNSET, Struct, UnsetType
from psycopg.rows import DictRow, dict_row

from deeper_api.store.pool import Connection, Pool, connection
from deeper_core import Role, User, UserId


class LastAdministrator(Exception):
    """Nobody would be left who administers this server."""


class AccountState(StrEnum):
    """Whether an account may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Account(User, frozen=True, kw_only=True):
    """An account as administrators see it.

    ``tokens_per_day`` is its own quota: null for that of the server, 0 for any number.
    """

    tokens_per_day: int | None


class AccountFigures(Account, frozen=True, kw_only=True):
    """An account with how much there is of what belongs to it.

    ``sessions`` are live ones, ``api_keys`` those that were not revoked, ``running`` answers in the making.
    ``last_seen_at`` is the last time that a session was refreshed or a key was used.
    """

    sessions: int
    api_keys: int
    conversations: int
    running: int
    last_seen_at: datetime | None


class AccountChange(Struct, frozen=True, kw_only=True):
    """What is to be different."""

    role: Role | None = None
    disabled: bool | None = None
    tokens_per_day: int | UnsetType | None = UNSET


class Changed(Struct, frozen=True, kw_only=True):
    """An account before and after."""

    before: Account
    after: Account


class PeopleStore:
    """Lists and changes accounts. Every method raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # What is typed into a search may be any part of the address, as it was typed at sign-up or as it is compared.
    _LIST = """
        select id, email, role, created_at, disabled_at, tokens_per_day
        from users
        where (%(before)s::uuid is null or id < %(before)s)
          and (%(role)s::text is null or role = %(role)s)
          and (%(state)s::text is null or (disabled_at is not null) = (%(state)s = 'disabled'))
          and (%(search)s::text is null
               or strpos(lower(email), lower(%(search)s)) > 0
               or strpos(email_key, lower(%(search)s)) > 0)
        order by id desc
        limit %(limit)s
    """

    async def list_page(
        self,
        *,
        limit: int,
        before: UserId | None = None,
        search: str | None = None,
        role: Role | None = None,
        state: AccountState | None = None,
    ) -> list[Account]:
        """Return the newest accounts before ``before``: all, or those that fit."""
        values = {"limit": limit, "before": before, "search": search, "role": role, "state": state}
        async with connection(self._pool) as lent, lent.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self._LIST, values)
            return [_account(row) for row in await cursor.fetchall()]

    _FIGURES = """
        select
            users.id, users.email, users.role, users.created_at, users.disabled_at, users.tokens_per_day,
            (
                select count(*) from sessions
                where user_id = users.id and revoked_at is null and expires_at > now()
            ) as sessions,
            (select count(*) from api_keys where user_id = users.id and revoked_at is null) as api_keys,
            (select count(*) from conversations where user_id = users.id) as conversations,
            (select count(*) from generations where user_id = users.id and state = 'running') as running,
            greatest(
                (select max(rotated_at) from sessions where user_id = users.id),
                (select max(last_used_at) from api_keys where user_id = users.id)
            ) as last_seen_at
        from users
        where users.id = %(id)s
    """

    async def find(self, user_id: UserId) -> AccountFigures | None:
        """Return an account with its figures."""
        async with connection(self._pool) as lent:
            row = await _one(lent, self._FIGURES, {"id": user_id})
        return None if row is None else msgspec.convert(row, AccountFigures)

    _FIND = """
        select id, email, role, created_at, disabled_at, tokens_per_day
        from users
        where id = %(id)s
        for update
    """
    _CHANGE = """
        update users
        set role = coalesce(%(role)s, role),
            disabled_at = case
                when %(disabled)s::boolean is null then disabled_at
                when %(disabled)s then coalesce(disabled_at, now())
            end,
            tokens_per_day = case when %(has_quota)s then %(tokens_per_day)s else tokens_per_day end
        where id = %(id)s
        returning id, email, role, created_at, disabled_at, tokens_per_day
    """

    async def change(self, user_id: UserId, change: AccountChange) -> Changed | None:
        """Change an account; None if there is none.

        Raises:
            LastAdministrator: nothing was changed.
        """
        has_quota = change.tokens_per_day is not UNSET
        values = {
            "id": user_id,
            "role": change.role,
            "disabled": change.disabled,
            "has_quota": has_quota,
            "tokens_per_day": change.tokens_per_day if has_quota else None,
        }
        async with self._alone() as lent:
            before = await _one(lent, self._FIND, values)
            if before is None:
                return None
            after = await _one(lent, self._CHANGE, values)
            if after is None:
                raise AssertionError("a row that is locked stays")
            changed = Changed(before=_account(before), after=_account(after))
            if _administers(changed.before) and not _administers(changed.after):
                await _require_administrator(lent)
            return changed

    _REMOVE = """
        delete from users
        where id = %(id)s
        returning id, email, role, created_at, disabled_at, tokens_per_day
    """

    async def remove(self, user_id: UserId) -> bool:
        """Delete an account with all that is its own; False if there is none.

        Raises:
            LastAdministrator: nothing was deleted.
        """
        async with self._alone() as lent:
            row = await _one(lent, self._REMOVE, {"id": user_id})
            if row is not None and _administers(_account(row)):
                await _require_administrator(lent)
            return row is not None

    # Two administrators who take the role from one another at once would each see that the other has it.
    _WAIT_FOR_OTHERS = "select pg_advisory_xact_lock(hashtextextended('deeper administrators', 0))"

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[Connection]:
        """Lend a connection in a transaction that sees what all others of its kind have done."""
        async with connection(self._pool) as lent, lent.transaction():
            await lent.execute(self._WAIT_FOR_OTHERS)
            yield lent


_ADMINISTRATORS: LiteralString = "select 1 from users where role = 'admin' and disabled_at is null limit 1"


async def _require_administrator(lent: Connection) -> None:
    if await _one(lent, _ADMINISTRATORS, {}) is None:
        raise LastAdministrator


async def _one(lent: Connection, query: LiteralString, values: Mapping[str, object]) -> DictRow | None:
    async with lent.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()


def _administers(account: Account) -> bool:
    return account.role is Role.ADMIN and account.disabled_at is None


def _account(row: DictRow) -> Account:
    return msgspec.convert(row, Account)
