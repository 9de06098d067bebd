"""The limits of one server, put together."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from deeper_api.config import AppConfig
from deeper_api.limits.buckets import Buckets
from deeper_api.limits.fallback import FallbackBuckets
from deeper_api.limits.memory import MemoryBuckets
from deeper_api.limits.policies import Policy
from deeper_api.limits.redis import RedisBuckets


class Limits:
    """A policy and the buckets that it is kept by: in Redis, if there is one, or else in each process for itself."""

    def __init__(self, config: AppConfig) -> None:
        self.enabled = config.limits.enabled
        self.policy = Policy(config.limits)
        # Each process alone may grant its share, as if all were asked equally often.
        own = MemoryBuckets(share=1 / config.server.workers)
        self._redis = RedisBuckets(config.redis.url, timeout=config.redis.timeout) if config.redis.url else None
        self._fallback = FallbackBuckets(self._redis, own) if self._redis else None
        self.buckets: Buckets = self._fallback or own

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the connection to Redis, if there is one, for as long as the context lasts."""
        async with AsyncExitStack() as stack:
            if self.enabled and self._redis is not None and self._fallback is not None:
                await stack.enter_async_context(self._redis.running())
                await stack.enter_async_context(self._fallback.running())
            yield
