"""Looking at Redis: whether the limits work in it, and whether it keeps them."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from deeper_api.config import AppConfig
from deeper_api.diagnoses.findings import Examination, Finding, failed, ok, warning
from deeper_api.limits.examinations import RedisServer, RedisSilent, describe_redis

_NAME: Final = "Redis"
_SECONDS: Final = 10.0
_CLOCK_SECONDS: Final = 60.0
_KEEPING: Final = frozenset({"noeviction", "volatile-ttl", "unknown"})


def examinations_of_redis(config: AppConfig) -> list[Examination]:
    """Return what to look at in Redis, if there is one."""
    return [Examination(name=_NAME, look=partial(_look, config), seconds=_SECONDS)] if config.redis.url else []


async def _look(config: AppConfig) -> Sequence[Finding]:
    try:
        server = await describe_redis(config.redis.url)
    except RedisSilent as error:
        advice = "See whether it runs, and whether DEEPER_REDIS_URL is its address. Until then workers limit alone."
        return [failed(_NAME, f"it does not answer ({error})", advice)]
    return list(_judge(config, server))


def _judge(config: AppConfig, server: RedisServer) -> Iterator[Finding]:
    said = f"version {server.version} answers in {server.round_trip * 1_000:.1f} ms"
    if not server.runs_scripts:
        advice = "It has to run Lua scripts and to write: it may be a replica, a node of a cluster, or out of memory."
        yield failed(_NAME, f"{said}, but the limits do not work in it", advice)
    elif server.round_trip > config.redis.timeout:
        advice = "Bring it nearer, or raise DEEPER_REDIS_TIMEOUT: until then workers often limit alone."
        yield warning(_NAME, f"{said}, and requests wait {config.redis.timeout:g} s at most", advice)
    else:
        yield ok(_NAME, f"{said}, and runs the scripts of the limits")
    if server.memory and server.policy not in _KEEPING:
        yield warning(
            "Redis's memory",
            f"maxmemory-policy is {server.policy}: when it is full, it forgets limits and turns",
            "Set it to noeviction, or give this Redis to nobody else.",
        )
    if abs(server.ahead) > _CLOCK_SECONDS:
        said = f"Redis's clock is {abs(server.ahead):.0f} s off"
        yield warning("Redis's clock", said, "Let its machine keep time by NTP.")
