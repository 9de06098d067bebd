"""Limits on the wire: what a request found in the buckets goes with its response, whatever that is.

As https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers says::

    RateLimit-Policy: "anonymous";q=120;w=60
    RateLimit: "anonymous";r=119;t=1
"""

import math
from collections.abc import Collection
from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from deeper_api.errors import error_body
from deeper_api.limits.buckets import Level
from deeper_api.limits.policies import Address, Request, are_tokens
from deeper_api.limits.services import Limits
from deeper_api.middleware.refusals import Header, refusal_of, say_quota_is_spent
from deeper_core import RateLimited

# What is said of buckets that are not about requests.
_TOKENS: Final = "The tokens of a day are used up. Wait as long as the Retry-After header says."
_TRIES: Final = "Too many wrong passwords. Wait as long as the Retry-After header says."
_MESSAGES: Final = {
    "tokens": _TOKENS,
    "key-tokens": _TOKENS,
    "login": _TRIES,
    "login-hour": _TRIES,
    "login-day": _TRIES,
}
# Where the scope's state keeps how the buckets were found, by their names.
_LEVELS: Final = "limits"


def begin_limiting(scope: Scope) -> None:
    """Say that the request is limited by a guard, or by intent not at all."""
    scope["state"].setdefault(_LEVELS, {})


async def take(scope: Scope, limits: Limits, request: Request) -> None:
    """Take what a request takes, and remember for the response what was found.

    Raises:
        RateLimited: there was not enough.
    """
    decision = await limits.buckets.take(request.caller, request.buckets)
    begin_limiting(scope)
    _levels(scope).update((level.bucket.name, level) for level in decision.levels)
    if not decision.allowed:
        longest = max(decision.levels, key=lambda level: level.wait)
        if are_tokens(longest.bucket):
            say_quota_is_spent(scope)
        raise RateLimited(_MESSAGES.get(_name(longest)), retry_after=decision.retry_after)


def address_of(scope: Scope) -> Address | None:
    """Return the client's address, as the edge found it."""
    address: Address | None = scope["state"].get("client_address")
    return address


class LimitedApplication:
    """Wraps the application: adds the headers to responses, and limits what no guard has seen.

    That is a path that does not exist, or a method that its route does not have. To find out costs next to nothing; so
    that is done first, and a response that is one too many is replaced.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not self._limits.enabled:
            await self._app(scope, receive, send)
            return
        refusal: RateLimited | None = None

        async def wrap(message: Message) -> None:
            nonlocal refusal
            if message["type"] != "http.response.start":
                if refusal is None:
                    await send(message)
                return
            refusal = None if _LEVELS in scope["state"] else await self._refusal(scope)
            headers = _limit_headers(_levels(scope).values())
            if refusal is None:
                message["headers"] = [*message.get("headers", ()), *headers]
                await send(message)
            else:
                await _respond(refusal, scope, send, headers)

        await self._app(scope, receive, wrap)

    async def _refusal(self, scope: Scope) -> RateLimited | None:
        """Return why a request of which nothing but its address is known is one too many, if it is."""
        try:
            await take(scope, self._limits, self._limits.policy.of_address(address_of(scope)))
        except RateLimited as error:
            return error
        return None


async def _respond(error: RateLimited, scope: Scope, send: Send, headers: list[Header]) -> None:
    body = error_body(error, scope["state"].get("request_id"))
    await refusal_of(body, scope).send(send, headers)


def _levels(scope: Scope) -> dict[str, Level]:
    levels: dict[str, Level] = scope["state"][_LEVELS]
    return levels


def _limit_headers(levels: Collection[Level]) -> list[Header]:
    """Return ``RateLimit-Policy`` and ``RateLimit`` for buckets as they were found."""
    if not levels:
        return []
    policies, limits = zip(*map(_items, levels), strict=True)
    return [
        (b"ratelimit-policy", ", ".join(policies).encode("ascii")),
        (b"ratelimit", ", ".join(limits).encode("ascii")),
    ]


def _items(level: Level) -> tuple[str, str]:
    """Return what a bucket of the size of this one allows in the time that it takes to fill it, and what it has now."""
    bucket = level.bucket
    name = _name(level)
    window = max(1, math.ceil(bucket.capacity / bucket.per_second))
    more = math.ceil(level.more)
    return f'"{name}";q={bucket.capacity};w={window}', f'"{name}";r={level.remaining};t={more}'


def _name(level: Level) -> str:
    """Return the name of the bucket among others of one caller, without what tells it from others of its kind."""
    return level.bucket.name.partition(":")[0]
