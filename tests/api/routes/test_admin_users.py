"""/v1/admin/users: what administrators see of accounts, and what they change."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from deeper_core import Delta, Role, UserId
from deeper_model import ScriptedProvider
from tests.api.ledgers import Entry, enter
from tests.api.shapes import ANY_ID, ANY_TIME, require_error, require_headers
from tests.api.stores import open_users
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Client, Json, Reply, credentials, sign_up
from tests.fixtures.applications import application, config_for

USERS = "/v1/admin/users"
QUESTION: Json = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}
NOTHING_USED: Json = {
    "requests": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "estimated_requests": 0,
    "failed_requests": 0,
}


def of(account: Account, more: str = "") -> str:
    return f"{USERS}/{account.user['id']}{more}"


async def change(admin: Account, account: Account, **fields: object) -> Reply:
    return await admin.client.call("PATCH", of(account), fields)


async def events(admin: Account, account: Account) -> list[Json]:
    """What administrators did to ``account``, the oldest first, without times and addresses."""
    items = (await admin.client.get(f"/v1/admin/audit?user_id={account.user['id']}")).json()["items"]
    names = ("kind", "actor_id", "subject_id", "details")
    return [{name: each[name] for name in names} for each in reversed(items) if each["actor_id"] != account.user["id"]]


def noted(admin: Account, account: Account, kind: str, **details: object) -> Json:
    return {"kind": kind, "actor_id": admin.user["id"], "subject_id": account.user["id"], "details": details}


async def test_accounts_are_listed_with_their_quotas(admin: Account, client: AsgiClient):
    account = await sign_up(client)
    reply = await admin.client.get(f"{USERS}?limit=1&search={account.email}")
    shown = account.user | {"tokens_per_day": None}
    assert (reply.status, reply.json()) == (200, {"items": [shown], "cursor": None})
    require_headers(reply)


async def test_pages_of_accounts_lead_from_the_newest_to_the_oldest(admin: Account, client: AsgiClient):
    made = [(await sign_up(client)).user["id"] for _ in range(3)]
    first = (await admin.client.get(f"{USERS}?limit=2")).json()
    second = (await admin.client.get(f"{USERS}?limit=2&cursor={first['cursor']}")).json()
    assert [each["id"] for each in first["items"] + second["items"]][:3] == made[::-1]


async def test_a_search_looks_into_addresses_in_either_case_and_knows_no_wildcards(admin: Account, account: Account):
    part = account.email.split("@")[0][-20:]
    for search, found in ((part.upper(), 1), (part[:10] + "%25" + part[11:], 0), (part[:10] + "_" + part[11:], 0)):
        assert len((await admin.client.get(f"{USERS}?search={search}")).json()["items"]) == found


async def test_accounts_are_found_by_role_and_by_being_disabled(admin: Account, account: Account):
    assert (await change(admin, account, disabled=True)).status == 200

    async def found(query: str) -> bool:
        items = (await admin.client.get(f"{USERS}?search={account.email}&{query}")).json()["items"]
        return len(items) == 1

    assert [await found(query) for query in ("state=disabled", "state=active", "role=user", "role=admin")] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "query",
    [
        "search=",
        "search=%20",
        "search=%00",
        "search=a%0Ab",
        f"search={'a' * 321}",
        "role=root",
        "state=null",
        "cursor=x",
        "limit=0",
    ],
)
async def test_what_makes_no_sense_is_refused(admin: Account, query: str):
    reply = await admin.client.get(f"{USERS}?{query}")
    require_error(reply, 422, "validation_failed", details=reply.json()["error"]["details"])


async def test_an_account_is_shown_with_what_belongs_to_it(
    admin: Account, account: Account, accounts_url: str, scripted: ScriptedProvider
):
    await account.log_in()
    await account.client.post("/v1/api-keys", {"name": "x", "scopes": ["read"]})
    await account.client.post("/v1/conversations", {"title": "x"})
    enter(accounts_url, UserId(UUID(account.user["id"])), [Entry(datetime.now(UTC))])
    goes_on = asyncio.Event()
    scripted.play(Delta(content="a"), goes_on)
    async with account.client.open("POST", "/v1/chat", QUESTION) as stream:
        await stream.head()
        await stream.read_until(b'"a"')
        reply = await admin.client.get(of(account))
        goes_on.set()
    assert (reply.status, reply.json()) == (
        200,
        account.user
        | {
            "tokens_per_day": None,
            "sessions": 2,
            "api_keys": 1,
            "conversations": 1,
            "running": 1,
            "last_seen_at": ANY_TIME,
            "usage": NOTHING_USED | {"requests": 1, "prompt_tokens": 10, "completion_tokens": 20},
        },
    )


async def test_an_administrator_makes_an_account_that_can_sign_in(admin: Account, client: AsgiClient):
    given = credentials()
    reply = await admin.client.post(USERS, given | {"role": "admin"})
    assert (reply.status, reply.json()["email"], reply.json()["role"]) == (201, given["email"], "admin")
    assert (await client.post("/v1/auth/login", given)).status == 200
    made = Account(client, reply.json(), given["email"], given["password"], "", "")
    assert (await events(admin, made))[:1] == [noted(admin, made, "account_created", role="admin")]
    require_error(await admin.client.post(USERS, given), 409, "email_taken")


async def test_who_is_given_a_role_has_it_at_once_and_loses_it_at_once(admin: Account, account: Account):
    assert (await account.client.get(USERS)).status == 403
    assert (await change(admin, account, role="admin")).json()["role"] == "admin"
    assert (await account.client.get(USERS)).status == 200
    assert (await change(admin, account, role="user")).json()["role"] == "user"
    assert (await account.client.get(USERS)).status == 403
    assert await events(admin, account) == [
        noted(admin, account, "role_changed", role="admin"),
        noted(admin, account, "role_changed", role="user"),
    ]


async def test_who_is_disabled_is_signed_out_and_cannot_sign_in_until_enabled(admin: Account, account: Account):
    key = (await account.client.post("/v1/api-keys", {"name": "x", "scopes": ["read"]})).json()["key"]
    program = account.client.as_user(key)
    assert (await program.get("/v1/me")).status == 200
    reply = await change(admin, account, disabled=True)
    assert (reply.json()["disabled_at"], reply.json()["sessions"]) == (ANY_TIME, 0)
    require_error(await account.client.get("/v1/me"), 401, "invalid_token")
    require_error(await program.get("/v1/me"), 401, "invalid_token")
    login = {"email": account.email, "password": account.password}
    require_error(await account.client.post("/v1/auth/login", login), 403, "forbidden")
    assert (await change(admin, account, disabled=False)).json()["disabled_at"] is None
    assert (await account.client.post("/v1/auth/login", login)).status == 200
    # To say what is so already changes nothing, and is nothing to note.
    await change(admin, account, disabled=False, role="user", tokens_per_day=None)
    assert await events(admin, account) == [
        noted(admin, account, "account_disabled"),
        {"kind": "login_failed", "actor_id": None, "subject_id": account.user["id"]}
        | {"details": {"reason": "account_disabled"}},
        noted(admin, account, "account_enabled"),
    ]


async def test_what_is_being_answered_is_cancelled_when_its_user_is_disabled(
    admin: Account, account: Account, scripted: ScriptedProvider
):
    scripted.play(Delta(content="a"), asyncio.Event())
    async with account.client.open("POST", "/v1/chat", QUESTION) as stream:
        await stream.head()
        await stream.read_until(b'"a"')
        await change(admin, account, disabled=True)
        assert b"event: done" in await stream.rest()


@pytest.mark.parametrize("fields", [{"disabled": True}, {"role": "user"}, {"role": "admin", "disabled": True}])
async def test_nobody_locks_themselves_out(admin: Account, fields: Json):
    require_error(await change(admin, admin, **fields), 409, "conflict")
    require_error(await admin.client.delete(of(admin)), 409, "conflict")
    assert (await change(admin, admin, role="admin", disabled=False, tokens_per_day=7)).status == 200


async def test_an_account_is_deleted_with_everything(admin: Account, account: Account):
    stored = await account.client.post("/v1/chat", QUESTION | {"store": True, "stream": False})
    assert stored.status == 200
    assert (await admin.client.delete(of(account))).status == 204
    require_error(await account.client.get("/v1/me"), 401, "invalid_token")
    require_error(await admin.client.get(of(account)), 404, "not_found")
    require_error(await admin.client.delete(of(account)), 404, "not_found")
    assert (await events(admin, account))[-1] == noted(admin, account, "account_deleted")
    assert (await admin.client.get(f"/v1/admin/usage?user_id={account.user['id']}")).json()["items"] == []


async def test_sessions_are_listed_and_ended(admin: Account, account: Account):
    other = await account.log_in()
    sessions = (await admin.client.get(of(account, "/sessions"))).json()["items"]
    assert [each["current"] for each in sessions] == [False, False]
    assert sessions[0] == {
        "id": ANY_ID,
        "created_at": ANY_TIME,
        "last_used_at": ANY_TIME,
        "expires_at": ANY_TIME,
        "user_agent": None,
        "ip_address": "192.0.2.7",
        "current": False,
    }
    newest = sessions[0]["id"]
    assert (await admin.client.delete(of(account, f"/sessions/{newest}"))).status == 204
    require_error(await admin.client.delete(of(account, f"/sessions/{newest}")), 404, "not_found")
    require_error(await other.client.get("/v1/me"), 401, "invalid_token")
    assert (await account.client.get("/v1/me")).status == 200
    assert (await admin.client.delete(of(account, "/sessions"))).status == 204
    require_error(await account.client.get("/v1/me"), 401, "invalid_token")
    assert await events(admin, account) == [
        noted(admin, account, "session_revoked", session_id=newest),
        noted(admin, account, "session_revoked", count=1),
    ]


async def test_a_session_is_ended_as_that_of_its_user_only(admin: Account, account: Account, client: AsgiClient):
    other = await sign_up(client)
    (session,) = (await admin.client.get(of(other, "/sessions"))).json()["items"]
    require_error(await admin.client.delete(of(account, f"/sessions/{session['id']}")), 404, "not_found")
    assert (await other.client.get("/v1/me")).status == 200


async def test_keys_are_listed_and_revoked(admin: Account, account: Account):
    made = (await account.client.post("/v1/api-keys", {"name": "x", "scopes": ["read"]})).json()
    program = account.client.as_user(made.pop("key"))
    assert (await admin.client.get(of(account, "/api-keys"))).json() == {"items": [made]}
    assert (await program.get("/v1/me")).status == 200
    assert (await admin.client.delete(of(account, f"/api-keys/{made['id']}"))).status == 204
    require_error(await admin.client.delete(of(account, f"/api-keys/{made['id']}")), 404, "not_found")
    require_error(await program.get("/v1/me"), 401, "invalid_token")
    assert (await events(admin, account))[0] == noted(admin, account, "api_key_revoked", key_id=made["id"])


# Of what there is one of in each database.


@pytest.fixture
async def alone(database_url: str, scripted: ScriptedProvider) -> AsyncGenerator[Client]:
    """A client of an application in which nobody has signed up yet."""
    async with application(config_for(database_url), scripted) as client:
        yield client


async def two_administrators(client: Client, url: str) -> tuple[Account, Account]:
    first, second = await sign_up(client), await sign_up(client)
    async with open_users(url) as users:
        for each in (first, second):
            await users.set_role(UserId(UUID(each.user["id"])), Role.ADMIN)
    return await first.log_in(), await second.log_in()


@pytest.mark.parametrize("way", ["role", "disabled", "delete"])
async def test_of_two_administrators_who_remove_each_other_at_once_one_stays(
    alone: Client, database_url: str, way: str
):
    first, second = await two_administrators(alone, database_url)

    async def remove(by: Account, other: Account) -> Reply:
        if way == "delete":
            return await by.client.delete(of(other))
        return await change(by, other, **{way: "user" if way == "role" else True})

    for _ in range(10):
        replies = await asyncio.gather(remove(first, second), remove(second, first))
        assert sorted(reply.status for reply in replies) in ([200, 409], [204, 409], [200, 401], [204, 401], [200, 403])
        left = (await (first if replies[0].status < 300 else second).client.get(f"{USERS}?role=admin")).json()["items"]
        assert len([each for each in left if each["disabled_at"] is None]) == 1
        if way == "delete":
            return
        keeper, other = (first, second) if replies[0].status < 300 else (second, first)
        assert (await change(keeper, other, role="admin", disabled=False)).status == 200
        first, second = await first.log_in(), await second.log_in()


async def test_the_last_administrator_who_is_not_disabled_stays(alone: Client, database_url: str):
    first, second = await two_administrators(alone, database_url)
    assert (await change(first, second, disabled=True)).status == 200
    # Somebody else has to try, for nobody locks themselves out: one whose role is gone for less than five seconds.
    async with open_users(database_url) as users:
        await users.enable(UserId(UUID(second.user["id"])))
        second = await second.log_in()
        assert (await second.client.get(USERS)).status == 200
        await users.set_role(UserId(UUID(second.user["id"])), Role.USER)
    for reply in (
        await change(second, first, role="user"),
        await change(second, first, disabled=True),
        await second.client.delete(of(first)),
    ):
        message = "This is the last administrator of this server. Make another one first."
        require_error(reply, 409, "conflict", message)
    assert (await first.client.get(USERS)).status == 200
