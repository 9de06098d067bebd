"""`PostgresSessionStore` keeps the contract of session stores, on a real database and over several connections."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from deeper_api.store.pool import Pool
from deeper_api.store.sessions import PostgresSessionStore, Standing
from deeper_api.store.users import UserStore
from deeper_auth import RevocationReason, parse_email
from deeper_core import DatabaseUnavailable, Role, SessionId, Unauthenticated, UserId, new_id
from tests.api.stores import open_pool
from tests.auth.session_store_contract import POLICY, Advance, SessionStoreContract, new_session
from tests.fixtures.postgres import OwnPostgres

SHIFT = """
    update sessions
    set created_at = created_at - make_interval(secs => %(seconds)s),
        rotated_at = rotated_at - make_interval(secs => %(seconds)s),
        expires_at = expires_at - make_interval(secs => %(seconds)s),
        revoked_at = revoked_at - make_interval(secs => %(seconds)s)
"""


async def make_user(pool: Pool, **more: Role) -> UserId:
    user_id = UserId(new_id())
    return (await UserStore(pool).create(user_id, parse_email(f"u-{user_id.hex}@example.com"), "a hash", **more)).id


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, min_size=1, max_size=8) as pool:
        yield pool


@pytest.fixture
def store(pool: Pool) -> PostgresSessionStore:
    return PostgresSessionStore(pool)


@pytest.fixture
async def user_id(pool: Pool) -> UserId:
    return await make_user(pool)


class TestPostgresSessionStore(SessionStoreContract):
    @pytest.fixture
    def store(self, pool: Pool) -> PostgresSessionStore:
        return PostgresSessionStore(pool)

    @pytest.fixture
    async def user_id(self, pool: Pool) -> UserId:
        return await make_user(pool)

    @pytest.fixture
    async def other_id(self, pool: Pool) -> UserId:
        return await make_user(pool)

    @pytest.fixture
    def advance(self, database_url: str) -> Advance:
        """Time goes by for the rows: all of their times move into the past."""

        async def shift(seconds: float) -> None:
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
                await database.execute(SHIFT, {"seconds": seconds})

        return shift


async def test_nobody_who_is_gone_can_be_signed_in(store: PostgresSessionStore):
    with pytest.raises(Unauthenticated):
        await store.create(new_session(UserId(new_id())), POLICY)


async def test_refreshes_at_once_over_two_pools_agree_on_the_successor(
    store: PostgresSessionStore, user_id: UserId, database_url: str
):
    session = await store.create(new_session(user_id), POLICY)
    async with open_pool(database_url, max_size=8) as other:
        stores = [store, PostgresSessionStore(other)]
        rotations = await asyncio.gather(*(stores[i % 2].rotate(session.id, 0, POLICY) for i in range(50)))
    assert sorted(rotation.verdict for rotation in rotations) == ["grace"] * 49 + ["rotate"]
    assert {rotation.session and rotation.session.generation for rotation in rotations} == {1}


async def test_addresses_of_both_families_come_back_as_they_were(store: PostgresSessionStore, user_id: UserId):
    for address in ("192.0.2.1", "2001:db8::1", None):
        new = new_session(user_id)
        session = await store.create(type(new)(id=new.id, user_id=user_id, ip_address=address), POLICY)
        assert session.ip_address == address


# What a request asks


async def test_a_live_session_of_an_active_account_stands(store: PostgresSessionStore, pool: Pool):
    admin = await make_user(pool, role=Role.ADMIN)
    session = await store.create(new_session(admin), POLICY)
    assert await store.standing(session.id) == Standing(user_id=admin, role=Role.ADMIN)


async def test_an_ended_session_does_not_stand(store: PostgresSessionStore, user_id: UserId):
    session = await store.create(new_session(user_id), POLICY)
    await store.revoke(session.id, user_id, RevocationReason.LOGOUT)
    assert await store.standing(session.id) is None


async def test_an_expired_session_does_not_stand(store: PostgresSessionStore, user_id: UserId, database_url: str):
    session = await store.create(new_session(user_id), POLICY)
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(SHIFT, {"seconds": 15 * 86_400})
    assert await store.standing(session.id) is None


async def test_the_session_of_a_disabled_account_does_not_stand_until_it_is_enabled(
    store: PostgresSessionStore, pool: Pool, user_id: UserId
):
    session = await store.create(new_session(user_id), POLICY)
    await UserStore(pool).disable(user_id)
    assert await store.standing(session.id) is None
    await UserStore(pool).enable(user_id)
    assert await store.standing(session.id) is not None


async def test_a_session_goes_with_its_account(store: PostgresSessionStore, pool: Pool, user_id: UserId):
    session = await store.create(new_session(user_id), POLICY)
    await UserStore(pool).delete(user_id)
    assert await store.standing(session.id) is None
    assert await store.find_live(session.id) is None


async def test_an_unknown_session_does_not_stand(store: PostgresSessionStore):
    assert await store.standing(SessionId(new_id())) is None


async def test_without_its_database_every_method_says_so(own_postgres: OwnPostgres):
    own_postgres.stop()
    async with open_pool(own_postgres.url) as pool:
        store, session_id, user_id = PostgresSessionStore(pool), SessionId(new_id()), UserId(new_id())
        outcomes = await asyncio.gather(
            store.create(new_session(user_id), POLICY),
            store.rotate(session_id, 0, POLICY),
            store.find_live(session_id),
            store.list_live(user_id),
            store.revoke(session_id, user_id, RevocationReason.LOGOUT),
            store.revoke_all(user_id, RevocationReason.LOGOUT),
            store.forget_ended(POLICY.idle),
            store.standing(session_id),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 8
