"""The table of contents of the API: each module is a resource, named by its URL."""

from deeper_api.routes.admin import admin_router
from deeper_api.routes.api_keys import api_keys_router
from deeper_api.routes.auth import auth_router
from deeper_api.routes.chat import answer_chat
from deeper_api.routes.conversations import conversations_router
from deeper_api.routes.generations import generations_router
from deeper_api.routes.health import get_health, get_readiness
from deeper_api.routes.me import me_router
from deeper_api.routes.models import list_models
from deeper_api.routes.openai_chat import create_chat_completion
from deeper_api.routes.openai_models import get_openai_model, list_openai_models
from deeper_api.routes.search import search
from deeper_api.routes.transfers import transfers_router
from deeper_api.routes.usage import get_usage

ROUTES = (
    get_health,
    get_readiness,
    auth_router,
    me_router,
    api_keys_router,
    admin_router,
    list_models,
    answer_chat,
    generations_router,
    get_usage,
    conversations_router,
    transfers_router,
    search,
    create_chat_completion,
    list_openai_models,
    get_openai_model,
)

__all__ = ["ROUTES"]
