"""Examples of what clients send, by type and as they would write it: Ann asks why the sky is blue."""

from collections.abc import Mapping
from typing import Final

from deeper_api.openai.requests import CompletionBody
from deeper_api.routes.admin_users import UserBody, UserChange
from deeper_api.routes.api_keys import ApiKeyBody
from deeper_api.routes.auth import CredentialsBody, RefreshBody
from deeper_api.routes.chat import ChatBody
from deeper_api.routes.conversations import ConversationBody, ConversationChange
from deeper_api.routes.me import DeleteBody, PasswordBody
from deeper_api.routes.schemas import Json

MODEL: Final = "llama3.2"
QUESTION: Final = "Why is the sky blue?"
REFRESH_TOKEN: Final = "019ab4c27d3e7000800000000000000b.3.c2lnbmF0dXJl"  # noqa: S105  - of no session
CONVERSATION_ID: Final = "019ab4c2-7d3e-7000-8000-00000000000c"
ASKED: Final = "019ab4c2-7d3e-7000-8000-000000000001"
ANSWERED: Final = "019ab4c2-7d3e-7000-8000-000000000002"

_PASSWORD: Final = "correct horse battery staple"  # noqa: S105  - nobody's
_TOOL: Final[Json] = {
    "type": "function",
    "function": {
        "name": "forecast",
        "description": "The weather of the next days.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
_WEATHER: Final[Json] = {"role": "user", "content": "Will it rain in Oslo?"}
_ASKING: Final[Json] = {"role": "user", "content": QUESTION}


REQUESTS: Final[Mapping[object, Mapping[str, object]]] = {
    CredentialsBody: {"ann": {"email": "ann@example.com", "password": _PASSWORD}},
    RefreshBody | None: {"inTheBody": {"refresh_token": REFRESH_TOKEN}},
    PasswordBody: {"ann": {"current_password": _PASSWORD, "new_password": "another horse, another staple"}},
    DeleteBody: {"ann": {"password": _PASSWORD}},
    UserBody: {"ann": {"email": "ann@example.com", "password": _PASSWORD}},
    UserChange: {"limited": {"tokens_per_day": 100_000}, "disabled": {"disabled": True}},
    ApiKeyBody: {"forChats": {"name": "my scripts", "scopes": ["chat"], "expires_in_days": 90}},
    ChatBody: {
        "question": {"model": MODEL, "messages": [_ASKING]},
        "whole": {"model": MODEL, "messages": [_ASKING], "stream": False, "options": {"max_tokens": 200}},
        "kept": {"model": MODEL, "messages": [_ASKING], "store": True},
        "continued": {
            "model": MODEL,
            "conversation_id": CONVERSATION_ID,
            "parent_id": ANSWERED,
            "messages": [{"role": "user", "content": "And at sunset?"}],
            "on_disconnect": {"cancel_after": 30},
        },
        "withTools": {"model": MODEL, "messages": [_WEATHER], "tools": [_TOOL]},
    },
    ConversationBody | None: {"titled": {"title": "Why the sky is blue"}},
    ConversationChange: {"renamed": {"title": "Blue skies"}, "archived": {"archived": True}},
    CompletionBody: {
        "question": {"model": MODEL, "messages": [_ASKING]},
        "streamed": {
            "model": MODEL,
            "messages": [_ASKING],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        "withTools": {"model": MODEL, "messages": [_WEATHER], "tools": [_TOOL], "tool_choice": "auto"},
    },
}
