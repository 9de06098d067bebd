"""Limits: every request takes from the buckets of whoever makes it, before anything of its body is read.

What a request found in the buckets goes with its response, whatever that is, as
https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers says::

    RateLimit-Policy: "anonymous";q=120;w=60
    RateLimit: "anonymous";r=119;t=1
"""

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import Message, Scope

from deeper_api.limits.buckets import Level
from deeper_api.limits.policies import Address, Request
from deeper_api.limits.services import Limits
from deeper_api.middleware.bodies import AnyConnection
from deeper_api.providers.callers import Caller
from deeper_core import Forbidden, InvalidCredentials, RateLimited, Unauthenticated

Guard = Callable[[AnyConnection, BaseRouteHandler], Awaitable[None]]

# Operations that are never refused: whoever probes has to learn about the server, not about itself.
UNLIMITED: Final = frozenset({"getHealth", "getReadiness"})
# Operations that try a password, each of which costs the server as much as many other requests.
WITH_PASSWORD: Final = frozenset({"signUp", "login", "changePassword", "deleteMe"})
# Where the scope's state keeps how the buckets were found, by their names.
_LEVELS: Final = "limits"


def limit(identify: Guard, limits: Limits) -> Guard:
    """Return the guard that does what ``identify`` does, and limits whoever it found: a user, a key or an address.

    The guard raises RateLimited, besides what ``identify`` raises.
    """

    async def guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
        operation = handler.operation_id if isinstance(handler, HTTPRouteHandler) else None
        if not limits.enabled or operation in UNLIMITED:
            await identify(connection, handler)
            return
        scope, password = connection.scope, operation in WITH_PASSWORD
        try:
            await identify(connection, handler)
        except (Unauthenticated, Forbidden):
            await _take(scope, limits, limits.policy.of_address(_address(scope)))
            raise
        caller: Caller | None = scope["state"].get("caller")
        if caller is None:
            await _take(scope, limits, limits.policy.of_address(_address(scope), password=password))
        elif caller.key_id is not None:
            await _take(scope, limits, limits.policy.of_key(caller.key_id))
        else:
            await _take(scope, limits, limits.policy.of_user(caller.user_id, password=password))

    return guard


class LoginAttempts:
    """The tries to sign in of one request."""

    def __init__(self, limits: Limits, scope: Scope) -> None:
        self._limits = limits
        self._scope = scope

    @asynccontextmanager
    async def at(self, email: str) -> AsyncGenerator[None]:
        """Count what happens in the context as a try, if it ends with InvalidCredentials.

        Raises:
            RateLimited: there were too many at this account, from this address.
        """
        if not self._limits.enabled:
            yield
            return
        policy, address = self._limits.policy, _address(self._scope)
        await _take(self._scope, self._limits, policy.of_login(email, address))
        try:
            yield
        except InvalidCredentials:
            raise
        except Exception:
            await _take(self._scope, self._limits, policy.of_login(email, address, back=True))
            raise
        await _take(self._scope, self._limits, policy.of_login(email, address, back=True))


def provide_login_attempts(limits: Limits) -> Callable[[Scope], Awaitable[LoginAttempts]]:
    """Return the provider of `LoginAttempts`."""

    async def provide(scope: Scope) -> LoginAttempts:
        return LoginAttempts(limits, scope)

    return provide


async def tell_limits(message: Message, scope: Scope) -> None:
    """Add the headers to a response that begins; for Litestar's ``before_send``."""
    levels: dict[str, Level] = scope["state"].get(_LEVELS, {})
    if levels and message["type"] == "http.response.start":
        message["headers"] = [*message.get("headers", ()), *limit_headers(levels.values())]


def limit_headers(levels: Iterable[Level]) -> list[tuple[bytes, bytes]]:
    """Return ``RateLimit-Policy`` and ``RateLimit`` for buckets as they were found."""
    policies, limits = zip(*map(_items, levels), strict=True)
    return [
        (b"ratelimit-policy", ", ".join(policies).encode("ascii")),
        (b"ratelimit", ", ".join(limits).encode("ascii")),
    ]


def _items(level: Level) -> tuple[str, str]:
    """Return what a bucket of the size of this one allows in the time that it takes to fill it, and what it has now."""
    bucket = level.bucket
    window = max(1, math.ceil(bucket.capacity / bucket.per_second))
    more = math.ceil(level.more)
    return f'"{bucket.name}";q={bucket.capacity};w={window}', f'"{bucket.name}";r={level.remaining};t={more}'


async def _take(scope: Scope, limits: Limits, request: Request) -> None:
    decision = await limits.buckets.take(request.caller, request.buckets)
    state = scope["state"]
    levels: dict[str, Level] = state.setdefault(_LEVELS, {})
    levels |= {level.bucket.name: level for level in decision.levels}
    if not decision.allowed:
        raise RateLimited(retry_after=decision.retry_after)


def _address(scope: Scope) -> Address | None:
    address: Address | None = scope["state"].get("client_address")
    return address
