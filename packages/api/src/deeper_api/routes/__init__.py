"""The table of contents of the API: each module is a resource, named by its URL."""

from deeper_api.routes.auth import auth_router
from deeper_api.routes.chat import answer_chat
from deeper_api.routes.health import get_health, get_readiness
from deeper_api.routes.me import me_router
from deeper_api.routes.models import list_models
from deeper_api.routes.usage import get_usage

ROUTES = (get_health, get_readiness, auth_router, me_router, list_models, answer_chat, get_usage)

__all__ = ["ROUTES"]
