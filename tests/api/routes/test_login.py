import pytest

from deeper_auth import Argon2id, PasswordHasher
from tests.api.shapes import require_error, require_headers, tokens
from tests.api.stores import open_users
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, credentials

WRONG = "The e-mail address or the password is wrong."


async def test_the_right_password_opens_another_session(account: Account, client: AsgiClient):
    reply = await client.post("/v1/auth/login", {"email": account.email, "password": account.password})
    assert (reply.status, reply.json()) == (200, tokens() | {"user": account.user})
    require_headers(reply)
    assert len((await account.client.get("/v1/auth/sessions")).json()) == 2


async def test_a_browser_gets_the_refresh_token_as_a_cookie_only(account: Account, client: AsgiClient):
    given = {"email": account.email, "password": account.password, "transport": "cookie"}
    reply = await client.post("/v1/auth/login", given)
    assert (reply.status, reply.json()) == (200, tokens(in_body=False) | {"user": account.user})
    assert (reply.header("set-cookie") or "").startswith("__Host-deeper_refresh=dsr1_")


async def test_the_address_may_be_spelled_in_capitals(account: Account, client: AsgiClient):
    reply = await client.post("/v1/auth/login", {"email": account.email.upper(), "password": account.password})
    assert reply.status == 200


async def test_a_wrong_password_and_an_unknown_address_are_told_apart_by_nothing(account: Account, client: AsgiClient):
    wrong = await client.post("/v1/auth/login", {"email": account.email, "password": "another password"})
    unknown = await client.post("/v1/auth/login", credentials())
    impossible = await client.post("/v1/auth/login", {"email": "no address", "password": "a password"})
    for reply in (wrong, unknown, impossible):
        require_error(reply, 401, "invalid_credentials", WRONG)
    assert {name for name, _ in wrong.headers} == {name for name, _ in unknown.headers}


@pytest.mark.parametrize("who", ["known", "wrong password", "unknown", "impossible", "disabled", "too long"])
async def test_each_login_costs_one_run_of_the_hasher(
    account: Account, client: AsgiClient, accounts_url: str, monkeypatch: pytest.MonkeyPatch, who: str
):
    given = {
        "known": {"email": account.email, "password": account.password},
        "wrong password": {"email": account.email, "password": "another password"},
        "unknown": credentials(),
        "impossible": {"email": "no address", "password": "a password"},
        "disabled": {"email": account.email, "password": account.password},
        "too long": {"email": account.email, "password": "x" * 4_096},
    }[who]
    if who == "disabled":
        async with open_users(accounts_url) as users:
            await users.disable(account.user["id"])
    runs: list[str] = []
    verify, hash_ = Argon2id.verify, Argon2id.hash
    monkeypatch.setattr(Argon2id, "verify", lambda *given: runs.append("verify") or verify(*given))
    monkeypatch.setattr(Argon2id, "hash", lambda *given: runs.append("hash") or hash_(*given))
    await client.post("/v1/auth/login", given)
    assert runs == ["verify"]


async def test_only_the_right_password_learns_that_an_account_is_disabled(
    account: Account, client: AsgiClient, accounts_url: str
):
    async with open_users(accounts_url) as users:
        await users.disable(account.user["id"])
    right = await client.post("/v1/auth/login", {"email": account.email, "password": account.password})
    wrong = await client.post("/v1/auth/login", {"email": account.email, "password": "another password"})
    require_error(right, 403, "forbidden", "This account is disabled. Ask the administrator of this server.")
    require_error(wrong, 401, "invalid_credentials", WRONG)


async def test_too_many_logins_at_once_are_turned_away(
    account: Account, client: AsgiClient, monkeypatch: pytest.MonkeyPatch
):
    slots = type("NoSlots", (), {"acquire": lambda *_, **__: False})
    hashers: list[PasswordHasher] = []
    run = PasswordHasher._run
    monkeypatch.setattr(PasswordHasher, "_run", lambda self, work: hashers.append(self) or run(self, work))
    await client.post("/v1/auth/login", credentials())
    monkeypatch.setattr(hashers[0], "_slots", slots())
    reply = await client.post("/v1/auth/login", {"email": account.email, "password": account.password})
    require_error(reply, 503, "overloaded")
    assert reply.header("retry-after") == "1"
