"""Signing in, and being believed, while something else happens to the account."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from msgspec import Struct

from deeper_api.accounts.audits import AuditTrail
from deeper_api.accounts.devices import Device
from deeper_api.accounts.service import Accounts
from deeper_api.accounts.standings import Standings
from deeper_api.store.audits import AuditStore
from deeper_api.store.people import PeopleStore
from deeper_api.store.sessions import PostgresSessionStore, Standing
from deeper_api.store.users import UserStore
from deeper_auth import (
    AccessTokens,
    Argon2Cost,
    Argon2id,
    KeyRing,
    PasswordHasher,
    PasswordPolicy,
    PasswordVerdict,
    RefreshTokens,
    SessionService,
)
from deeper_core import InvalidCredentials, Overloaded, Role, SessionId, User, UserId, new_id
from tests.api.stores import open_pool

OLD, NEW = "analytical engine 1843", "difference engine 1822"
DEVICE = Device(user_agent=None, ip_address=None)


class SlowHasher(PasswordHasher):
    """Has found out whether a password is right, and says so once ``gate`` is open."""

    def __init__(self, scheme: Argon2id) -> None:
        super().__init__(scheme)
        self.found_out = asyncio.Event()
        self.gate = asyncio.Event()

    async def verify(self, password: str, hashed: str | None) -> PasswordVerdict:
        verdict = await super().verify(password, hashed)
        self.found_out.set()
        await self.gate.wait()
        return verdict


class House(Struct):
    """The accounts of a database, on a slow and on a fast process."""

    slow: Accounts
    fast: Accounts
    hasher: SlowHasher
    sessions: SessionService
    users: UserStore
    user: User


@pytest.fixture
async def house(accounts_url: str) -> AsyncGenerator[House]:
    keys = KeyRing("0123456789abcdef0123456789abcdef")
    slow, fast = SlowHasher(scheme(passes=1)), PasswordHasher(scheme(passes=1))
    async with open_pool(accounts_url, max_size=4) as pool:
        users, store = UserStore(pool), PostgresSessionStore(pool)
        sessions = SessionService(store, AccessTokens(keys), RefreshTokens(keys))

        def accounts(hasher: PasswordHasher) -> Accounts:
            return Accounts(
                users=users,
                people=PeopleStore(pool),
                sessions=sessions,
                standings=Standings(store),
                hasher=hasher,
                policy=PasswordPolicy(),
                audit=AuditTrail(AuditStore(pool)),
                open_to_all=True,
            )

        user = await accounts(fast).create(f"{new_id().hex}@example.com", OLD)
        yield House(accounts(slow), accounts(fast), slow, sessions, users, user)
    await slow.close()
    await fast.close()


def scheme(passes: int) -> Argon2id:
    return Argon2id(Argon2Cost(memory=8, passes=passes))


async def test_who_signs_in_with_a_password_that_is_just_being_changed_stays_outside(house: House):
    signing_in = asyncio.ensure_future(house.slow.sign_in(house.user.email, OLD, DEVICE))
    await house.hasher.found_out.wait()
    await house.fast.change_password(house.user.id, OLD, NEW, DEVICE)
    house.hasher.gate.set()
    with pytest.raises(InvalidCredentials):
        await signing_in
    assert len(await house.sessions.list_live(house.user.id)) == 1  # that of who changed it


async def test_who_signs_in_to_an_account_that_is_just_being_disabled_stays_outside(house: House):
    signing_in = asyncio.ensure_future(house.slow.sign_in(house.user.email, OLD, DEVICE))
    await house.hasher.found_out.wait()
    await house.users.disable(house.user.id)
    house.hasher.gate.set()
    with pytest.raises(InvalidCredentials):
        await signing_in
    assert await house.sessions.list_live(house.user.id) == ()


async def test_of_two_who_change_a_password_at_the_same_time_the_later_one_has_not_known_it(house: House):
    changing = asyncio.ensure_future(house.slow.change_password(house.user.id, OLD, "tabulating machine 1890", DEVICE))
    await house.hasher.found_out.wait()
    await house.fast.change_password(house.user.id, OLD, NEW, DEVICE)
    house.hasher.gate.set()
    with pytest.raises(InvalidCredentials):
        await changing
    assert len(await house.sessions.list_live(house.user.id)) == 1
    user, _ = await house.fast.sign_in(house.user.email, NEW, DEVICE)
    assert user.id == house.user.id


async def test_a_password_that_is_just_being_hashed_anew_is_the_same_password(house: House):
    signing_in = asyncio.ensure_future(house.slow.sign_in(house.user.email, OLD, DEVICE))
    await house.hasher.found_out.wait()
    await house.users.set_password(house.user.id, scheme(passes=2).hash(OLD))
    house.hasher.gate.set()
    user, _ = await signing_in
    assert user == house.user


class SlowStore:
    """Has found that the session of ``user_id`` stands, and says so once ``gate`` is open."""

    def __init__(self, user_id: UserId) -> None:
        self.found_out = asyncio.Event()
        self.gate = asyncio.Event()
        self.answer: Standing | None = Standing(user_id=user_id, role=Role.USER)

    async def standing(self, session_id: SessionId) -> Standing | None:  # noqa: ARG002  - the signature of a store
        answer = self.answer
        self.found_out.set()
        await self.gate.wait()
        return answer


async def test_a_session_that_ends_here_while_it_is_looked_up_is_not_remembered_as_standing():
    user, session = UserId(new_id()), SessionId(new_id())
    store = SlowStore(user)
    standings = Standings(store)  # pyright: ignore[reportArgumentType]  - as much of a store as is asked
    looking = asyncio.ensure_future(standings.find(session))
    await store.found_out.wait()
    store.answer = None
    standings.forget(user)
    store.gate.set()
    assert await looking is not None
    assert await standings.find(session) is None


class BusyHasher(PasswordHasher):
    """Finds every password right and outdated, and has no time to hash another."""

    async def verify(self, password: str, hashed: str | None) -> PasswordVerdict:  # noqa: ARG002  - never looked at
        return PasswordVerdict.OUTDATED

    async def hash(self, password: str) -> str:  # noqa: ARG002  - likewise
        raise Overloaded(retry_after=1)


async def test_a_sign_in_does_not_fail_because_there_is_no_time_to_hash_anew(house: House, accounts_url: str):
    busy = BusyHasher(scheme(passes=1))
    async with open_pool(accounts_url) as pool:
        accounts = Accounts(
            users=house.users,
            people=PeopleStore(pool),
            sessions=house.sessions,
            standings=Standings(PostgresSessionStore(pool)),
            hasher=busy,
            policy=PasswordPolicy(),
            audit=AuditTrail(AuditStore(pool)),
            open_to_all=True,
        )
        user, _ = await accounts.sign_in(house.user.email, OLD, DEVICE)
    assert user.id == house.user.id
    await busy.close()
