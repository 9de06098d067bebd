import asyncio

import pytest
from msgspec.structs import replace

from deeper_model import ScriptedProvider
from tests.api.shapes import ANY_ID, REFRESH_TOKEN, require_error, require_headers, tokens, user
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import credentials
from tests.fixtures.applications import CHEAP, application, config_for

COOKIE = "__Host-deeper_refresh"


async def test_signing_up_makes_an_account_and_signs_it_in(client: AsgiClient):
    given = credentials()
    reply = await client.post("/v1/auth/signup", given)
    assert reply.status == 201
    assert reply.json() == tokens() | {"user": user(given["email"])}
    assert reply.all("set-cookie") == []
    require_headers(reply)


async def test_signing_up_in_a_browser_puts_the_refresh_token_into_a_cookie_only(client: AsgiClient):
    given = credentials()
    reply = await client.post("/v1/auth/signup", given | {"transport": "cookie"})
    assert reply.status == 201
    assert reply.json() == tokens(in_body=False) | {"user": user(given["email"])}
    name, _, rest = (reply.header("set-cookie") or "").partition("=")
    value, *attributes = rest.split("; ")
    assert (name, value) == (COOKIE, REFRESH_TOKEN)
    assert sorted(attributes) == ["HttpOnly", "Max-Age=1209600", "Path=/", "SameSite=strict", "Secure"]


async def test_the_address_is_shown_as_it_was_typed_and_compared_in_its_normal_form(client: AsgiClient):
    given = credentials()
    typed = given | {"email": given["email"].capitalize()}
    assert (await client.post("/v1/auth/signup", typed)).json()["user"]["email"] == typed["email"]
    require_error(await client.post("/v1/auth/signup", given), 409, "email_taken")


async def test_of_many_sign_ups_at_once_with_one_address_one_succeeds(client: AsgiClient):
    given = credentials()
    replies = await asyncio.gather(*(client.post("/v1/auth/signup", given) for _ in range(10)))
    assert sorted(reply.status for reply in replies) == [201] + [409] * 9


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a@@example.com", "a b@example.com", "a@example.com\n"])
async def test_what_is_no_address_is_refused(client: AsgiClient, email: str):
    reply = await client.post("/v1/auth/signup", credentials() | {"email": email})
    assert [detail["field"] for detail in reply.json()["error"]["details"]] == ["$.email"]
    require_error(reply, 422, "validation_failed", details=reply.json()["error"]["details"])


async def test_a_password_must_be_long_enough(client: AsgiClient):
    reply = await client.post("/v1/auth/signup", credentials() | {"password": "short"})
    details = reply.json()["error"]["details"]
    assert [detail["field"] for detail in details] == ["$.password"]
    require_error(reply, 422, "validation_failed", details=details)


async def test_a_password_that_everybody_tries_is_refused(client: AsgiClient):
    reply = await client.post("/v1/auth/signup", credentials() | {"password": "password123"})
    require_error(reply, 422, "validation_failed", details=reply.json()["error"]["details"])


async def test_a_server_that_takes_no_sign_ups_says_so(accounts_url: str):
    closed = replace(config_for(accounts_url), auth=replace(CHEAP, signup=False))
    async with application(closed, ScriptedProvider()) as client:
        reply = await client.post("/v1/auth/signup", credentials())
    message = "This server does not take sign-ups. Ask its administrator for an account."
    require_error(reply, 403, "forbidden", message)


async def test_ids_are_sorted_by_time(client: AsgiClient):
    first, second = [(await client.post("/v1/auth/signup", credentials())).json()["user"]["id"] for _ in range(2)]
    assert first == ANY_ID
    assert first < second
