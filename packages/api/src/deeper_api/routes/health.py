"""GET /health: the process lives. GET /health/ready: its dependencies answer."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import Struct

from deeper_api.chat.engine import Engine
from deeper_api.limits.redis import RedisScripts
from deeper_api.limits.services import Limits
from deeper_api.store.pool import Pool, ping
from deeper_core import DeeperError
from deeper_model.pool import ModelPool

# Together below the two seconds in which an orchestrator's probe gives up.
_SECONDS = 1.5


class Health(Struct, frozen=True, kw_only=True):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Dependency(Struct, frozen=True, kw_only=True):
    """One thing that the server uses, whether it answers, and whether the server can do nothing without it."""

    name: str
    ready: bool
    required: bool = True


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether the server can do its work, and each thing that it uses for that."""

    ready: bool
    dependencies: tuple[Dependency, ...]


@get("/health", operation_id="getHealth", tags=["health"])
async def get_health() -> Health:
    """Answer while the process lives; touches no dependency."""
    return Health()


@get("/health/ready", operation_id="getReadiness", tags=["health"], include_in_schema=False)
async def get_readiness(
    pool: NamedDependency[SkipValidation[Pool]],
    limits: NamedDependency[SkipValidation[Limits]],
    model_pool: NamedDependency[SkipValidation[ModelPool]],
    engine: NamedDependency[SkipValidation[Engine]],
) -> Response[Readiness]:
    """Answer within two seconds, with 503 if a dependency that is required does not.

    Redis, where it is configured, is not: without it each process goes on to limit by itself, and none would be better
    off with no traffic. That it fails is told in its row. Of several model servers none is required, but one of them:
    the others answer for those that fail. A process that ends is not ready from the first moment on.
    """
    names = [member.name for member in model_pool.members()]
    postgres, redis, model_servers = await asyncio.gather(
        ping(pool, _SECONDS),
        _can_be_written(limits.redis),
        asyncio.gather(*(_answers(model_pool.check_member(name)) for name in names)),
    )
    dependencies = [
        Dependency(name="postgres", ready=postgres),
        *(
            Dependency(name=f"model server ({name})", ready=ready, required=len(names) == 1)
            for name, ready in zip(names, model_servers, strict=True)
        ),
    ]
    if redis is not None:
        dependencies.append(Dependency(name="redis", ready=redis, required=False))
    if engine.closing:
        dependencies.append(Dependency(name="this process, which ends", ready=False))
    ready = all(dependency.ready for dependency in dependencies if dependency.required) and any(model_servers)
    return Response(Readiness(ready=ready, dependencies=tuple(dependencies)), status_code=200 if ready else 503)


async def _answers(check: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(_SECONDS):
            await check
    except (DeeperError, TimeoutError):
        return False
    return True


async def _can_be_written(redis: RedisScripts | None) -> bool | None:
    """Return whether Redis works, or None if there is none."""
    if redis is None:
        return None
    try:
        async with asyncio.timeout(_SECONDS):
            return await redis.answers()
    except TimeoutError:  # only with a time limit that is longer than this one
        return False
