"""The matrix of callers and routes, with the ids of things that exist and belong to one of the callers, the owner."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

import pytest

from deeper_core import Delta, Role
from deeper_model import ScriptedProvider
from tests.api.routes.test_table import CREDENTIALS, DOCUMENT, QUESTION, TABLE
from tests.api.stores import open_users
from tests.api.trees import user_id
from tests.fakes.exchanges import Account, Client, Json, Reply, sign_up

CANARY = "canary7q9z3x5v"
WRONG: Json = {"password": "not the password"}


class Door(Enum):
    """Who may come in at a route."""

    ANYBODY = "anybody"
    CALLER = "whoever signed in, and programs"
    PERSON = "whoever signed in"
    ADMIN = "administrators who signed in"


@dataclass(frozen=True)
class Row:
    """A route: what is sent to it, and what whoever may come in gets with things of their own."""

    door: Door
    status: int
    sent: object = None
    query: str = ""


# In this order, for the last ones end what those before them need.
MATRIX: dict[tuple[str, str], Row] = {
    ("GET", "/health"): Row(Door.ANYBODY, 200),
    ("GET", "/health/ready"): Row(Door.ANYBODY, 200),
    ("POST", "/v1/auth/signup"): Row(Door.ANYBODY, 422, CREDENTIALS | {"password": "x"}),
    ("POST", "/v1/auth/login"): Row(Door.ANYBODY, 401, CREDENTIALS),
    ("POST", "/v1/auth/refresh"): Row(Door.ANYBODY, 401),
    ("GET", "/v1/auth/sessions"): Row(Door.PERSON, 200),
    ("GET", "/v1/me"): Row(Door.CALLER, 200),
    ("PUT", "/v1/me/password"): Row(Door.PERSON, 422, {"current_password": "not it", "new_password": "x"}),
    ("DELETE", "/v1/me"): Row(Door.PERSON, 422, WRONG),
    ("POST", "/v1/api-keys"): Row(Door.PERSON, 201, {"name": "another", "scopes": ["read"]}),
    ("GET", "/v1/api-keys"): Row(Door.PERSON, 200),
    ("GET", "/v1/admin/audit"): Row(Door.ADMIN, 200),
    ("GET", "/v1/models"): Row(Door.CALLER, 200),
    ("GET", "/openai/v1/models"): Row(Door.CALLER, 200),
    ("GET", "/openai/v1/models/{model_id:path}"): Row(Door.CALLER, 200),
    ("POST", "/openai/v1/chat/completions"): Row(Door.CALLER, 200, QUESTION),
    ("GET", "/v1/usage"): Row(Door.CALLER, 200),
    ("GET", "/v1/search"): Row(Door.CALLER, 200, query=f"?q={CANARY}"),
    ("GET", "/v1/generations"): Row(Door.CALLER, 200),
    ("GET", "/v1/generations/{generation_id:uuid}"): Row(Door.CALLER, 200),
    ("GET", "/v1/generations/{generation_id:uuid}/events"): Row(Door.CALLER, 200),
    ("GET", "/v1/conversations"): Row(Door.CALLER, 200),
    ("GET", "/v1/conversations/{conversation_id:uuid}"): Row(Door.CALLER, 200),
    ("GET", "/v1/conversations/{conversation_id:uuid}/messages"): Row(Door.CALLER, 200),
    ("GET", "/v1/conversations/{conversation_id:uuid}/export"): Row(Door.CALLER, 200),
    ("POST", "/v1/conversations"): Row(Door.CALLER, 201, {}),
    ("POST", "/v1/conversations/import"): Row(Door.CALLER, 201, DOCUMENT),
    ("POST", "/v1/chat"): Row(Door.CALLER, 200, QUESTION),
    ("PATCH", "/v1/conversations/{conversation_id:uuid}"): Row(Door.CALLER, 200, {"title": "Mine"}),
    ("POST", "/v1/generations/{generation_id:uuid}/cancel"): Row(Door.CALLER, 200),
    ("GET", "/v1/admin/users"): Row(Door.ADMIN, 200),
    ("POST", "/v1/admin/users"): Row(Door.ADMIN, 422, CREDENTIALS | {"password": "x"}),
    ("GET", "/v1/admin/users/{user_id:uuid}"): Row(Door.ADMIN, 200),
    ("PATCH", "/v1/admin/users/{user_id:uuid}"): Row(Door.ADMIN, 200, {"tokens_per_day": 5}),
    ("GET", "/v1/admin/users/{user_id:uuid}/sessions"): Row(Door.ADMIN, 200),
    ("GET", "/v1/admin/users/{user_id:uuid}/api-keys"): Row(Door.ADMIN, 200),
    ("GET", "/v1/admin/generations"): Row(Door.ADMIN, 200),
    ("POST", "/v1/admin/generations/{generation_id:uuid}/cancel"): Row(Door.ADMIN, 200),
    ("GET", "/v1/admin/usage"): Row(Door.ADMIN, 200),
    ("GET", "/v1/admin/model-servers"): Row(Door.ADMIN, 200),
    ("DELETE", "/v1/admin/users/{user_id:uuid}/api-keys/{key_id:uuid}"): Row(Door.ADMIN, 204),
    ("DELETE", "/v1/admin/users/{user_id:uuid}/sessions/{session_id:uuid}"): Row(Door.ADMIN, 204),
    ("DELETE", "/v1/admin/users/{user_id:uuid}/sessions"): Row(Door.ADMIN, 204),
    ("DELETE", "/v1/admin/users/{user_id:uuid}"): Row(Door.ADMIN, 204),
    ("DELETE", "/v1/conversations/{conversation_id:uuid}"): Row(Door.CALLER, 204),
    ("DELETE", "/v1/api-keys/{key_id:uuid}"): Row(Door.PERSON, 204),
    ("DELETE", "/v1/auth/sessions/{session_id:uuid}"): Row(Door.PERSON, 204),
    ("DELETE", "/v1/auth/sessions"): Row(Door.PERSON, 204),
    ("POST", "/v1/auth/logout"): Row(Door.PERSON, 204),
}


@dataclass(frozen=True)
class Things:
    """What belongs to ``owner``: an id for each kind of thing, and words that nobody else may read."""

    owner: Account
    ids: dict[str, str]
    database_url: str

    @property
    def words(self) -> set[bytes]:
        return {word.encode() for word in (CANARY, self.owner.email, *self.ids.values())}

    async def ask(self, client: Client, method: str, path: str, row: Row) -> Reply:
        """The status and the headers that ``client`` gets at a route, for these things."""
        async with self._open(client, method, path, row) as exchange:
            return await exchange.head()

    async def read(self, client: Client, method: str, path: str, row: Row) -> Reply:
        """All that ``client`` gets there, which has to have an end."""
        async with asyncio.timeout(30), self._open(client, method, path, row) as exchange:
            head = await exchange.head()
            return Reply(head.status, head.headers, await exchange.rest())

    def _open(self, client: Client, method: str, path: str, row: Row):
        where = re.sub(r"\{(\w+):uuid\}", lambda found: self.ids[found[1]], path) + row.query
        where = where.replace("{model_id:path}", "scripted")
        return client.open(method, where) if row.sent is None else client.open(method, where, row.sent)


@pytest.fixture
async def things(account: Account, scripted: ScriptedProvider, accounts_url: str) -> AsyncGenerator[Things]:
    """Those of ``account``, whose answer is still being written."""
    client, goes_on = account.client, asyncio.Event()
    scripted.play(Delta(content=CANARY), goes_on)
    asked = QUESTION | {"messages": [{"role": "user", "content": CANARY}], "store": True, "on_disconnect": "continue"}
    async with client.open("POST", "/v1/chat", asked) as stream:
        await stream.head()
        await stream.read_until(CANARY.encode())
    (generation,) = (await client.get("/v1/generations")).json()["items"]
    other = await account.log_in()
    (session,) = [each for each in (await other.client.get("/v1/auth/sessions")).json() if each["current"]]
    key = (await client.post("/v1/api-keys", {"name": CANARY, "scopes": ["chat"]})).json()
    ids = {
        "conversation_id": generation["conversation_id"],
        "generation_id": generation["id"],
        "key_id": key["id"],
        "session_id": session["id"],
        "user_id": account.user["id"],
    }
    yield Things(account, ids, accounts_url)
    goes_on.set()


# Callers


async def nobody(things: Things) -> Client:
    return things.owner.client.as_user(None)


async def owner(things: Things) -> Client:
    return things.owner.client


async def stranger(things: Things) -> Client:
    return (await sign_up(things.owner.client)).client


async def administrator(things: Things) -> Client:
    account = await sign_up(things.owner.client)
    async with open_users(things.database_url) as users:
        await users.set_role(user_id(account), Role.ADMIN)  # pyright: ignore[reportArgumentType]  - an id is a UUID
    return (await account.log_in()).client


async def program(account: Account, scope: str) -> Client:
    made = await account.client.post("/v1/api-keys", {"name": "a program", "scopes": [scope]})
    return account.client.as_user(made.json()["key"])


async def program_that_chats(things: Things) -> Client:
    return await program(things.owner, "chat")


async def program_that_reads(things: Things) -> Client:
    return await program(things.owner, "read")


async def strangers_program(things: Things) -> Client:
    return await program(await sign_up(things.owner.client), "chat")


async def disable(things: Things) -> None:
    async with open_users(things.database_url) as users:
        await users.disable(user_id(things.owner))  # pyright: ignore[reportArgumentType]  - an id is a UUID


async def disabled_owner(things: Things) -> Client:
    client = (await things.owner.log_in()).client
    await disable(things)
    return client


async def program_of_the_disabled_owner(things: Things) -> Client:
    client = await program(things.owner, "chat")
    await disable(things)
    return client


Caller = Callable[[Things], Awaitable[Client]]
OUTSIDE: tuple[Caller, ...] = (nobody, disabled_owner, program_of_the_disabled_owner)
FOREIGN: tuple[Caller, ...] = (stranger, administrator, strangers_program)
PROGRAMS: tuple[Caller, ...] = (program_that_chats, program_that_reads, strangers_program)
CALLERS: tuple[Caller, ...] = (owner, program_that_chats, program_that_reads, *OUTSIDE, *FOREIGN)


def expected(caller: Caller, method: str, path: str, row: Row) -> int:
    """The status that this caller gets."""
    if row.door is Door.ANYBODY:
        return row.status
    if caller in OUTSIDE:
        return 401
    if caller in PROGRAMS and row.door is not Door.CALLER:
        return 403
    if caller is program_that_reads and method != "GET":
        return 403
    if row.door is Door.ADMIN:
        return row.status if caller is administrator else 403
    return 404 if caller in FOREIGN and ":uuid}" in path else row.status


def test_the_matrix_has_every_route():
    assert set(MATRIX) == set(TABLE)


def test_the_matrix_asks_for_every_kind_of_thing():
    assert {name for _, path in MATRIX for name in re.findall(r"\{(\w+):uuid\}", path)} == {
        *("conversation_id", "generation_id", "key_id", "session_id", "user_id")
    }


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.__name__)
async def test_each_route_lets_in_whom_it_is_for(things: Things, caller: Caller):
    client = await caller(things)
    found = {route: (await things.ask(client, *route, row)).status for route, row in MATRIX.items()}
    assert found == {route: expected(caller, *route, row) for route, row in MATRIX.items()}


# Whoever follows an answer waits for its end.
SHOWN = [
    route
    for route, row in MATRIX.items()
    if route[0] == "GET" and row.door in {Door.CALLER, Door.PERSON} and not route[1].endswith("/events")
]


async def shown(things: Things) -> dict[tuple[str, str], bytes]:
    """All that the owner reads."""
    return {route: (await things.read(things.owner.client, *route, MATRIX[route])).body for route in SHOWN}


async def test_the_owner_reads_it_all(things: Things):
    bodies = b"".join((await shown(things)).values())
    assert {word for word in things.words if word not in bodies} == set()


@pytest.mark.parametrize("caller", [*OUTSIDE, *FOREIGN], ids=lambda caller: caller.__name__)
async def test_nobody_else_reads_anything_of_the_owner(things: Things, caller: Caller):
    client = await caller(things)
    # What administrators read there is of everybody.
    rows = {route: row for route, row in MATRIX.items() if row.door is not Door.ADMIN}
    bodies = {route: (await things.read(client, *route, row)).body for route, row in rows.items()}
    assert {route for route, body in bodies.items() if any(word in body for word in things.words)} == set()


@pytest.mark.parametrize("caller", [nobody, *FOREIGN], ids=lambda caller: caller.__name__)
async def test_nobody_else_changes_anything_of_the_owner(things: Things, caller: Caller):
    client, before = await caller(things), await shown(things)
    for route, row in MATRIX.items():
        # What administrators do there is what they are for.
        if row.door is not Door.ADMIN or caller is not administrator:
            await things.ask(client, *route, row)
    assert await shown(things) == before
