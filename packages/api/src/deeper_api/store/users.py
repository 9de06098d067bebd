"""Accounts in PostgreSQL."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, LiteralString

import psycopg
from msgspec import Struct
from psycopg.rows import class_row

from deeper_api.store.pool import Pool, connection
from deeper_auth import EmailAddress
from deeper_core import EmailTaken, Role, User, UserId

_EMAIL_KEY_UNIQUE: Final = "users_email_key_unique"


class _UserRow(Struct, frozen=True, kw_only=True):
    """A row of ``users``."""

    id: UserId
    email: str
    role: str
    created_at: datetime
    disabled_at: datetime | None
    password_hash: str

    def user(self) -> User:
        return User(
            id=self.id,
            email=self.email,
            role=Role(self.role),
            created_at=self.created_at,
            disabled_at=self.disabled_at,
        )


class Credentials(Struct, frozen=True, kw_only=True):
    """An account with the hash of its password."""

    user: User
    password_hash: str


class UserStore:
    """Reads and writes accounts.

    Every method raises DatabaseUnavailable if the database does not answer.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _CREATE = """
        insert into users (id, email, email_key, password_hash, role)
        values (%(id)s, %(email)s, %(email_key)s, %(password_hash)s, %(role)s)
        returning id, email, role, created_at, disabled_at, password_hash
    """

    async def create(self, user_id: UserId, email: EmailAddress, password_hash: str, role: Role = Role.USER) -> User:
        """Keep a new account and return it.

        Raises:
            EmailTaken: another account has this address.
        """
        values = {
            "id": user_id,
            "email": email.original,
            "email_key": email.key,
            "password_hash": password_hash,
            "role": role,
        }
        try:
            row = await self._one(self._CREATE, values)
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name == _EMAIL_KEY_UNIQUE:
                raise EmailTaken from error
            raise
        if row is None:
            raise AssertionError("an insert returns its row")
        return row.user()

    _FIND = """
        select id, email, role, created_at, disabled_at, password_hash
        from users
        where id = %(id)s
    """

    async def find(self, user_id: UserId) -> Credentials | None:
        """Return the account with this id."""
        return _credentials(await self._one(self._FIND, {"id": user_id}))

    _FIND_BY_EMAIL = """
        select id, email, role, created_at, disabled_at, password_hash
        from users
        where email_key = %(email_key)s
    """

    async def find_by_email(self, email: EmailAddress) -> Credentials | None:
        """Return the account with this address."""
        return _credentials(await self._one(self._FIND_BY_EMAIL, {"email_key": email.key}))

    _LIST = """
        select id, email, role, created_at, disabled_at, password_hash
        from users
        order by id desc
    """

    async def list_all(self) -> list[User]:
        """Return every account, the newest first."""
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(_UserRow)) as cursor:
            await cursor.execute(self._LIST)
            return [row.user() for row in await cursor.fetchall()]

    _REPLACE_HASH = """
        update users
        set password_hash = %(password_hash)s, password_changed_at = now()
        where id = %(id)s and (%(former)s::text is null or password_hash = %(former)s)
        returning id, email, role, created_at, disabled_at, password_hash
    """

    async def set_password(self, user_id: UserId, password_hash: str, *, former: str | None = None) -> bool:
        """Set another password; False if the present hash is not ``former``, where one is given."""
        values = {"id": user_id, "password_hash": password_hash, "former": former}
        return await self._one(self._REPLACE_HASH, values) is not None

    _REHASH = """
        update users
        set password_hash = %(password_hash)s
        where id = %(id)s and password_hash = %(former)s
        returning id, email, role, created_at, disabled_at, password_hash
    """

    async def rehash(self, user_id: UserId, password_hash: str, *, former: str) -> bool:
        """Replace the hash ``former`` by another of the same password."""
        values = {"id": user_id, "password_hash": password_hash, "former": former}
        return await self._one(self._REHASH, values) is not None

    _SET_ROLE = """
        update users
        set role = %(role)s
        where id = %(id)s
        returning id, email, role, created_at, disabled_at, password_hash
    """

    async def set_role(self, user_id: UserId, role: Role) -> User | None:
        """Give the account another role."""
        row = await self._one(self._SET_ROLE, {"id": user_id, "role": role})
        return row and row.user()

    _DISABLE = """
        update users
        set disabled_at = coalesce(disabled_at, now())
        where id = %(id)s
        returning id, email, role, created_at, disabled_at, password_hash
    """

    async def disable(self, user_id: UserId) -> User | None:
        """Forbid the account to sign in, and stop its running generations."""
        row = await self._one(self._DISABLE, {"id": user_id})
        await self.stop_generations(user_id)
        return row and row.user()

    _ENABLE = """
        update users
        set disabled_at = null
        where id = %(id)s
        returning id, email, role, created_at, disabled_at, password_hash
    """

    async def enable(self, user_id: UserId) -> User | None:
        """Let the account sign in again."""
        row = await self._one(self._ENABLE, {"id": user_id})
        return row and row.user()

    _DELETE = """
        delete from users
        where id = %(id)s
        returning id, email, role, created_at, disabled_at, password_hash
    """

    async def delete(self, user_id: UserId) -> bool:
        """Delete the account and all that is its own, running generations too; False if there is none."""
        await self.stop_generations(user_id)
        return await self._one(self._DELETE, {"id": user_id}) is not None

    # As in `GenerationStore`, for whichever processes run them. A payload may have 8,000 bytes; an id has 36.
    _STOP_GENERATIONS = """
        with wanted as (
            update generations
            set cancel_requested_at = coalesce(cancel_requested_at, now())
            where user_id = %(id)s and state = 'running'
            returning id
        ),
        parted as (
            select id, (row_number() over () - 1) / 200 as part from wanted
        )
        select pg_notify('deeper', 'c:' || string_agg(id::text, ',')) from parted group by part
    """

    async def stop_generations(self, user_id: UserId) -> None:
        """Tell whichever processes run generations of this account to stop them."""
        async with connection(self._pool) as conn:
            await conn.execute(self._STOP_GENERATIONS, {"id": user_id})

    async def _one(self, query: LiteralString, values: Mapping[str, object]) -> _UserRow | None:
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(_UserRow)) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchone()


def _credentials(row: _UserRow | None) -> Credentials | None:
    return row and Credentials(user=row.user(), password_hash=row.password_hash)
