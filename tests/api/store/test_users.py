import asyncio
from collections.abc import AsyncIterator

import pytest

from deeper_api.store.users import Credentials, UserStore
from deeper_auth import EmailAddress, parse_email
from deeper_core import EmailTaken, Role, User, UserId, new_id
from tests.api.stores import open_users

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"


@pytest.fixture
async def users(database_url: str) -> AsyncIterator[UserStore]:
    async with open_users(database_url) as users:
        yield users


def address(name: str = "Someone") -> EmailAddress:
    return parse_email(f"{name}@example.com")


async def make(users: UserStore, name: str = "Someone", role: Role = Role.USER) -> User:
    return await users.create(UserId(new_id()), address(name), HASH, role)


async def test_an_account_is_found_by_id_and_by_address(users: UserStore):
    user = await make(users)
    assert await users.find(user.id) == Credentials(user=user, password_hash=HASH)
    assert await users.find_by_email(address("sOMEONE")) == Credentials(user=user, password_hash=HASH)


async def test_a_new_account_is_what_it_was_made_as(users: UserStore):
    user_id = UserId(new_id())
    user = await users.create(user_id, address(), HASH, Role.ADMIN)
    assert (user.id, user.email, user.role, user.disabled_at) == (user_id, "Someone@example.com", Role.ADMIN, None)
    assert user.created_at.utcoffset() is not None


async def test_who_is_not_there_is_not_found(users: UserStore):
    assert await users.find(UserId(new_id())) is None
    assert await users.find_by_email(address()) is None


async def test_an_address_is_taken_in_whatever_case(users: UserStore):
    await make(users, "Someone")
    with pytest.raises(EmailTaken):
        await make(users, "SOMEONE")


async def test_of_many_who_want_one_address_at_once_one_gets_it(users: UserStore):
    outcomes = await asyncio.gather(*(make(users) for _ in range(20)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EmailTaken"] * 19 + ["User"]
    assert len(await users.list_all()) == 1


async def test_accounts_are_listed_newest_first(users: UserStore):
    made = [await make(users, name) for name in ("a1", "b2", "c3")]
    assert await users.list_all() == made[::-1]


async def test_a_password_is_replaced(users: UserStore):
    user = await make(users)
    assert await users.set_password(user.id, "another")
    assert await users.find(user.id) == Credentials(user=user, password_hash="another")


async def test_a_password_that_was_changed_meanwhile_is_not_replaced(users: UserStore):
    user = await make(users)
    outcomes = await asyncio.gather(*(users.set_password(user.id, f"new {i}", former=HASH) for i in range(10)))
    assert sorted(outcomes) == [False] * 9 + [True]
    found = await users.find(user.id)
    assert found is not None
    assert found.password_hash == f"new {outcomes.index(True)}"


async def test_a_rehash_loses_to_a_change_of_the_password(users: UserStore):
    user = await make(users)
    await users.set_password(user.id, "changed")
    assert not await users.rehash(user.id, "rehashed", former=HASH)
    assert await users.rehash(user.id, "rehashed", former="changed")


async def test_disabling_twice_keeps_the_first_moment(users: UserStore):
    user = await make(users)
    first = await users.disable(user.id)
    assert first is not None
    assert first.disabled_at is not None
    assert await users.disable(user.id) == first
    assert await users.enable(user.id) == user


async def test_a_role_is_given(users: UserStore):
    user = await make(users)
    changed = await users.set_role(user.id, Role.ADMIN)
    assert changed is not None
    assert changed.role is Role.ADMIN


async def test_nothing_can_be_done_to_nobody(users: UserStore):
    nobody = UserId(new_id())
    assert await users.set_role(nobody, Role.ADMIN) is None
    assert await users.disable(nobody) is None
    assert await users.enable(nobody) is None
    assert not await users.set_password(nobody, "x")
    assert not await users.rehash(nobody, "x", former=HASH)
