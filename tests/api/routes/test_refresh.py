import pytest

from tests.api.shapes import REFRESH_TOKEN, require_error, require_headers, tokens
from tests.api.stores import open_users
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Reply
from tests.fixtures.applications import ALLOWED_ORIGIN

COOKIE = "__Host-deeper_refresh"
ENDED = "The session has ended. Sign in again."
FOREIGN = "This page's origin may not use the session cookie."


def cookie_of(reply: Reply) -> str:
    return (reply.header("set-cookie") or "").partition("; ")[0].partition("=")[2]


async def refresh(client: AsgiClient, token: str) -> Reply:
    return await client.post("/v1/auth/refresh", {"refresh_token": token})


async def test_a_refresh_token_in_the_body_gets_its_successor_in_the_body(account: Account, client: AsgiClient):
    reply = await refresh(client, account.refresh_token)
    assert (reply.status, reply.json()) == (200, tokens())
    assert reply.json()["refresh_token"] != account.refresh_token
    assert reply.all("set-cookie") == []
    require_headers(reply)


async def test_the_new_access_token_works_and_the_old_one_goes_on_until_it_expires(
    account: Account, client: AsgiClient
):
    access = (await refresh(client, account.refresh_token)).json()["access_token"]
    assert (await client.as_user(access).get("/v1/me")).json() == account.user
    assert (await account.client.get("/v1/me")).json() == account.user


async def test_a_cookie_gets_its_successor_as_a_cookie_only(account: Account, client: AsgiClient):
    reply = await client.post("/v1/auth/refresh", headers={"cookie": f"{COOKIE}={account.refresh_token}"})
    assert (reply.status, reply.json()) == (200, tokens(in_body=False))
    assert cookie_of(reply) == REFRESH_TOKEN
    assert cookie_of(reply) != account.refresh_token
    attributes = (reply.header("set-cookie") or "").split("; ")[1:]
    assert sorted(attributes) == ["HttpOnly", "Max-Age=1209600", "Path=/", "SameSite=strict", "Secure"]


@pytest.mark.parametrize("body", [{}, {"refresh_token": None}])
async def test_an_empty_object_as_body_leaves_it_to_the_cookie(account: Account, client: AsgiClient, body: object):
    reply = await client.post("/v1/auth/refresh", body, headers={"cookie": f"{COOKIE}={account.refresh_token}"})
    assert (reply.status, reply.json()) == (200, tokens(in_body=False))


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "origin": "http://deeper.test"},
        {"sec-fetch-site": "none"},
        {"origin": "http://deeper.test"},
        {"sec-fetch-site": "cross-site", "origin": ALLOWED_ORIGIN},
        {},
    ],
)
async def test_a_page_of_the_same_or_of_an_allowed_origin_may_use_the_cookie(
    account: Account, client: AsgiClient, headers: dict[str, str]
):
    cookie = {"cookie": f"{COOKIE}={account.refresh_token}"}
    assert (await client.post("/v1/auth/refresh", headers=headers | cookie)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://other.deeper.test"},
        {"sec-fetch-site": "nonsense"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://deeper.test.evil.example"},
        {"origin": "http://deeper.test:81"},
        {"origin": f"{ALLOWED_ORIGIN}.evil.example"},
        {"origin": "http://[::1"},
    ],
)
async def test_a_page_of_another_origin_may_not_use_the_cookie_and_does_no_harm_with_it(
    account: Account, client: AsgiClient, headers: dict[str, str]
):
    cookie = {"cookie": f"{COOKIE}={account.refresh_token}"}
    require_error(await client.post("/v1/auth/refresh", headers=headers | cookie), 403, "forbidden", FOREIGN)
    assert (await refresh(client, account.refresh_token)).status == 200


async def test_without_any_token_there_is_nothing_to_refresh(client: AsgiClient):
    require_error(await client.post("/v1/auth/refresh"), 401, "invalid_refresh_token", ENDED)


@pytest.mark.parametrize("token", ["", "dsr1_", "x" * 512, "dsr1_" + "A" * 64, "é", "dsr1_" + "A" * 63 + "\n"])
async def test_a_forged_token_is_worth_nothing(client: AsgiClient, token: str):
    require_error(await refresh(client, token), 401, "invalid_refresh_token", ENDED)


async def test_an_access_token_does_not_refresh_and_a_refresh_token_gives_no_access(
    account: Account, client: AsgiClient
):
    reply = await refresh(client, account.access_token)
    require_error(reply, 401, "invalid_refresh_token", ENDED)
    require_error(await client.as_user(account.refresh_token).get("/v1/me"), 401, "invalid_token")


async def test_reuse_of_an_old_token_ends_the_session_and_everything_of_it(account: Account, client: AsgiClient):
    second = (await refresh(client, account.refresh_token)).json()["refresh_token"]
    third = (await refresh(client, second)).json()
    require_error(await refresh(client, account.refresh_token), 401, "refresh_token_reused")
    for token in (account.refresh_token, second, third["refresh_token"]):
        require_error(await refresh(client, token), 401, "invalid_refresh_token", ENDED)


async def test_a_disabled_account_gets_nothing_for_its_refresh_token_that_opens_anything(
    account: Account, client: AsgiClient, accounts_url: str
):
    async with open_users(accounts_url) as users:
        await users.disable(account.user["id"])
    reply = await refresh(client, account.refresh_token)
    access = reply.json().get("access_token")
    assert (await client.as_user(access).get("/v1/me")).status == 401
