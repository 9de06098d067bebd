"""/v1/admin/audit: what is noted of what people do, and who may read it."""

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from deeper_api.accounts.directory import create_directory
from deeper_auth import KeyRing
from deeper_core import Role, UserId
from tests.api.shapes import ANY_ID, ANY_TIME, require_error, require_headers
from tests.api.stores import open_pool, open_users
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Json, sign_up
from tests.fixtures.applications import SECRET, config_for

AUDIT = "/v1/admin/audit"
NEW = "another password, and a long one"


async def events(admin: Account, account: Account, *, but: tuple[str, ...] = ("signed_up",)) -> list[Json]:
    """What was noted of ``account``, the oldest first, without what always is."""
    reply = await admin.client.get(f"{AUDIT}?limit=100&user_id={account.user['id']}")
    assert reply.status == 200
    return [each for each in reversed(reply.json()["items"]) if each["kind"] not in but]


async def test_administrators_see_what_happened(admin: Account, client: AsgiClient):
    account = await sign_up(client)
    reply = await admin.client.get(f"{AUDIT}?user_id={account.user['id']}")
    signed_up = {
        "id": ANY_ID,
        "at": ANY_TIME,
        "kind": "signed_up",
        "actor_id": account.user["id"],
        "subject_id": account.user["id"],
        "ip_address": "192.0.2.7",
        "user_agent": None,
        "details": {},
    }
    assert (reply.status, reply.json()) == (200, {"items": [signed_up], "cursor": None})
    require_headers(reply)


async def test_nobody_else_sees_it(account: Account):
    require_error(await account.client.get(AUDIT), 403, "forbidden")


async def test_not_even_the_key_of_an_administrator_opens_it(admin: Account):
    made = await admin.client.post("/v1/api-keys", {"name": "x", "scopes": ["chat", "read"]})
    require_error(await admin.client.as_user(made.json()["key"]).get(AUDIT), 403, "forbidden")


async def test_who_is_an_administrator_no_more_sees_nothing_more(admin: Account, client: AsgiClient, accounts_url: str):
    other = await sign_up(client)
    async with open_users(accounts_url) as users:
        await users.set_role(UserId(UUID(other.user["id"])), Role.ADMIN)
        other = await other.log_in()
        await users.set_role(UserId(UUID(other.user["id"])), Role.USER)
    require_error(await other.client.get(AUDIT), 403, "forbidden")
    assert (await admin.client.get(AUDIT)).status == 200


async def test_pages_lead_from_the_newest_to_the_oldest(admin: Account, account: Account):
    for _ in range(4):
        await account.log_in()
    query = f"{AUDIT}?user_id={account.user['id']}&kind=logged_in&limit=3"
    first = (await admin.client.get(query)).json()
    second = (await admin.client.get(f"{query}&cursor={first['cursor']}")).json()
    ids = [each["id"] for each in first["items"] + second["items"]]
    assert len(ids) == 4
    assert ids == sorted(ids, reverse=True)
    assert second["cursor"] is None


@pytest.mark.parametrize(
    "query", ["kind=nothing", "kind=null", "user_id=x", "user_id=null", "limit=0", "limit=101", "cursor=x"]
)
async def test_what_makes_no_sense_is_refused(admin: Account, query: str):
    reply = await admin.client.get(f"{AUDIT}?{query}")
    require_error(reply, 422, "validation_failed", details=reply.json()["error"]["details"])


async def test_a_login_is_noted_and_so_is_a_wrong_password(admin: Account, account: Account, client: AsgiClient):
    await account.log_in()
    wrong = {"email": account.email, "password": "not the password"}
    await client.post("/v1/auth/login", wrong, headers={"user-agent": "a guesser"})
    login, failure = await events(admin, account)
    assert (login["kind"], login["actor_id"]) == ("logged_in", account.user["id"])
    assert (failure["kind"], failure["actor_id"], failure["subject_id"]) == ("login_failed", None, account.user["id"])
    assert (failure["details"], failure["user_agent"]) == ({"reason": "wrong_password"}, "a guesser")


async def test_a_login_to_no_account_is_noted_without_the_address(admin: Account, client: AsgiClient):
    await client.post("/v1/auth/login", {"email": "unknown-person@example.com", "password": "the password of nobody"})
    reply = await admin.client.get(f"{AUDIT}?kind=login_failed")
    newest = next(each for each in reply.json()["items"] if each["details"]["reason"] == "unknown_account")
    assert (newest["actor_id"], newest["subject_id"]) == (None, None)
    assert b"unknown-person" not in reply.body


async def test_a_refresh_token_that_comes_back_is_noted(
    admin: Account, account: Account, client: AsgiClient, accounts_url: str
):
    token = account.refresh_token
    await client.post("/v1/auth/refresh", {"refresh_token": token})
    later = "update sessions set rotated_at = created_at, created_at = created_at - %s where user_id = %s"
    early = "update sessions set rotated_at = rotated_at - %s where user_id = %s"
    with psycopg.connect(accounts_url, autocommit=True) as database:
        minute, user_id = timedelta(minutes=1), UUID(account.user["id"])
        database.execute(later, [2 * minute, user_id])
        database.execute(early, [minute, user_id])
    reply = await client.post("/v1/auth/refresh", {"refresh_token": token})
    require_error(reply, 401, "refresh_token_reused")
    (reused,) = await events(admin, account)
    assert (reused["kind"], reused["actor_id"]) == ("refresh_token_reused", None)
    assert reused["details"] == {"session_id": ANY_ID}
    require_error(await account.client.get("/v1/me"), 401, "invalid_token")


async def test_the_ending_of_sessions_is_noted(admin: Account, account: Account):
    await account.log_in()
    await account.client.delete("/v1/auth/sessions")
    other = await account.log_in()
    await account.client.post("/v1/auth/logout")
    assert (await account.client.post("/v1/auth/logout")).status == 401
    await other.client.delete("/v1/auth/sessions/019a0000-0000-7000-8000-000000000000")
    others, this = await events(admin, account, but=("signed_up", "logged_in"))
    assert (others["kind"], others["details"]) == ("session_revoked", {"all_but": ANY_ID, "count": 1})
    assert (this["kind"], this["details"]) == ("session_revoked", {"session_id": ANY_ID})


async def test_a_new_password_and_the_end_of_the_account_are_noted(admin: Account, account: Account):
    reply = await account.client.put("/v1/me/password", {"current_password": account.password, "new_password": NEW})
    again = account.client.as_user(reply.json()["access_token"])
    await again.delete("/v1/me", {"password": NEW})
    assert [each["kind"] for each in await events(admin, account)] == ["password_changed", "account_deleted"]


async def test_a_wrong_password_of_somebody_who_is_signed_in_is_noted_as_well(admin: Account, account: Account):
    change = {"current_password": "not the password", "new_password": NEW}
    assert (await account.client.put("/v1/me/password", change)).status == 422
    assert (await account.client.delete("/v1/me", {"password": "x"})).status == 422
    noted = await events(admin, account)
    assert [(each["kind"], each["details"]) for each in noted] == [
        ("password_refused", {"purpose": "password_change"}),
        ("password_refused", {"purpose": "account_deletion"}),
    ]
    assert {(each["actor_id"], each["ip_address"]) for each in noted} == {(account.user["id"], "192.0.2.7")}


async def test_the_making_and_revoking_of_keys_is_noted_and_their_use_after_their_end(
    admin: Account, account: Account, accounts_url: str
):
    sent = {"name": "x", "scopes": ["read"], "expires_in_days": 1}
    expired, revoked = [(await account.client.post("/v1/api-keys", sent)).json() for _ in range(2)]
    await account.client.delete(f"/v1/api-keys/{revoked['id']}")
    await account.client.delete(f"/v1/api-keys/{revoked['id']}")
    with psycopg.connect(accounts_url, autocommit=True) as database:
        shift = "update api_keys set created_at = created_at - %s, expires_at = now() where id = %s"
        database.execute(shift, [timedelta(days=1), UUID(expired["id"])])
    for key in 2 * (expired["key"], revoked["key"]):
        require_error(await account.client.as_user(key).get("/v1/me"), 401, "invalid_token")
    noted = [(each["kind"], each["details"]) for each in await events(admin, account)]
    assert noted == [
        ("api_key_made", {"key_id": expired["id"], "scopes": ["read"]}),
        ("api_key_made", {"key_id": revoked["id"], "scopes": ["read"]}),
        ("api_key_revoked", {"key_id": revoked["id"]}),
        ("api_key_used_after_expiry", {"key_id": expired["id"]}),
        ("api_key_used_after_revocation", {"key_id": revoked["id"]}),
    ]


async def test_what_is_done_on_the_command_line_is_noted(admin: Account, account: Account, accounts_url: str):
    async with open_pool(accounts_url) as pool:
        directory = create_directory(config_for(accounts_url), pool, KeyRing(SECRET))
        do = directory.administration
        await do.set_role(account.email, Role.ADMIN)
        await do.disable(account.email)
        await do.enable(account.email)
        await do.set_password(account.email, NEW)
        made = await directory.accounts.create(f"made-{account.email}", NEW)
        await directory.hasher.close()
    noted = await events(admin, account)
    assert [(each["kind"], each["details"]) for each in noted] == [
        ("role_changed", {"role": "admin"}),
        ("account_disabled", {}),
        ("account_enabled", {}),
        ("password_changed", {}),
    ]
    assert {(each["actor_id"], each["ip_address"]) for each in noted} == {(None, None)}
    reply = await admin.client.get(f"{AUDIT}?user_id={made.id}")
    assert [each["kind"] for each in reply.json()["items"]] == ["account_created"]


async def test_no_password_token_or_address_is_noted(admin: Account, account: Account, client: AsgiClient):
    key = (await account.client.post("/v1/api-keys", {"name": "x", "scopes": ["read"]})).json()["key"]
    await account.log_in()
    await client.post("/v1/auth/login", {"email": account.email, "password": "a wrong one"})
    await client.post("/v1/auth/refresh", {"refresh_token": account.refresh_token})
    await account.client.put("/v1/me/password", {"current_password": account.password, "new_password": NEW})
    said = str(await events(admin, account, but=()))
    for secret in (account.password, NEW, account.email, account.access_token, account.refresh_token, key):
        assert secret not in said
