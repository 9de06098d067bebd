"""GET /v1/models: what can be asked."""

from collections.abc import Sequence

from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from deeper_api.chat.allowances import permits
from deeper_api.config import AppConfig
from deeper_api.providers.callers import Caller
from deeper_core import Model
from deeper_model.pool import ModelPool


@get("/v1/models", operation_id="listModels", tags=["models"])
async def list_models(
    caller: NamedDependency[Caller],
    model_pool: NamedDependency[SkipValidation[ModelPool]],
    config: NamedDependency[SkipValidation[AppConfig]],
) -> Sequence[Model]:
    """Return the models of the model servers that the caller may use."""
    models = await model_pool.list_models()
    return [model for model in models if permits(config, caller.role, model.name)]
