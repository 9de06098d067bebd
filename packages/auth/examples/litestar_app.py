"""Accounts and sessions in a Litestar application, whole. Run it: ``litestar --app litestar_app:app run``."""

import secrets
from uuid import UUID

from litestar import Litestar, Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

import deeper_auth as auth
import deeper_core as core

AnyRequest = Request[object, object, State]
Answer = Response[dict[str, object]]
STATUSES = {core.Unauthenticated: 401, core.Forbidden: 403, core.NotFound: 404, core.Conflict: 409}

keys = auth.KeyRing(secrets.token_hex())  # yours is the same at every start, or else everybody is signed out
sessions = auth.SessionService.over(auth.MemorySessionStore(), keys)  # yours is over a database
accounts: dict[str, tuple[core.UserId, str]] = {}  # yours is a table, in which the key of the address is unique
hasher, cookie = auth.PasswordHasher(), auth.RefreshCookie()


class Credentials(Struct):
    email: str
    password: str
    cookie: bool = False  # for browsers: the refresh token comes in a cookie, and in no body


class RefreshBody(Struct):
    refresh_token: str


def tokens(pair: auth.TokenPair, *, in_cookie: bool) -> Answer:
    return Response(
        pair.body(refresh_token=not in_cookie), headers={"set-cookie": cookie.set(pair)} if in_cookie else {}
    )


async def open_session(request: AnyRequest, user_id: core.UserId, *, in_cookie: bool) -> Answer:
    agent, address = request.headers.get("user-agent"), request.client and request.client.host
    return tokens(await sessions.open(user_id, user_agent=agent, ip_address=address), in_cookie=in_cookie)


@post("/signup", status_code=201)
async def sign_up(request: AnyRequest, data: JSONBody[Credentials]) -> Answer:
    email = auth.parse_email(data.email)
    auth.PasswordPolicy().require(data.password, email=email.key)
    account = core.UserId(core.new_id()), await hasher.hash(data.password)
    if accounts.setdefault(email.key, account) is not account:
        raise core.EmailTaken
    return await open_session(request, account[0], in_cookie=data.cookie)


@post("/login", status_code=200)
async def login(request: AnyRequest, data: JSONBody[Credentials]) -> Answer:
    email = auth.parse_email(data.email)
    user_id, hashed = accounts.get(email.key, (None, None))
    verdict = await hasher.verify(data.password, hashed)  # takes as long for nobody as for somebody
    if user_id is None or not verdict.is_right:
        raise core.InvalidCredentials
    if verdict is auth.PasswordVerdict.OUTDATED:
        accounts[email.key] = (user_id, await hasher.hash(data.password))
    return await open_session(request, user_id, in_cookie=data.cookie)


@post("/refresh", status_code=200)
async def refresh(request: AnyRequest, data: JSONBody[RefreshBody | None] = None) -> Answer:
    token = cookie.read(request.headers) if data is None else data.refresh_token
    return tokens(await sessions.refresh(token), in_cookie=data is None)


@get("/devices")
async def list_devices(session: NamedDependency[auth.Session]) -> list[dict[str, object]]:
    live = await sessions.list_live(session.user_id)
    return [{"id": one.id, "user_agent": one.user_agent, "current": one.id == session.id} for one in live]


@delete("/devices/{session_id:uuid}", status_code=204)
async def end_device(session_id: FromPath[UUID], session: NamedDependency[auth.Session]) -> None:
    if not await sessions.revoke(core.SessionId(session_id), session.user_id):
        raise core.NotFound


@post("/logout", status_code=204)
async def logout(session: NamedDependency[auth.Session]) -> Response[None]:
    await sessions.revoke(session.id, session.user_id)
    return Response(None, headers={"set-cookie": cookie.clear()})


async def provide_session(request: AnyRequest) -> auth.Session:  # for handlers that ask for a session
    return await sessions.check(sessions.verify(auth.parse_bearer(request.headers.get("authorization"))))


def tell(_: AnyRequest, error: core.DeeperError) -> Answer:
    otherwise = 400 if error.retry_after is None else 503
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), otherwise)
    return Response({"message": error.message, "details": error.details}, status_code=status)


app = Litestar(
    [sign_up, login, refresh, list_devices, end_device, logout],
    dependencies={"session": provide_session},
    exception_handlers={core.DeeperError: tell},
    on_shutdown=[hasher.close],
)
