"""/v1/auth: signing up, in and out, refreshing, and the sessions of a user."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, Router, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import UNSET, Meta, Struct, UnsetType

from deeper_api.accounts.devices import Device
from deeper_api.accounts.service import Accounts
from deeper_api.config import AppConfig
from deeper_api.middleware.bodies import JsonRequest
from deeper_api.providers.callers import Person
from deeper_api.providers.limits import PasswordAttempts
from deeper_auth import RefreshCookie, Session, SessionService, TokenPair
from deeper_core import NotFound, SessionId, User

COOKIE = "__Host-deeper_refresh"
# An authentication body is an address and a password; more is an attack on the decoder.
BODY_BYTES = 64 * 1024

Email = Annotated[str, Meta(max_length=320, extra_json_schema={"format": "email"})]
# Bounded so that nobody has megabytes normalised; the rules for new passwords are the policy's.
Password = Annotated[str, Meta(max_length=4_096)]
Transport = Literal["body", "cookie"]


class CredentialsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs up or in. ``transport`` says how the refresh token is to come: for browsers, as a cookie."""

    email: Email
    password: Password
    transport: Transport = "body"


class RefreshBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The refresh token, unless it comes as the cookie."""

    refresh_token: Annotated[str, Meta(max_length=512)] | None = None


class Tokens(Struct, frozen=True, kw_only=True):
    """What a client needs from now on. ``expires_in`` counts the seconds of the access token.

    ``refresh_token`` is absent where it goes as a cookie, which no script can read.
    """

    access_token: str
    expires_in: int
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  - a scheme, no secret
    refresh_token: str | UnsetType = UNSET


class SignedIn(Tokens, frozen=True, kw_only=True):
    """The account, and the tokens of its new session."""

    user: User


class SessionView(Struct, frozen=True, kw_only=True):
    """A device that is signed in; ``current`` is the one that asks."""

    id: SessionId
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip_address: str | None
    current: bool


@post("/signup", status_code=201, operation_id="signUp")
async def sign_up(
    data: JSONBody[CredentialsBody],
    accounts: NamedDependency[SkipValidation[Accounts]],
    device: NamedDependency[Device],
) -> Response[SignedIn]:
    """Make an account and sign it in."""
    user, pair = await accounts.sign_up(data.email, data.password, device)
    return _signed_in(user, pair, data.transport)


@post("/login", status_code=200, operation_id="login")
async def login(
    data: JSONBody[CredentialsBody],
    accounts: NamedDependency[SkipValidation[Accounts]],
    device: NamedDependency[Device],
    password_attempts: NamedDependency[SkipValidation[PasswordAttempts]],
) -> Response[SignedIn]:
    """Open a session."""
    async with password_attempts.at(data.email):
        user, pair = await accounts.sign_in(data.email, data.password, device)
    return _signed_in(user, pair, data.transport)


@post("/refresh", status_code=200, operation_id="refresh")
async def refresh(
    request: JsonRequest,
    accounts: NamedDependency[SkipValidation[Accounts]],
    device: NamedDependency[Device],
    config: NamedDependency[SkipValidation[AppConfig]],
    data: JSONBody[RefreshBody | None] = None,
) -> Response[Tokens]:
    """Exchange a refresh token, from the body or else from the cookie, for new tokens."""
    if data is not None and data.refresh_token is not None:
        return with_tokens(await accounts.refresh(data.refresh_token, device), "body")
    token = RefreshCookie(COOKIE, allowed_origins=config.server.allowed_origins).read(request.headers)
    return with_tokens(await accounts.refresh(token, device), "cookie")


@post("/logout", status_code=204, operation_id="logout")
async def logout(
    person: NamedDependency[Person],
    accounts: NamedDependency[SkipValidation[Accounts]],
    device: NamedDependency[Device],
) -> Response[None]:
    """End the session that asks."""
    await accounts.sign_out(person.user_id, person.session_id, device)
    return signed_out()


@get("/sessions", operation_id="listSessions")
async def list_sessions(
    person: NamedDependency[Person], sessions: NamedDependency[SkipValidation[SessionService]]
) -> list[SessionView]:
    """Return the devices that are signed in, the newest sign-in first."""
    return [session_view(each, current=person.session_id) for each in await sessions.list_live(person.user_id)]


@delete("/sessions", status_code=204, operation_id="endOtherSessions")
async def end_other_sessions(
    person: NamedDependency[Person],
    accounts: NamedDependency[SkipValidation[Accounts]],
    device: NamedDependency[Device],
) -> None:
    """Sign out every device but the one that asks. API keys stay."""
    await accounts.sign_out_others(person.user_id, person.session_id, device)


@delete("/sessions/{session_id:uuid}", status_code=204, operation_id="endSession")
async def end_session(
    session_id: FromPath[UUID],
    person: NamedDependency[Person],
    accounts: NamedDependency[SkipValidation[Accounts]],
    device: NamedDependency[Device],
) -> None:
    """Sign out one device."""
    if not await accounts.sign_out(person.user_id, SessionId(session_id), device):
        raise NotFound


def session_view(session: Session, *, current: SessionId) -> SessionView:
    """Return a session as lists show it; ``current`` is the one that asks."""
    return SessionView(
        id=session.id,
        created_at=session.created_at,
        last_used_at=session.rotated_at,
        expires_at=session.expires_at,
        user_agent=session.user_agent,
        ip_address=session.ip_address,
        current=session.id == current,
    )


def with_tokens(pair: TokenPair, transport: Transport) -> Response[Tokens]:
    """Return the response that carries ``pair``, with the refresh token in the body or in the cookie."""
    tokens = Tokens(access_token=pair.access_token, expires_in=pair.expires_in, refresh_token=_in_body(pair, transport))
    return Response(tokens, cookies=_in_cookie(pair, transport))


def signed_out() -> Response[None]:
    """Return the response that tells a browser to forget the refresh token."""
    return Response(None, cookies=[_cookie("", max_age=0)])


def _signed_in(user: User, pair: TokenPair, transport: Transport) -> Response[SignedIn]:
    signed_in = SignedIn(
        user=user,
        access_token=pair.access_token,
        expires_in=pair.expires_in,
        refresh_token=_in_body(pair, transport),
    )
    return Response(signed_in, cookies=_in_cookie(pair, transport))


def _in_body(pair: TokenPair, transport: Transport) -> str | UnsetType:
    return pair.refresh_token if transport == "body" else UNSET


def _in_cookie(pair: TokenPair, transport: Transport) -> list[Cookie]:
    if transport == "body":
        return []
    lifetime = pair.session.expires_at - pair.session.rotated_at
    return [_cookie(pair.refresh_token, max_age=int(lifetime.total_seconds()))]


def _cookie(value: str, *, max_age: int) -> Cookie:
    return Cookie(key=COOKIE, value=value, max_age=max_age, path="/", secure=True, httponly=True, samesite="strict")


auth_router = Router(
    path="/v1/auth",
    route_handlers=[sign_up, login, refresh, logout, list_sessions, end_other_sessions, end_session],
    request_max_body_size=BODY_BYTES,
    tags=["auth"],
)
