"""The limits of one server, put together."""

import hashlib
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from msgspec import Struct
from opentelemetry.metrics import Meter, get_meter

from deeper_api.config import AppConfig
from deeper_api.limits.buckets import Buckets
from deeper_api.limits.counting import CountedBuckets
from deeper_api.limits.fallback import FallbackBuckets
from deeper_api.limits.lines import Line
from deeper_api.limits.memory_buckets import MemoryBuckets
from deeper_api.limits.memory_line import MemoryLine
from deeper_api.limits.policies import Policy
from deeper_api.limits.redis import RedisScripts
from deeper_api.limits.redis_buckets import RedisBuckets
from deeper_api.limits.redis_line import RedisLine
from deeper_core import ApiKeyId, UserId


class Lines(Struct, frozen=True, kw_only=True):
    """The line in front of one model server.

    ``shared`` is that of all processes, None without Redis. ``own`` makes one for this process alone, with its share of
    the server, for as long as there is no other.
    """

    shared: Line | None
    own: Callable[[], Line]


class Limits:
    """A policy and what it is kept by: Redis, if there is one, or else each process for itself."""

    def __init__(self, config: AppConfig, *, meter: Meter | None = None) -> None:
        self.enabled = config.limits.enabled
        self.policy = Policy(config.limits)
        meter = meter or get_meter("deeper")
        self.redis = RedisScripts(config.redis.url, meter, timeout=config.redis.timeout) if config.redis.url else None
        # Each process alone may grant its share, as if all were asked equally often.
        own = MemoryBuckets(share=1 / config.server.workers)
        self._workers = config.server.workers
        buckets: Buckets = FallbackBuckets(RedisBuckets(self.redis), own) if self.redis else own
        self.buckets: Buckets = CountedBuckets(buckets, meter)

    def lines(self, server: str, *, holder: str, parallel: int, queue: int) -> Lines:
        """Return the line in front of ``server``, the address of a model server that works on ``parallel`` at once.

        ``holder`` is the name of this process among all that ask it; ``queue`` is how many may wait.
        """
        # Addresses may hold passwords.
        name = hashlib.sha256(server.encode("utf-8", "replace")).hexdigest()[:16]
        shared = self.redis and RedisLine(self.redis, name=name, holder=holder, parallel=parallel, queue=queue)
        share = max(1, parallel // self._workers)
        return Lines(
            shared=shared,
            own=lambda: MemoryLine(parallel=share, queue=math.ceil(queue / self._workers)),
        )

    async def spend(self, user_id: UserId, key_id: ApiKeyId | None, tokens: int, per_day: int | None = None) -> None:
        """Take what models have read and written for a user from what is allowed in a day.

        ``per_day`` is what this user may have instead of what the configuration says.
        """
        request = self.policy.of_tokens(user_id, key_id, tokens, per_day=per_day)
        if self.enabled and tokens and request.buckets:
            await self.buckets.take(request.caller, request.buckets)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the connection to Redis, if there is one, for as long as the context lasts."""
        if self.redis is None:
            yield
            return
        async with self.redis.running():
            yield
