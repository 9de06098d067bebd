"""The caller: a handler with a parameter ``caller`` is for signed-in users, one with ``admin`` for administrators.

Who that is gets decided by a guard, before anything of the body is read; the parameter then only hands it on.
"""

from collections.abc import Awaitable, Callable

from litestar.handlers import BaseRouteHandler
from litestar.types import Scope
from msgspec import Struct

from deeper_api.accounts.standings import Standings
from deeper_api.middleware.bodies import AnyConnection
from deeper_auth import SessionService
from deeper_core import Forbidden, InvalidToken, Role, SessionId, UserId


class Caller(Struct, frozen=True, kw_only=True):
    """Who makes a request, as of at most five seconds ago."""

    user_id: UserId
    session_id: SessionId
    role: Role


def identify(
    sessions: SessionService, standings: Standings
) -> Callable[[AnyConnection, BaseRouteHandler], Awaitable[None]]:
    """Return the guard that finds out who calls those handlers that ask for it.

    The guard raises InvalidToken without a valid bearer token, Forbidden where an administrator is asked for.
    """

    async def guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
        wanted = handler.parsed_fn_signature.parameters
        if "caller" not in wanted and "admin" not in wanted:
            return
        claims = sessions.verify(_bearer(connection))
        standing = await standings.find(claims.session_id)
        if standing is None or standing.user_id != claims.user_id:
            raise InvalidToken
        if "admin" in wanted and standing.role is not Role.ADMIN:
            raise Forbidden
        state = connection.scope["state"]
        state["caller"] = Caller(user_id=claims.user_id, session_id=claims.session_id, role=standing.role)
        state["user_id"] = str(claims.user_id)

    return guard


async def provide_caller(scope: Scope) -> Caller:
    """Return what the guard found out."""
    caller: Caller = scope["state"]["caller"]
    return caller


def _bearer(connection: AnyConnection) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidToken
    return token.strip()
