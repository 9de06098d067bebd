"""GET /openai/v1/models: what can be asked, for OpenAI's clients."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from deeper_api.chat.allowances import names_of, permits
from deeper_api.config import AppConfig
from deeper_api.openai.models import ListedModel, ListedModels, listed
from deeper_api.providers.callers import Caller
from deeper_core import ModelNotFound
from deeper_model.pool import ModelPool


@get("/openai/v1/models", operation_id="listOpenAIModels", tags=["openai"])
async def list_openai_models(
    caller: NamedDependency[Caller],
    model_pool: NamedDependency[SkipValidation[ModelPool]],
    config: NamedDependency[SkipValidation[AppConfig]],
) -> ListedModels:
    """Return the models of the model servers that the caller may use."""
    models = await model_pool.list_models()
    return ListedModels(data=tuple(listed(model) for model in models if permits(config, caller.role, model.name)))


@get("/openai/v1/models/{model_id:path}", operation_id="getOpenAIModel", tags=["openai"])
async def get_openai_model(
    model_id: FromPath[str],
    caller: NamedDependency[Caller],
    model_pool: NamedDependency[SkipValidation[ModelPool]],
    config: NamedDependency[SkipValidation[AppConfig]],
) -> ListedModel:
    """Return one of them; its name may have slashes in it."""
    names = set(names_of(model_id.removeprefix("/")))
    for model in await model_pool.list_models():
        if model.name in names and permits(config, caller.role, model.name):
            return listed(model)
    raise ModelNotFound
