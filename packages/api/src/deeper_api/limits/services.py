"""The limits of one server, put together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from opentelemetry.metrics import Meter, get_meter

from deeper_api.config import AppConfig
from deeper_api.limits.buckets import Buckets
from deeper_api.limits.fallback import FallbackBuckets
from deeper_api.limits.memory_buckets import MemoryBuckets
from deeper_api.limits.policies import Policy
from deeper_api.limits.redis import RedisScripts
from deeper_api.limits.redis_buckets import RedisBuckets


class Limits:
    """A policy and what it is kept by: Redis, if there is one, or else each process for itself."""

    def __init__(self, config: AppConfig, *, meter: Meter | None = None) -> None:
        self.enabled = config.limits.enabled
        self.policy = Policy(config.limits)
        self.redis = (
            RedisScripts(config.redis.url, meter or get_meter("deeper"), timeout=config.redis.timeout)
            if config.redis.url
            else None
        )
        # Each process alone may grant its share, as if all were asked equally often.
        own = MemoryBuckets(share=1 / config.server.workers)
        self.buckets: Buckets = FallbackBuckets(RedisBuckets(self.redis), own) if self.redis else own

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the connection to Redis, if there is one, for as long as the context lasts."""
        if self.redis is None:
            yield
            return
        async with self.redis.running():
            yield
