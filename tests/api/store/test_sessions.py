"""`PostgresSessionStore` does what every store of sessions has to do, on a real database, and more."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest

from deeper_api.store.people import PeopleStore
from deeper_api.store.pool import Pool, connection
from deeper_api.store.sessions import PostgresSessionStore, Standing
from deeper_api.store.users import UserStore
from deeper_auth import RevocationReason, SessionStore, parse_email
from deeper_auth.conformance import POLICY, Ability, SessionStoreConformance, Stage, new_session
from deeper_core import DatabaseUnavailable, Role, SessionId, Unauthenticated, UserId, new_id
from tests.api.stores import open_pool
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


class PostgresStage(Stage):
    """A store over connections of its own; time goes by for the rows, whose times move into the past."""

    def __init__(self, pool: Pool, url: str) -> None:
        super().__init__(PostgresSessionStore(pool))
        self._pool = pool
        self._url = url

    async def new_user(self) -> UserId:
        return await make_user(self._pool)

    async def advance(self, duration: timedelta) -> None:
        async with connection(self._pool) as database:
            await database.execute(SHIFT, {"seconds": duration.total_seconds()})

    @asynccontextmanager
    async def another(self) -> AsyncGenerator[SessionStore]:
        async with open_pool(self._url, max_size=8) as pool:
            yield PostgresSessionStore(pool)

    @asynccontextmanager
    async def unreachable(self) -> AsyncGenerator[SessionStore]:
        async with open_pool("postgresql://nobody@127.0.0.1:1/nothing") as pool:
            yield PostgresSessionStore(pool)


class PostgresHarness:
    """Can do everything, in the database at ``url``."""

    def __init__(self) -> None:
        self.without: dict[Ability, str] = {}
        self.url = ""

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[Stage]:
        async with open_pool(self.url, max_size=8) as pool:
            yield PostgresStage(pool, self.url)


class TestPostgresSessionStore(SessionStoreConformance):
    harness = postgres = PostgresHarness()

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> None:
        self.postgres.url = database_url


async def test_nobody_who_is_gone_can_be_signed_in(store: PostgresSessionStore):
    with pytest.raises(Unauthenticated):
        await store.create(new_session(UserId(new_id())), POLICY)


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
    await PeopleStore(pool).remove(user_id)
    assert await store.standing(session.id) is None
    assert await store.find_live(session.id) is None


async def test_an_unknown_session_does_not_stand(store: PostgresSessionStore):
    assert await store.standing(SessionId(new_id())) is None


async def test_without_its_database_nobody_is_said_not_to_stand(own_postgres: OwnPostgres):
    own_postgres.stop()
    async with open_pool(own_postgres.url) as pool:
        with pytest.raises(DatabaseUnavailable):
            await PostgresSessionStore(pool).standing(SessionId(new_id()))
