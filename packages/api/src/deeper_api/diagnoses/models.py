"""Looking at the model servers: whether they are there, what they have, and whether they say something."""

import time
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import Final

from deeper_api.chat.allowances import permits
from deeper_api.chat.model_clients import ModelClient, create_clients
from deeper_api.config import AppConfig
from deeper_api.diagnoses.findings import Examination, Finding, failed, ok, warning
from deeper_core import ChatMessage, ChatOptions, ChatRequest, ChatRole, DeeperError, Delta, Model, Role
from deeper_model import ModelProvider

_SECONDS: Final = 15.0
# A large model takes minutes to load.
_ASK_SECONDS: Final = 300.0


def examinations_of_models(config: AppConfig, *, ask: bool, model: str | None) -> list[Examination]:
    """Return what to look at in each model server; ``ask`` has a model say one token."""
    seconds = _ASK_SECONDS if ask else _SECONDS
    return [
        Examination(name=_name_of(client), look=partial(_look, config, client, ask=ask, model=model), seconds=seconds)
        for client in create_clients(config)
    ]


def _name_of(client: ModelClient) -> str:
    return f"model server ({client.name})"


async def _look(config: AppConfig, client: ModelClient, *, ask: bool, model: str | None) -> Sequence[Finding]:
    provider, name = client.provider, _name_of(client)
    try:
        await provider.check_health()
        models = await provider.list_models()
        found = [_models(config, name, models)]
        usable = [each.name for each in models if permits(config, Role.USER, each.name)]
        if ask and (model or usable):
            found.append(await _ask(provider, model or usable[0]))
    except DeeperError as error:
        advice = "See whether it runs, and whether its address is right (`deeper config` shows it)."
        return [failed(name, error.message, advice)]
    finally:
        await provider.close()
    return found


def _models(config: AppConfig, name: str, models: Sequence[Model]) -> Finding:
    if not models:
        return warning(name, "it answers, and has no model", "Give it one, at Ollama with `ollama pull`.")
    usable = [each.name for each in models if permits(config, Role.USER, each.name)]
    if not usable:
        said = f"it has {len(models)} model(s), none of which users may use"
        return warning(name, said, "See DEEPER_MODEL_ALLOWED and DEEPER_MODEL_ALLOWED_FOR_USERS.")
    more = f" and {len(usable) - 3} more" if len(usable) > 3 else ""
    return ok(name, f"it has {', '.join(usable[:3])}{more}")


async def _ask(provider: ModelProvider, model: str) -> Finding:
    name = f"an answer of {model}"
    message = ChatMessage(role=ChatRole.USER, content="Say yes.")
    request = ChatRequest(model=model, messages=(message,), options=ChatOptions(max_tokens=1))
    began = time.perf_counter()
    try:
        async with aclosing(provider.chat_stream(request)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    return ok(name, f"the first token came after {time.perf_counter() - began:.1f} s")
    except DeeperError as error:
        return failed(name, error.message, "Ask it the same by hand, and see what the model server logs.")
    return warning(name, "it ended without a token", "Ask it the same by hand, and see what the model server logs.")
