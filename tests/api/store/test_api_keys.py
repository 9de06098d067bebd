"""`ApiKeyStore` on a real database."""

import asyncio
from datetime import datetime, timedelta

import psycopg
import pytest
from msgspec.structs import replace

from deeper_api.store.api_keys import ApiKeyStore, KeyEnd, NamedKey, NewKey, PrefixTaken
from deeper_api.store.people import PeopleStore
from deeper_api.store.pool import Pool
from deeper_api.store.users import UserStore
from deeper_auth import new_api_key
from deeper_core import ApiKeyId, DatabaseUnavailable, KeyScope, Role, Unauthenticated, UserId, new_id
from tests.api.store.test_sessions import make_user
from tests.api.stores import open_pool
from tests.fixtures.postgres import OwnPostgres

DAY = timedelta(days=1)

# Time goes by for the keys: all of their times move into the past.
_SHIFT = """
    update api_keys
    set created_at = created_at - %(time)s, expires_at = expires_at - %(time)s,
        last_used_at = last_used_at - %(time)s, revoked_at = revoked_at - %(time)s
"""


@pytest.fixture
def store(pool: Pool) -> ApiKeyStore:
    return ApiKeyStore(pool)


def new_key(user_id: UserId, *scopes: KeyScope) -> NewKey:
    key = new_api_key()
    return NewKey(
        id=ApiKeyId(new_id()),
        user_id=user_id,
        name="a key",
        prefix=key.prefix,
        digest=key.digest,
        scopes=scopes or (KeyScope.READ,),
    )


async def keep(store: ApiKeyStore, new: NewKey, *, lifetime: timedelta | None = None, most: int = 50) -> NamedKey:
    kept = await store.create(new, lifetime=lifetime, most=most)
    assert kept is not None
    return kept


def pass_time(url: str, time: timedelta) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(_SHIFT, {"time": time})


async def test_a_key_is_found_by_its_prefix_as_it_was_kept(store: ApiKeyStore, pool: Pool):
    admin = await make_user(pool, role=Role.ADMIN)
    new = new_key(admin, KeyScope.CHAT, KeyScope.READ)
    kept = await keep(store, new)
    found = await store.find(new.prefix)
    assert found is not None
    assert (found.id, found.user_id, found.role, found.digest) == (new.id, admin, Role.ADMIN, new.digest)
    assert found.scopes == kept.scopes == new.scopes
    assert (found.ended, found.unnoted) == (None, True)
    assert (kept.expires_at, kept.last_used_at) == (None, None)


async def test_a_prefix_is_kept_once(store: ApiKeyStore, user_id: UserId):
    first = new_key(user_id)
    await keep(store, first)
    with pytest.raises(PrefixTaken):
        await keep(store, replace(new_key(user_id), prefix=first.prefix))
    with pytest.raises(psycopg.errors.UniqueViolation):
        await keep(store, replace(new_key(user_id), id=first.id))
    found = await store.find(first.prefix)
    assert found is not None
    assert found.digest == first.digest


async def test_nothing_is_found_under_another_prefix(store: ApiKeyStore, user_id: UserId):
    await keep(store, new_key(user_id))
    assert await store.find("aaaaaaaa") is None


async def test_a_key_ends_after_its_lifetime_and_is_still_found_as_expired(
    store: ApiKeyStore, user_id: UserId, database_url: str
):
    new = new_key(user_id)
    kept = await keep(store, new, lifetime=DAY)
    assert kept.expires_at == kept.created_at + DAY
    pass_time(database_url, DAY)
    found = await store.find(new.prefix)
    assert found is not None
    assert found.ended is KeyEnd.EXPIRED
    assert [key.id for key in await store.list_kept(user_id)] == [new.id]


async def test_the_keys_of_a_user_are_listed_the_newest_first(store: ApiKeyStore, pool: Pool, user_id: UserId):
    first, second = [await keep(store, new_key(user_id)) for _ in range(2)]
    await keep(store, new_key(await make_user(pool)))
    assert await store.list_kept(user_id) == (second, first)


async def test_a_revoked_key_is_found_as_revoked_and_listed_no_more(
    store: ApiKeyStore, user_id: UserId, database_url: str
):
    new = new_key(user_id)
    await keep(store, new, lifetime=DAY)
    assert await store.revoke(new.id, user_id)
    for _ in range(2):
        found = await store.find(new.prefix)
        assert found is not None
        assert found.ended is KeyEnd.REVOKED
        pass_time(database_url, 2 * DAY)
    assert await store.list_kept(user_id) == ()
    assert not await store.revoke(new.id, user_id)


async def test_nobody_revokes_the_key_of_another(store: ApiKeyStore, pool: Pool, user_id: UserId):
    new = new_key(user_id)
    await keep(store, new)
    assert not await store.revoke(new.id, await make_user(pool))
    assert await store.find(new.prefix) is not None


async def test_the_keys_of_a_disabled_account_are_not_found_until_it_is_enabled(
    store: ApiKeyStore, pool: Pool, user_id: UserId
):
    new = new_key(user_id)
    await keep(store, new)
    await UserStore(pool).disable(user_id)
    assert await store.find(new.prefix) is None
    await UserStore(pool).enable(user_id)
    assert await store.find(new.prefix) is not None


async def test_keys_go_with_their_account(store: ApiKeyStore, pool: Pool, user_id: UserId):
    new = new_key(user_id)
    await keep(store, new)
    await PeopleStore(pool).remove(user_id)
    assert await store.find(new.prefix) is None


async def test_nobody_who_is_gone_gets_a_key(store: ApiKeyStore):
    with pytest.raises(Unauthenticated):
        await store.create(new_key(UserId(new_id())), lifetime=None, most=50)


async def test_of_many_keys_that_are_made_at_once_no_more_are_kept_than_allowed(
    store: ApiKeyStore, pool: Pool, user_id: UserId
):
    other = await make_user(pool)
    made = await asyncio.gather(
        *(store.create(new_key(user_id), lifetime=None, most=5) for _ in range(20)),
        *(store.create(new_key(other), lifetime=None, most=5) for _ in range(3)),
    )
    assert sum(key is not None for key in made[:20]) == 5
    assert None not in made[20:]
    assert len(await store.list_kept(user_id)) == 5


async def test_a_revoked_key_makes_room_for_another(store: ApiKeyStore, user_id: UserId):
    new = new_key(user_id)
    await keep(store, new, most=1)
    assert await store.create(new_key(user_id), lifetime=None, most=1) is None
    await store.revoke(new.id, user_id)
    await keep(store, new_key(user_id), most=1)


async def test_a_use_is_noted_once_a_minute(store: ApiKeyStore, user_id: UserId, database_url: str):
    new = new_key(user_id)
    await keep(store, new)

    async def noted() -> tuple[bool, datetime | None]:
        found = await store.find(new.prefix)
        assert found is not None
        await store.note_use(new.id)
        (key,) = await store.list_kept(user_id)
        return found.unnoted, key.last_used_at

    unnoted, first = await noted()
    assert unnoted
    assert first is not None
    assert await noted() == (False, first)
    pass_time(database_url, timedelta(seconds=60))
    unnoted, later = await noted()
    assert unnoted
    assert later is not None
    assert later > first


async def test_keys_that_were_revoked_long_ago_are_forgotten(store: ApiKeyStore, user_id: UserId, database_url: str):
    old, new, live = [new_key(user_id) for _ in range(3)]
    for key in (old, new, live):
        await keep(store, key, lifetime=DAY)
    await store.revoke(old.id, user_id)
    pass_time(database_url, 7 * DAY)
    await store.revoke(new.id, user_id)
    assert await store.forget_revoked(7 * DAY) == 1
    with psycopg.connect(database_url) as database:
        left = {key for (key,) in database.execute("select id from api_keys").fetchall()}
    assert left == {new.id, live.id}


async def test_without_its_database_every_method_says_so(own_postgres: OwnPostgres):
    own_postgres.stop()
    async with open_pool(own_postgres.url) as pool:
        store, key_id, user_id = ApiKeyStore(pool), ApiKeyId(new_id()), UserId(new_id())
        outcomes = await asyncio.gather(
            store.create(new_key(user_id), lifetime=None, most=1),
            store.list_kept(user_id),
            store.revoke(key_id, user_id),
            store.find("aaaaaaaa"),
            store.note_use(key_id),
            store.forget_revoked(DAY),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 6
