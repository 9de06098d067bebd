"""The caller: a handler says by the name of a parameter for whom it is.

- ``caller``: users, whether they signed in or a program of theirs has an API key that is for such things.
- ``person``: users who signed in themselves. No key opens what would make more of itself: accounts, sessions, keys.
- ``admin``: administrators who signed in themselves.

Who that is gets decided by a guard, before anything of the body is read; the parameter then only hands it on.
"""

from collections.abc import Awaitable, Callable, Collection, Coroutine
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Final, cast

from litestar.handlers import BaseRouteHandler
from litestar.types import HTTPScope, Scope
from msgspec import Struct

from deeper_api.accounts.api_keys import ApiKeys
from deeper_api.accounts.standings import Standings
from deeper_api.middleware.bodies import AnyConnection
from deeper_api.middleware.headers import first_header
from deeper_api.providers.devices import provide_device
from deeper_auth import ApiKey, SessionService, parse_api_key, parse_bearer
from deeper_core import ApiKeyId, Forbidden, InvalidToken, KeyScope, Role, SessionId, UserId

StillStands = Callable[[], Coroutine[None, None, bool]]
"""Tells whether the caller might come back, as of at most five seconds ago: the session or key has not ended, and the
account is not disabled. That an access token expires in the meantime does not matter.

Raises DatabaseUnavailable.
"""

_ASKING: Final = frozenset({"caller", "person", "admin"})
# Methods that change nothing; a HEAD arrives as a GET.
_READING: Final = frozenset({"GET"})


class Caller(Struct, frozen=True, kw_only=True):
    """Who makes a request, as of at most five seconds ago: in a session, or else with an API key.

    ``tokens_per_day`` is the user's own quota, None for that of the server.
    """

    user_id: UserId
    role: Role
    session_id: SessionId | None
    key_id: ApiKeyId | None
    tokens_per_day: int | None = None


class Person(Struct, frozen=True, kw_only=True):
    """Who makes a request in a session, likewise."""

    user_id: UserId
    role: Role
    session_id: SessionId


def identify(
    sessions: SessionService, standings: Standings, api_keys: ApiKeys
) -> Callable[[AnyConnection, BaseRouteHandler], Awaitable[None]]:
    """Return the guard that finds out who calls those handlers that ask for it.

    The guard raises InvalidToken without a valid bearer token or API key, Forbidden where an administrator is asked for
    and for what the key is not for.
    """
    asked: dict[BaseRouteHandler, AbstractSet[str]] = {}

    async def guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
        wanted = asked.get(handler)
        if wanted is None:
            wanted = asked[handler] = _ASKING & handler.parsed_fn_signature.parameters.keys()
        if not wanted:
            return
        token = parse_bearer(first_header(connection.scope, b"authorization"))
        key = _api_key(token)
        caller = await by_token(token) if key is None else await by_key(key, connection, wanted)
        if "admin" in wanted and caller.role is not Role.ADMIN:
            raise Forbidden
        state = connection.scope["state"]
        state["caller"] = caller
        state["user_id"] = str(caller.user_id)
        state["still_stands"] = partial(_still_stands, connection, key, standings, api_keys)

    async def by_token(token: str) -> Caller:
        claims = sessions.verify(token)
        standing = await standings.find(claims.session_id)
        if standing is None or standing.user_id != claims.user_id:
            raise InvalidToken
        return Caller(
            user_id=claims.user_id,
            session_id=claims.session_id,
            key_id=None,
            role=standing.role,
            tokens_per_day=standing.tokens_per_day,
        )

    async def by_key(key: ApiKey, connection: AnyConnection, wanted: AbstractSet[str]) -> Caller:
        standing = await api_keys.find(key, provide_device(connection.scope))
        if standing is None:
            raise InvalidToken("The API key is not valid: it is mistyped, has expired or was revoked.")
        _require_scope(standing.scopes, connection, wanted)
        return Caller(
            user_id=standing.user_id,
            session_id=None,
            key_id=standing.key_id,
            role=standing.role,
            tokens_per_day=standing.tokens_per_day,
        )

    return guard


def provide_caller(scope: Scope) -> Caller:
    """Return what the guard found out."""
    caller: Caller = scope["state"]["caller"]
    return caller


def provide_still_stands(scope: Scope) -> StillStands:
    """Return by what a response that lasts can look again."""
    still_stands: StillStands = scope["state"]["still_stands"]
    return still_stands


def provide_person(scope: Scope) -> Person:
    """Return what the guard found out."""
    caller = provide_caller(scope)
    if caller.session_id is None:
        raise AssertionError("the guard lets nobody in without a session here")
    return Person(user_id=caller.user_id, role=caller.role, session_id=caller.session_id)


def provide_admin(scope: Scope) -> Person:
    """Return what the guard found out, likewise."""
    return provide_person(scope)


def _require_scope(scopes: Collection[KeyScope], connection: AnyConnection, wanted: AbstractSet[str]) -> None:
    if "caller" not in wanted:
        raise Forbidden("An API key may not do this. Sign in instead.")
    if cast("HTTPScope", connection.scope)["method"] not in _READING and KeyScope.CHAT not in scopes:
        raise Forbidden("This API key may only read. It takes one with the scope `chat` to do this.")


async def _still_stands(connection: AnyConnection, key: ApiKey | None, standings: Standings, api_keys: ApiKeys) -> bool:
    if key is not None:
        return await api_keys.find(key, provide_device(connection.scope)) is not None
    caller = provide_caller(connection.scope)
    return caller.session_id is not None and await standings.find(caller.session_id) is not None


def _api_key(token: str) -> ApiKey | None:
    try:
        return parse_api_key(token)
    except InvalidToken:
        return None
