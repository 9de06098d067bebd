"""GET /v1/admin/model-servers: who writes the answers, and whether they can."""

import asyncio
from collections.abc import Sequence
from typing import Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import Struct

from deeper_api.providers.callers import Person
from deeper_core import DeeperError, ErrorCode
from deeper_model import ModelProvider

_SECONDS: Final = 1.5


class ModelServer(Struct, frozen=True, kw_only=True):
    """A model server as seen by the process that was asked: whether it answers, or else by which error it does not."""

    name: str
    ready: bool
    error: ErrorCode | None


class ModelServerList(Struct, frozen=True, kw_only=True):
    """The model servers."""

    items: Sequence[ModelServer]


@get("/model-servers", operation_id="listModelServers")
async def list_model_servers(
    admin: NamedDependency[Person],  # noqa: ARG001  - asking is requiring
    model_provider: NamedDependency[SkipValidation[ModelProvider]],
) -> ModelServerList:
    """Return the model servers; answers within two seconds, whatever they do."""
    return ModelServerList(items=[await _look_at(model_provider)])


async def _look_at(provider: ModelProvider) -> ModelServer:
    error: ErrorCode | None = None
    try:
        async with asyncio.timeout(_SECONDS):
            await provider.check_health()
    except TimeoutError:
        error = ErrorCode.MODEL_SERVER_TIMED_OUT
    except DeeperError as fault:
        error = fault.code
    return ModelServer(name=provider.name, ready=error is None, error=error)
