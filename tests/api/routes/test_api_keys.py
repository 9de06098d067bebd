import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from deeper_auth import new_api_key
from deeper_model import ScriptedProvider
from tests.api.routes.test_table import NOBODYS_ID, QUESTION, TABLE, call
from tests.api.shapes import ANY_ID, ANY_TIME, require_error, require_headers
from tests.api.stores import open_users
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Client, Json, sign_up
from tests.fixtures.applications import LogLines, application, config_for

KEYS = "/v1/api-keys"
MESSAGE = "The API key is not valid: it is mistyped, has expired or was revoked."
BOTH = ("chat", "read")


async def make(account: Account, *scopes: str, **more: object) -> Json:
    reply = await account.client.post(KEYS, {"name": "a key", "scopes": scopes or BOTH, **more})
    assert reply.status == 201, reply
    return reply.json()


async def program(account: Account, *scopes: str) -> Client:
    """A client with a key of this account."""
    return account.client.as_user((await make(account, *scopes))["key"])


async def listed(account: Account) -> list[Json]:
    return (await account.client.get(KEYS)).json()["items"]


# Making, listing and revoking


async def test_a_key_is_shown_once(account: Account):
    reply = await account.client.post(KEYS, {"name": "  Backup of Zoë ", "scopes": ["read"], "expires_in_days": 30})
    made = reply.json()
    described = {
        "id": ANY_ID,
        "name": "Backup of Zoë",
        "prefix": made["prefix"],
        "scopes": ["read"],
        "created_at": ANY_TIME,
        "expires_at": ANY_TIME,
        "last_used_at": None,
    }
    assert (reply.status, made) == (201, described | {"key": made["key"]})
    assert re.fullmatch(rf"dsk_{made['prefix']}_[a-z2-7]{{32}}", made["key"])
    require_headers(reply)
    again = await account.client.get(KEYS)
    assert (again.status, again.json()) == (200, {"items": [described]})
    assert made["key"] not in again.body.decode()


async def test_a_key_without_an_end_says_so(account: Account):
    assert (await make(account))["expires_at"] is None
    assert (await make(account, expires_in_days=None))["expires_at"] is None


async def test_a_scope_that_is_named_twice_counts_once(account: Account):
    assert (await make(account, "read", "read"))["scopes"] == ["read"]


async def test_of_a_key_only_its_hash_is_kept(account: Account, accounts_url: str):
    made = await make(account)
    with psycopg.connect(accounts_url) as database:
        row = database.execute("select to_jsonb(api_keys)::text from api_keys where id = %s", [made["id"]]).fetchone()
    assert row is not None
    assert made["prefix"] in row[0]
    assert made["key"].rpartition("_")[2] not in row[0]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"name": ""}, "$.name"),
        ({"name": "   "}, "$.name"),
        ({"name": "x" * 101}, "$.name"),
        ({"name": "two\nlines"}, "$.name"),
        ({"name": "\x1b[31m"}, "$.name"),
        ({"name": "right to left \u202e"}, "$.name"),
        ({"scopes": []}, "$.scopes"),
        ({"scopes": ["admin"]}, "$.scopes[0]"),
        ({"scopes": ["read"] * 3}, "$.scopes"),
        ({"expires_in_days": 0}, "$.expires_in_days"),
        ({"expires_in_days": 3_651}, "$.expires_in_days"),
        ({"expires_in_days": 1e300}, "$.expires_in_days"),
    ],
)
async def test_what_makes_no_sense_is_refused(account: Account, sent: Json, field: str):
    reply = await account.client.post(KEYS, {"name": "x", "scopes": ["read"]} | sent)
    (detail,) = reply.json()["error"]["details"]
    assert detail["field"] == field
    require_error(reply, 422, "validation_failed", details=[detail])
    assert await listed(account) == []


async def test_a_name_may_have_a_hundred_characters_and_a_key_ten_years(account: Account):
    await make(account, name="ü" * 100, expires_in_days=3_650)


async def test_there_are_fifty_keys_at_most_also_when_they_are_made_at_once(account: Account):
    sent = {"name": "x", "scopes": ["read"]}
    replies = await asyncio.gather(*(account.client.post(KEYS, sent) for _ in range(53)))
    assert sorted(reply.status for reply in replies) == [201] * 50 + [409] * 3
    require_error(await account.client.post(KEYS, sent), 409, "conflict")
    keys = await listed(account)
    assert len(keys) == 50
    await account.client.delete(f"{KEYS}/{keys[0]['id']}")
    assert (await account.client.post(KEYS, sent)).status == 201


async def test_a_revoked_key_opens_nothing_from_then_on(account: Account):
    made, other = await make(account), await make(account)
    client = account.client.as_user(made["key"])
    assert (await client.get("/v1/me")).status == 200  # so that it is remembered
    reply = await account.client.delete(f"{KEYS}/{made['id']}")
    assert (reply.status, reply.body) == (204, b"")
    require_headers(reply)
    require_error(await client.get("/v1/me"), 401, "invalid_token", MESSAGE)
    assert [key["id"] for key in await listed(account)] == [other["id"]]
    assert (await account.client.as_user(other["key"]).get("/v1/me")).status == 200
    require_error(await account.client.delete(f"{KEYS}/{made['id']}"), 404, "not_found")


async def test_the_key_of_somebody_else_does_not_exist(account: Account, client: AsgiClient):
    stranger = await sign_up(client)
    theirs = await make(stranger)
    require_error(await account.client.delete(f"{KEYS}/{theirs['id']}"), 404, "not_found")
    assert await listed(account) == []
    assert (await client.as_user(theirs["key"]).get("/v1/me")).json() == stranger.user


# What a key opens

# Nothing of this is for a program, whatever its key is for.
FOR_PERSONS = [
    row
    for row, (_, nobody, _) in TABLE.items()
    if nobody == 401
    and (row[1].startswith(("/v1/auth", KEYS, "/v1/admin")) or (row[1].startswith("/v1/me") and row[0] != "GET"))
    and row[1] not in {"/v1/auth/login", "/v1/auth/refresh"}
]
FOR_PROGRAMS = [
    row
    for row, (_, nobody, _) in TABLE.items()
    if nobody == 401 and row not in FOR_PERSONS and not row[1].startswith("/v1/auth")
]


def test_every_route_that_takes_a_token_is_tried_with_a_key():
    assert len(FOR_PERSONS) >= 9
    assert {path.removeprefix("/openai").split("/")[2] for _, path in FOR_PROGRAMS} == {
        *("chat", "conversations", "generations", "me", "models", "search", "usage")
    }


@pytest.mark.parametrize(("method", "path"), FOR_PERSONS)
@pytest.mark.parametrize("scopes", [BOTH, ("chat",), ("read",)])
async def test_no_key_makes_more_of_itself(account: Account, method: str, path: str, scopes: Sequence[str]):
    reply = await call(await program(account, *scopes), method, path, TABLE[method, path][0])
    assert reply.json()["error"]["code"] == "forbidden"
    require_error(reply, 403, "forbidden")
    assert (await account.client.get("/v1/me")).status == 200


@pytest.mark.parametrize(("method", "path"), FOR_PROGRAMS)
@pytest.mark.parametrize("scopes", [BOTH, ("chat",)])
async def test_a_key_for_chat_opens_the_rest(account: Account, method: str, path: str, scopes: Sequence[str]):
    sent, _, status = TABLE[method, path]
    reply = await call(await program(account, *scopes), method, path, sent)
    assert reply.status == status
    require_headers(reply)


@pytest.mark.parametrize(("method", "path"), FOR_PROGRAMS)
async def test_a_key_for_reading_opens_what_is_read(account: Account, method: str, path: str):
    sent, _, status = TABLE[method, path]
    reply = await call(await program(account, "read"), method, path, sent)
    if method == "GET":
        assert reply.status == status
    else:
        require_error(reply, 403, "forbidden")


async def test_a_key_for_reading_may_ask_for_heads(account: Account):
    assert (await (await program(account, "read")).call("HEAD", "/v1/models")).status == 200


async def test_what_a_key_does_is_done_by_its_owner(account: Account, client: AsgiClient):
    stranger = await sign_up(client)
    asking = await program(account)
    assert (await asking.get("/v1/me")).json() == account.user
    await asking.post("/v1/chat", QUESTION | {"store": True})
    (kept,) = (await account.client.get("/v1/conversations")).json()["items"]
    theirs = await program(stranger)
    require_error(await theirs.get(f"/v1/conversations/{kept['id']}"), 404, "not_found")


# Keys that open nothing


@pytest.mark.parametrize("scheme", ["Basic", ""])
async def test_a_key_is_a_bearer_token(account: Account, client: AsgiClient, scheme: str):
    key = (await make(account))["key"]
    reply = await client.get("/v1/me", headers={"authorization": f"{scheme} {key}".strip()})
    require_error(reply, 401, "invalid_token")


async def test_a_key_in_the_query_is_no_key(account: Account, client: AsgiClient):
    key = (await make(account))["key"]
    for name in ("access_token", "api_key", "key"):
        require_error(await client.get(f"/v1/me?{name}={key}"), 401, "invalid_token")


async def test_whatever_is_wrong_with_a_key_it_opens_nothing(account: Account, client: AsgiClient):
    key, nobodys = (await make(account))["key"], new_api_key().text
    head, prefix, secret = key.split("_")
    changed = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    for wrong in (nobodys, f"{head}_{prefix}_{changed}", f"{head}_{prefix}_{nobodys[-32:]}"):
        require_error(await client.as_user(wrong).get("/v1/me"), 401, "invalid_token", MESSAGE)
    for none in (key.upper(), key[:-1], key + "a", f"{head}_{prefix}", f"{prefix}_{secret}", f"{key} {key}"):
        require_error(await client.as_user(none).get("/v1/me"), 401, "invalid_token")


async def test_an_expired_key_opens_nothing_and_stays_in_the_list(account: Account, accounts_url: str):
    made = await make(account, expires_in_days=1)
    shift = "update api_keys set created_at = created_at - %(day)s, expires_at = now() where id = %(id)s"
    with psycopg.connect(accounts_url, autocommit=True) as database:
        database.execute(shift, {"day": timedelta(days=1), "id": UUID(made["id"])})
    require_error(await account.client.as_user(made["key"]).get("/v1/me"), 401, "invalid_token", MESSAGE)
    assert [key["id"] for key in await listed(account)] == [made["id"]]


async def test_the_keys_of_a_disabled_account_open_nothing(account: Account, accounts_url: str):
    client = await program(account)
    async with open_users(accounts_url) as users:
        await users.disable(UUID(account.user["id"]))  # pyright: ignore[reportArgumentType]  - an id is a UUID
    require_error(await client.get("/v1/me"), 401, "invalid_token", MESSAGE)


async def test_the_keys_of_a_deleted_account_open_nothing(account: Account):
    client = await program(account)
    await account.client.delete("/v1/me", {"password": account.password})
    require_error(await client.get("/v1/me"), 401, "invalid_token", MESSAGE)


async def test_a_key_outlives_the_session_that_made_it(account: Account):
    client = await program(account)
    await account.client.post("/v1/auth/logout")
    assert (await client.get("/v1/me")).status == 200


async def test_a_key_works_at_every_server(account: Account, accounts_url: str):
    key = (await make(account))["key"]
    async with application(config_for(accounts_url), ScriptedProvider()) as other:
        assert (await other.as_user(key).get("/v1/me")).json() == account.user


# What is told of it


async def test_a_use_is_shown_in_the_list(account: Account):
    used, unused = await make(account), await make(account)
    await account.client.as_user(used["key"]).get("/v1/me")
    assert {key["id"]: key["last_used_at"] for key in await listed(account)} == {
        used["id"]: ANY_TIME,
        unused["id"]: None,
    }


async def test_no_key_gets_into_a_log(account: Account, client: AsgiClient, log_lines: LogLines):
    made = await make(account)
    wrong = made["key"][:-1] + "_"
    for key in (made["key"], wrong, new_api_key().text):
        await client.as_user(key).get("/v1/me")
        await client.as_user(key).get(f"/v1/generations/{NOBODYS_ID}?key={key}")
        await client.as_user(key).delete("/v1/me", {"password": key})
    secret = made["key"].rpartition("_")[2]
    assert any(line["user_id"] == account.user["id"] for line in log_lines.of("deeper.requests"))
    assert [line for line in log_lines.text if secret[:-1] in line or "dsk_" in line] == []
