"""Access tokens on a protected route, and forgeries of them."""

import json
import time
from uuid import UUID

import pytest
from msgspec.structs import replace

from deeper_api.config.sections import JwtConfig
from deeper_auth import AccessTokens, KeyRing
from deeper_core import SessionId, UserId, new_id
from deeper_model import ScriptedProvider
from tests.api.shapes import require_error
from tests.auth import attacks
from tests.auth.attacks import good_payload
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Reply, sign_up
from tests.fakes.http import send_raw
from tests.fixtures.applications import SECRET, LogLines, application, config_for
from tests.fixtures.servers import Backend

MESSAGE = "The access token is missing, expired or not valid. Refresh it or sign in again."
NEXT_SECRET = "the next secret of the tests, long enough, too"


SCHEMES: dict[str, str | None] = {
    "no header": None,
    "an empty header": "",
    "no token": "Bearer",
    "no token after a space": "Bearer ",
    "another scheme": "Basic {token}",
    "no scheme": "{token}",
    "two tokens": "Bearer {token} {token}",
    "a comma": "Bearer {token},{token}",
}


@pytest.mark.parametrize("name", SCHEMES)
async def test_a_token_counts_behind_its_scheme_only(account: Account, client: AsgiClient, name: str):
    given = SCHEMES[name]
    headers = {} if given is None else {"authorization": given.format(token=account.access_token)}
    require_error(await client.get("/v1/me", headers=headers), 401, "invalid_token", MESSAGE)


async def forgeries(account: Account) -> dict[str, str]:
    """Tokens for a session that stands, so that each is refused for its own fault only."""
    (session,) = (await account.client.get("/v1/auth/sessions")).json()
    claims = good_payload(int(time.time()), account.user["id"], session["id"])
    faultless = attacks.forge(attacks.good_header(), claims)
    assert (await account.client.as_user(faultless).get("/v1/me")).status == 200, "they would prove nothing"
    # White space around the value of a header means nothing.
    return {name: token for name, token in attacks.all_attacks(claims).items() if token.strip() != faultless}


def without_id(reply: Reply) -> bytes:
    return reply.body.replace((reply.header("x-request-id") or "?").encode(), b"(id)")


async def test_every_forgery_gets_one_and_the_same_answer_and_leaves_no_trace_but_a_line(
    accounts_url: str, scripted: ScriptedProvider, log_lines: LogLines
):
    config = replace(config_for(accounts_url), jwt=JwtConfig(secret=attacks.SECRET))
    async with application(config, scripted) as client:
        tokens = await forgeries(await sign_up(client))
        before = len(log_lines.text)
        # As bytes go over the wire: in UTF-8, whatever they mean.
        sent = {name: token.encode("utf-8", "surrogatepass").decode("latin-1") for name, token in tokens.items()}
        replies = {name: await client.as_user(token).get("/v1/me") for name, token in sent.items()}
    answers = {(reply.status, without_id(reply)) for reply in replies.values()}
    assert len(answers) == 1, sorted(name for name, reply in replies.items() if reply.status != 401)
    require_error(replies["header_attacks: alg 'none'"], 401, "invalid_token", MESSAGE)
    assert len(replies) >= 100
    said = [json.loads(line) for line in log_lines.text[before:]]
    assert {(line["logger"], line["status"]) for line in said} == {("deeper.requests", 401)}
    assert not any("exception" in line for line in said)


async def test_behind_granian_every_forgery_gets_the_same_answer(backend: Backend, http_account: Account):
    tokens = await forgeries(http_account)
    head = b"GET /v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: forged\r\nAuthorization: Bearer "
    # The rest is no header that a server would take.
    sent = [token.encode() for token in tokens.values() if len(token) < 20_000 and token.isprintable()]
    replies = [await send_raw(backend.url, head, token, b"\r\n\r\n") for token in sent]
    assert len(replies) >= 100
    assert len({reply.body for reply in replies}) == 1
    require_error(replies[0], 401, "invalid_token", MESSAGE)
    said = [line for line in backend.process.log() if line.get("request_id") == "forged"]
    assert {(line["logger"], line["status"]) for line in said} == {("deeper.requests", 401)}


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
