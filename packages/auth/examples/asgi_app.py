"""Accounts and sessions in an ASGI application without a framework, whole. Run it: ``uvicorn asgi_app:app``."""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping

import msgspec

import deeper_auth as auth
import deeper_core as core

Message = MutableMapping[str, object]
Answer = tuple[int, object, dict[str, str]]  # status, body and headers
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
STATUSES = {core.Unauthenticated: 401, core.Forbidden: 403, core.NotFound: 404, core.Conflict: 409}

keys = auth.KeyRing(secrets.token_hex())  # yours is the same at every start, or else everybody is signed out
sessions = auth.SessionService.over(auth.MemorySessionStore(), keys)  # yours is over a database
accounts: dict[str, tuple[core.UserId, str]] = {}  # yours is a table, in which the key of the address is unique
hasher, cookie = auth.PasswordHasher(), auth.RefreshCookie()


class Credentials(msgspec.Struct):
    email: str
    password: str
    cookie: bool = False  # for browsers: the refresh token comes in a cookie, and in no body


class Request:
    def __init__(self, scope: Message, body: bytes) -> None:
        self.noun, _, self.rest = str(scope["path"]).strip("/").partition("/")
        pairs = msgspec.convert(scope["headers"], list[tuple[bytes, bytes]])
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
        client = msgspec.convert(scope.get("client"), tuple[str, object] | None)
        self.device = {"user_agent": self.headers.get("user-agent"), "ip_address": client and client[0]}
        self.body = body

    async def session(self) -> auth.Session:
        return await sessions.check(sessions.verify(auth.parse_bearer(self.headers.get("authorization"))))


def tokens(pair: auth.TokenPair, *, in_cookie: bool) -> Answer:
    return 200, pair.body(refresh_token=not in_cookie), {"set-cookie": cookie.set(pair)} if in_cookie else {}


async def post_signup(request: Request) -> Answer:
    data = msgspec.json.decode(request.body, type=Credentials)
    email = auth.parse_email(data.email)
    auth.PasswordPolicy().require(data.password, email=email.key)
    account = core.UserId(core.new_id()), await hasher.hash(data.password)
    if accounts.setdefault(email.key, account) is not account:
        raise core.EmailTaken
    return tokens(await sessions.open(account[0], **request.device), in_cookie=data.cookie)


async def post_login(request: Request) -> Answer:
    data = msgspec.json.decode(request.body, type=Credentials)
    user_id, hashed = accounts.get(auth.parse_email(data.email).key, (None, None))
    verdict = await hasher.verify(data.password, hashed)  # takes as long for nobody as for somebody
    if user_id is None or not verdict.is_right:
        raise core.InvalidCredentials
    return tokens(await sessions.open(user_id, **request.device), in_cookie=data.cookie)


async def post_refresh(request: Request) -> Answer:
    if not request.body:
        return tokens(await sessions.refresh(cookie.read(request.headers)), in_cookie=True)
    token = msgspec.json.decode(request.body, type=dict[str, str]).get("refresh_token", "")
    return tokens(await sessions.refresh(token), in_cookie=False)


async def get_devices(request: Request) -> Answer:
    session = await request.session()
    live = await sessions.list_live(session.user_id)
    return 200, [{"id": one.id, "user_agent": one.user_agent, "current": one.id == session.id} for one in live], {}


async def delete_devices(request: Request) -> Answer:
    session = await request.session()
    if not await sessions.revoke(msgspec.convert(request.rest, core.SessionId), session.user_id):
        raise core.NotFound
    return 204, None, {}


async def post_logout(request: Request) -> Answer:
    session = await request.session()
    await sessions.revoke(session.id, session.user_id)
    return 204, None, {"set-cookie": cookie.clear()}


HANDLERS = (post_signup, post_login, post_refresh, post_logout, get_devices, delete_devices)
ROUTES = {handler.__name__: handler for handler in HANDLERS}


async def read(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) < 16_384:  # a longer one is cut, and no JSON any more
        message = await receive()
        body, more = body + msgspec.convert(message.get("body", b""), bytes), message.get("more_body", False)
    return body


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await hasher.close()
        return await send({"type": "lifespan.shutdown.complete"})
    request = Request(scope, await read(receive))
    handler = ROUTES.get(f"{scope['method']}_{request.noun}".lower())
    try:
        status, body, headers = await handler(request) if handler else (404, None, {})
    except (core.DeeperError, msgspec.DecodeError) as error:
        otherwise = 400 if getattr(error, "retry_after", None) is None else 503
        status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), otherwise)
        body, headers = {"message": str(error)}, {}
    pairs = [(name.encode(), value.encode()) for name, value in {"content-type": "application/json", **headers}.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    return await send({"type": "http.response.body", "body": b"" if body is None else msgspec.json.encode(body)})
