import pytest

from tests.api.shapes import ANY_ID, ANY_TIME, require_error, require_headers
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Json, sign_up


async def sessions(account: Account) -> list[Json]:
    return (await account.client.get("/v1/auth/sessions")).json()


async def is_signed_in(account: Account) -> bool:
    reply = await account.client.get("/v1/me")
    if reply.status == 401:
        require_error(reply, 401, "invalid_token")
        return False
    return reply.status == 200


async def test_a_device_is_described_in_the_list(client: AsgiClient):
    account = await sign_up(client)
    login = {"email": account.email, "password": account.password}
    reply = await client.post("/v1/auth/login", login, headers={"user-agent": "Netscape\u00a04\x1b[31m"})
    newest = await client.as_user(reply.json()["access_token"]).get("/v1/auth/sessions")
    described = {
        "id": ANY_ID,
        "created_at": ANY_TIME,
        "last_used_at": ANY_TIME,
        "expires_at": ANY_TIME,
        "ip_address": "192.0.2.7",
    }
    assert newest.status == 200
    assert newest.json() == [
        described | {"user_agent": "Netscape\ufffd4\ufffd[31m", "current": True},
        described | {"user_agent": None, "current": False},
    ]
    require_headers(newest)


async def test_each_device_knows_which_one_it_is(account: Account):
    other = await account.log_in()
    assert [session["current"] for session in await sessions(account)] == [False, True]
    assert [session["current"] for session in await sessions(other)] == [True, False]


async def test_a_refresh_is_a_use_and_no_new_device(account: Account, client: AsgiClient):
    (before,) = await sessions(account)
    await client.post("/v1/auth/refresh", {"refresh_token": account.refresh_token})
    (after,) = await sessions(account)
    assert after["last_used_at"] > before["last_used_at"]
    assert after["id"] == before["id"]


async def test_logging_out_ends_this_session_at_once_and_no_other(account: Account, client: AsgiClient):
    other = await account.log_in()
    reply = await account.client.post("/v1/auth/logout")
    assert (reply.status, reply.body) == (204, b"")
    require_headers(reply)
    assert [await is_signed_in(account), await is_signed_in(other)] == [False, True]
    refresh = await client.post("/v1/auth/refresh", {"refresh_token": account.refresh_token})
    require_error(refresh, 401, "invalid_refresh_token")


async def test_logging_out_takes_the_cookie_away(account: Account):
    reply = await account.client.post("/v1/auth/logout")
    cookie, *attributes = (reply.header("set-cookie") or "").split("; ")
    assert cookie in {"__Host-deeper_refresh=", '__Host-deeper_refresh=""'}
    assert sorted(attributes) == ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=strict", "Secure"]


async def test_one_device_ends_another(account: Account):
    other = await account.log_in()
    (ended,) = [session["id"] for session in await sessions(account) if not session["current"]]
    reply = await account.client.delete(f"/v1/auth/sessions/{ended}")
    assert (reply.status, reply.body) == (204, b"")
    require_headers(reply)
    assert [await is_signed_in(account), await is_signed_in(other)] == [True, False]
    again = await account.client.delete(f"/v1/auth/sessions/{ended}")
    require_error(again, 404, "not_found")


async def test_one_device_ends_all_others(account: Account):
    others = [await account.log_in() for _ in range(3)]
    reply = await account.client.delete("/v1/auth/sessions")
    assert (reply.status, reply.body) == (204, b"")
    assert await is_signed_in(account)
    assert not any([await is_signed_in(other) for other in others])
    assert len(await sessions(account)) == 1


async def test_the_session_of_somebody_else_does_not_exist(account: Account, client: AsgiClient):
    stranger = await sign_up(client)
    (theirs,) = await sessions(stranger)
    require_error(await account.client.delete(f"/v1/auth/sessions/{theirs['id']}"), 404, "not_found")
    assert await is_signed_in(stranger)
    assert [session["id"] for session in await sessions(account)] != [theirs["id"]]


@pytest.mark.parametrize("name", ["x", "0", "%00", "..", "019a0000-0000-7000-8000-00000000000", "' or 1=1 --"])
async def test_what_is_no_id_of_a_session_does_not_exist(account: Account, name: str):
    require_error(await account.client.delete(f"/v1/auth/sessions/{name}"), 404, "not_found")
