"""Limits: every request takes from the buckets of whoever makes it, before anything of its body is read."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, cast

from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import HTTPScope, Scope

from deeper_api.limits.policies import Policy, Request
from deeper_api.limits.services import Limits
from deeper_api.middleware.bodies import AnyConnection
from deeper_api.middleware.limits import address_of, begin_limiting, take
from deeper_api.providers.callers import Caller
from deeper_core import Forbidden, InvalidCredentials, SessionId, Unauthenticated

Guard = Callable[[AnyConnection, BaseRouteHandler], Awaitable[None]]

# Operations that are never refused: whoever probes has to learn about the server, not about itself.
UNLIMITED: Final = frozenset({"getHealth", "getReadiness"})
# Operations that try a password, each of which costs the server as much as many other requests.
WITH_PASSWORD: Final = frozenset({"signUp", "login", "changePassword", "deleteMe", "createUser"})

# Operations that have a model read and write.
WITH_TOKENS: Final = frozenset({"chat", "createChatCompletion"})


def limit(identify: Guard, limits: Limits) -> Guard:
    """Return the guard that does what ``identify`` does, and limits whoever it found: a user, a key or an address.

    The guard raises RateLimited, besides what ``identify`` raises.
    """

    async def guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
        scope = connection.scope
        operation = handler.operation_id if isinstance(handler, HTTPRouteHandler) else None
        begin_limiting(scope)
        if not limits.enabled or operation in UNLIMITED or _is_preflight(scope):
            await identify(connection, handler)
            return
        try:
            await identify(connection, handler)
        except (Unauthenticated, Forbidden):
            await take(scope, limits, limits.policy.of_address(address_of(scope)))
            raise
        caller: Caller | None = scope["state"].get("caller")
        if caller is None:
            password = operation in WITH_PASSWORD
            await take(scope, limits, limits.policy.of_address(address_of(scope), password=password))
        else:
            await take(scope, limits, _of_caller(limits.policy, caller, operation))

    return guard


def _of_caller(policy: Policy, caller: Caller, operation: object) -> Request:
    if caller.key_id is not None:
        request = policy.of_key(caller.key_id, caller.user_id)
    else:
        request = policy.of_user(caller.user_id, password=operation in WITH_PASSWORD)
    if operation not in WITH_TOKENS:
        return request
    return request.beside(policy.of_tokens(caller.user_id, caller.key_id, per_day=caller.tokens_per_day))


def _is_preflight(scope: Scope) -> bool:
    """Tell whether a browser asks what a page may do. It cannot say for whom; to refuse costs as much as to answer."""
    return cast("HTTPScope", scope)["method"] == "OPTIONS"


class PasswordAttempts:
    """The tries of a password that one request makes."""

    def __init__(self, limits: Limits, scope: Scope) -> None:
        self._limits = limits
        self._scope = scope

    @asynccontextmanager
    async def at(self, email: str, session_id: SessionId | None = None) -> AsyncGenerator[None]:
        """Count what happens in the context as a try at this account, if it ends with InvalidCredentials.

        ``session_id`` is the session in which it is made, if it is made by somebody who is signed in.

        Raises:
            RateLimited: there were too many, from this address or in this session.
        """
        if not self._limits.enabled:
            yield
            return
        await self._count(email, session_id)
        try:
            yield
        except InvalidCredentials:
            raise
        except Exception:
            await self._count(email, session_id, back=True)
            raise
        await self._count(email, session_id, back=True)

    async def _count(self, email: str, session_id: SessionId | None, *, back: bool = False) -> None:
        policy, scope = self._limits.policy, self._scope
        await take(scope, self._limits, policy.of_login(email, address_of(scope), back=back))
        if session_id is not None:
            await take(scope, self._limits, policy.of_session(session_id, back=back))


def provide_password_attempts(limits: Limits) -> Callable[[Scope], PasswordAttempts]:
    """Return the provider of `PasswordAttempts`."""

    def provide(scope: Scope) -> PasswordAttempts:
        return PasswordAttempts(limits, scope)

    return provide
