"""GET /v1/models: what can be asked."""

from collections.abc import Sequence

from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from deeper_api.providers.callers import Caller
from deeper_core import Model
from deeper_model import ModelProvider


@get("/v1/models", operation_id="listModels", tags=["models"])
async def list_models(
    caller: NamedDependency[Caller],  # noqa: ARG001  - asking is requiring
    model_provider: NamedDependency[SkipValidation[ModelProvider]],
) -> Sequence[Model]:
    """Return the models of the model server."""
    return await model_provider.list_models()
