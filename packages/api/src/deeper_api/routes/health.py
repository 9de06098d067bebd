"""GET /health: the process lives. GET /health/ready: its dependencies answer."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import Struct

from deeper_api.store.pool import Pool, ping
from deeper_core import DeeperError
from deeper_model import ModelProvider

# Together below the two seconds in which an orchestrator's probe gives up.
_SECONDS = 1.5


class Health(Struct, frozen=True, kw_only=True):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Dependency(Struct, frozen=True, kw_only=True):
    """One thing that the server needs, and whether it answers."""

    name: str
    ready: bool


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether the server can do its work, and each thing that it needs for that."""

    ready: bool
    dependencies: tuple[Dependency, ...]


@get("/health", operation_id="getHealth", tags=["health"])
async def get_health() -> Health:
    """Answer while the process lives; touches no dependency."""
    return Health()


@get("/health/ready", operation_id="getReadiness", tags=["health"], include_in_schema=False)
async def get_readiness(
    pool: NamedDependency[SkipValidation[Pool]], model_provider: NamedDependency[SkipValidation[ModelProvider]]
) -> Response[Readiness]:
    """Answer within two seconds, with 503 if a dependency does not."""
    postgres, model_server = await asyncio.gather(ping(pool, _SECONDS), _answers(model_provider.check_health()))
    dependencies = (
        Dependency(name="postgres", ready=postgres),
        Dependency(name=f"model server ({model_provider.name})", ready=model_server),
    )
    ready = all(dependency.ready for dependency in dependencies)
    return Response(Readiness(ready=ready, dependencies=dependencies), status_code=200 if ready else 503)


async def _answers(check: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(_SECONDS):
            await check
    except (DeeperError, TimeoutError):
        return False
    return True
