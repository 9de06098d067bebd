import psycopg

from tests.api.shapes import require_error, require_headers, tokens, user
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, sign_up

NEW = "another password, and a long one"
WRONG = "This is not the present password."


async def test_my_account_is_shown(account: Account):
    reply = await account.client.get("/v1/me")
    assert (reply.status, reply.json()) == (200, user(account.email))
    require_headers(reply)


async def test_a_new_password_replaces_the_old_one(account: Account, client: AsgiClient):
    change = {"current_password": account.password, "new_password": NEW}
    reply = await account.client.put("/v1/me/password", change)
    assert (reply.status, reply.json()) == (200, tokens())
    require_headers(reply)
    login = {"email": account.email}
    require_error(
        await client.post("/v1/auth/login", login | {"password": account.password}), 401, "invalid_credentials"
    )
    assert (await client.post("/v1/auth/login", login | {"password": NEW})).status == 200


async def test_a_new_password_ends_every_session_and_this_device_goes_on_with_new_tokens(
    account: Account, client: AsgiClient
):
    other = await account.log_in()
    assert (await other.client.get("/v1/me")).status == 200  # so that it is remembered
    change = {"current_password": account.password, "new_password": NEW}
    given = (await account.client.put("/v1/me/password", change)).json()
    for old in (account, other):
        require_error(await old.client.get("/v1/me"), 401, "invalid_token")
        refresh = await client.post("/v1/auth/refresh", {"refresh_token": old.refresh_token})
        require_error(refresh, 401, "invalid_refresh_token")
    assert (await client.as_user(given["access_token"]).get("/v1/me")).json() == account.user
    assert (await client.post("/v1/auth/refresh", {"refresh_token": given["refresh_token"]})).status == 200


async def test_a_browser_gets_the_new_refresh_token_as_a_cookie_only(account: Account):
    change = {"current_password": account.password, "new_password": NEW, "transport": "cookie"}
    reply = await account.client.put("/v1/me/password", change)
    assert (reply.status, reply.json()) == (200, tokens(in_body=False))
    assert (reply.header("set-cookie") or "").startswith("__Host-deeper_refresh=dsr1_")


async def test_changing_the_password_takes_the_present_one(account: Account):
    change = {"current_password": "not the password", "new_password": NEW}
    reply = await account.client.put("/v1/me/password", change)
    details = [{"message": WRONG, "field": "$.current_password"}]
    require_error(reply, 422, "validation_failed", details=details)
    assert (await account.client.get("/v1/me")).status == 200


async def test_a_new_password_must_be_acceptable(account: Account):
    change = {"current_password": account.password, "new_password": "short"}
    reply = await account.client.put("/v1/me/password", change)
    details = reply.json()["error"]["details"]
    assert [detail["field"] for detail in details] == ["$.new_password"]
    require_error(reply, 422, "validation_failed", details=details)


async def test_deleting_the_account_takes_the_password(account: Account):
    reply = await account.client.delete("/v1/me", {"password": "not the password"})
    require_error(reply, 422, "validation_failed", details=[{"message": WRONG, "field": "$.password"}])
    assert (await account.client.get("/v1/me")).status == 200


async def test_a_deleted_account_leaves_nothing(account: Account, client: AsgiClient, accounts_url: str):
    stranger = await sign_up(client)
    reply = await account.client.delete("/v1/me", {"password": account.password})
    assert (reply.status, reply.body) == (204, b"")
    require_headers(reply)
    assert "Max-Age=0" in (reply.header("set-cookie") or "")
    require_error(await account.client.get("/v1/me"), 401, "invalid_token")
    refresh = await client.post("/v1/auth/refresh", {"refresh_token": account.refresh_token})
    require_error(refresh, 401, "invalid_refresh_token")
    login = {"email": account.email, "password": account.password}
    require_error(await client.post("/v1/auth/login", login), 401, "invalid_credentials")
    with psycopg.connect(accounts_url) as database:
        both = [[account.user["id"], stranger.user["id"]]]
        accounts = database.execute("select id::text from users where id = any(%s)", both).fetchall()
        sessions = database.execute("select user_id::text from sessions where user_id = any(%s)", both).fetchall()
    assert (accounts, sessions) == ([(stranger.user["id"],)], [(stranger.user["id"],)])


async def test_the_address_of_a_deleted_account_is_free(account: Account, client: AsgiClient):
    await account.client.delete("/v1/me", {"password": account.password})
    again = await client.post("/v1/auth/signup", {"email": account.email, "password": account.password})
    assert again.status == 201
    assert again.json()["user"]["id"] != account.user["id"]
