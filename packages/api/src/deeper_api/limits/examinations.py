"""Looking at a Redis from outside of a server: raw observations, without an opinion."""

import time
from typing import Final

from coredis import Redis
from coredis.exceptions import RedisError
from coredis.retry import NoRetryPolicy
from msgspec import Struct
from opentelemetry.metrics import NoOpMeter

from deeper_api.limits.redis import RedisScripts, with_checks

_SECONDS: Final = 3.0
_TIMES: Final = 5


class RedisSilent(Exception):
    """Redis does not answer; the text is the name of the error, and holds nothing of the address."""


class RedisServer(Struct, frozen=True, kw_only=True):
    """What a Redis tells of itself.

    ``round_trip`` is the longest of a few, in seconds; ``ahead`` by how many its clock is before ours. ``policy`` says
    what it drops when its memory is full, which it can only be where ``memory`` bytes are the most. ``runs_scripts``
    tells that the limits work in it.
    """

    version: str
    round_trip: float
    ahead: float
    policy: str
    memory: int
    runs_scripts: bool


async def describe_redis(url: str) -> RedisServer:
    """Return what the Redis at ``url`` tells of itself.

    Raises:
        RedisSilent: it does not answer.
    """
    client = Redis.from_url(
        with_checks(url),
        decode_responses=True,
        decode_components=True,
        connect_timeout=_SECONDS,
        stream_timeout=_SECONDS,
        retry_policy=NoRetryPolicy(),
    )
    try:
        async with client:
            times = [await _ahead(client) for _ in range(_TIMES)]
            told = await client.info("server", "memory")
    except (RedisError, OSError, ExceptionGroup) as error:
        raise RedisSilent(type(error).__name__) from error
    scripts = RedisScripts(url, NoOpMeter("doctor"), timeout=_SECONDS)
    async with scripts.running():
        runs_scripts = await scripts.answers()
    return RedisServer(
        version=str(told.get("redis_version", "unknown")),
        round_trip=max(took for took, _ in times),
        ahead=min(times)[1],
        policy=str(told.get("maxmemory_policy", "unknown")),
        memory=int(str(told.get("maxmemory", 0))),
        runs_scripts=runs_scripts,
    )


async def _ahead(client: Redis[str]) -> tuple[float, float]:
    """Return how long a question took, and by how much the clock is ahead."""
    before, began = time.time(), time.perf_counter()
    clock = await client.time()
    took = time.perf_counter() - began
    return took, clock.timestamp() - (before + took / 2)
