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
from deeper_model.pool import BreakerState, MemberState, ModelPool

_SECONDS: Final = 1.5


class ModelServer(Struct, frozen=True, kw_only=True):
    """A model server as seen by the process that was asked.

    ``ready`` tells whether it answers now, ``error`` by which error it does not, or last did not. It is asked while
    its ``state`` is ``up``; when it is ``open`` others are asked in its place, ``half_open`` when one answer is to show
    whether it works again. ``in_flight`` are answers of this process that it was chosen for, also those that wait for
    it. ``models`` is what it has, and ``loaded`` what it has in memory.
    """

    name: str
    ready: bool
    error: ErrorCode | None
    state: BreakerState
    in_flight: int
    models: Sequence[str]
    loaded: Sequence[str]


class ModelServerList(Struct, frozen=True, kw_only=True):
    """The model servers."""

    items: Sequence[ModelServer]


@get("/model-servers", operation_id="listModelServers")
async def list_model_servers(
    admin: NamedDependency[Person],  # noqa: ARG001  - asking is requiring
    model_pool: NamedDependency[SkipValidation[ModelPool]],
) -> ModelServerList:
    """Return the model servers; answers within two seconds, whatever they do."""
    members = model_pool.members()
    return ModelServerList(items=await asyncio.gather(*(_look_at(model_pool, member) for member in members)))


async def _look_at(pool: ModelPool, member: MemberState) -> ModelServer:
    fault: ErrorCode | None = None
    try:
        async with asyncio.timeout(_SECONDS):
            await pool.check_member(member.name)
    except TimeoutError:
        fault = ErrorCode.MODEL_SERVER_TIMED_OUT
    except DeeperError as error:
        fault = error.code
    return ModelServer(
        name=member.name,
        ready=fault is None,
        error=fault or member.error,
        state=member.state,
        in_flight=member.in_flight,
        models=member.models,
        loaded=member.loaded,
    )
