"""Access tokens on a protected route. The long list of attacks is in tests/auth; here it is that all look the same."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from deeper_api.config.sections import JwtConfig
from deeper_auth import AccessTokens, KeyRing
from deeper_core import SessionId, UserId, new_id
from deeper_model import ScriptedProvider
from tests.api.shapes import require_error
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, sign_up
from tests.fixtures.applications import SECRET, application, config_for

MESSAGE = "The access token is missing, expired or not valid. Refresh it or sign in again."
NEXT_SECRET = "the next secret of the tests, long enough, too"


def attacks(good: str) -> dict[str, str | None]:
    head, body, signature = good.split(".")
    stranger = AccessTokens(KeyRing("another secret than the server has, long enough"))
    ours = AccessTokens(KeyRing(SECRET))
    return {
        "no header": None,
        "an empty header": "",
        "no token": "Bearer",
        "no token after a space": "Bearer ",
        "another scheme": f"Basic {good}",
        "no scheme": good,
        "two tokens": f"Bearer {good} {good}",
        "a comma": f"Bearer {good},{good}",
        "without a signature": f"Bearer {head}.{body}.",
        "another signature": f"Bearer {head}.{body}.{signature[::-1]}",
        "alg none": f"Bearer eyJhbGciOiJub25lIn0.{body}.",
        "four parts": f"Bearer {good}.x",
        "not ASCII": f"Bearer {good}é",
        "a control character": f"Bearer {good}\x00",
        "far too long": "Bearer " + "A" * 20_000,
        "deeply nested": "Bearer " + "W1tb" * 500 + f".{body}.{signature}",
        "signed by somebody else": f"Bearer {stranger.issue(UserId(new_id()), SessionId(new_id()))}",
        "of a session that never was": f"Bearer {ours.issue(UserId(new_id()), SessionId(new_id()))}",
    }


@pytest.mark.parametrize("name", attacks("a.b.c"))
async def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(account: Account, client: AsgiClient, name: str):
    given = attacks(account.access_token)[name]
    reply = await client.get("/v1/me", headers={} if given is None else {"authorization": given})
    require_error(reply, 401, "invalid_token", MESSAGE)


async def test_the_token_of_one_user_does_not_open_the_session_of_another(account: Account, client: AsgiClient):
    other = await sign_up(client)
    (session,) = (await account.client.get("/v1/auth/sessions")).json()
    mixed = AccessTokens(KeyRing(SECRET)).issue(UserId(new_id()), SessionId(UUID(session["id"])))
    require_error(await client.as_user(mixed).get("/v1/me"), 401, "invalid_token", MESSAGE)
    assert (await other.client.get("/v1/me")).json() == other.user


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_may_be_spelled_in_any_case(account: Account, client: AsgiClient, scheme: str):
    reply = await client.get("/v1/me", headers={"authorization": f"{scheme} {account.access_token}"})
    assert reply.status == 200


async def test_a_token_in_the_query_is_no_token(account: Account, client: AsgiClient):
    for name in ("access_token", "token", "authorization"):
        require_error(await client.get(f"/v1/me?{name}={account.access_token}"), 401, "invalid_token", MESSAGE)


async def test_a_token_in_a_cookie_is_no_token(account: Account, client: AsgiClient):
    cookie = f"access_token={account.access_token}; __Host-deeper_refresh={account.refresh_token}"
    require_error(await client.get("/v1/me", headers={"cookie": cookie}), 401, "invalid_token", MESSAGE)


async def test_a_new_secret_signs_nobody_out_while_the_old_one_is_kept(account: Account, accounts_url: str):
    rotated = replace(config_for(accounts_url), jwt=JwtConfig(secret=NEXT_SECRET, previous_secrets=(SECRET,)))
    async with application(rotated, ScriptedProvider()) as client:
        assert (await client.as_user(account.access_token).get("/v1/me")).json() == account.user
        refreshed = await client.post("/v1/auth/refresh", {"refresh_token": account.refresh_token})
        assert refreshed.status == 200
    removed = replace(config_for(accounts_url), jwt=JwtConfig(secret=NEXT_SECRET))
    async with application(removed, ScriptedProvider()) as client:
        require_error(await client.as_user(account.access_token).get("/v1/me"), 401, "invalid_token", MESSAGE)
        assert (await client.as_user(refreshed.json()["access_token"]).get("/v1/me")).status == 200
