"""From the configuration to the client of a model server."""

import msgspec

from deeper_api.chat.model_clients import create_clients
from deeper_api.config import AppConfig
from deeper_api.config.sections import OllamaConfig
from tests.fixtures.ollama import RunningOllama
from tests.model.dialects import ask, outcome


async def test_the_context_to_load_models_with_is_said_to_ollama(ollama_server: RunningOllama):
    [client] = create_clients(AppConfig(ollama=OllamaConfig(url=ollama_server.url, num_ctx=2_048)))
    provider = client.provider
    (model,) = await provider.list_models()
    await outcome(provider, msgspec.structs.replace(ask(), model=model.name))
    await provider.close()
    assert model.context_length == 2_048
    assert ollama_server.stand_in.chats[0]["options"] == {"num_ctx": 2_048}


async def test_or_else_left_to_ollama(ollama_server: RunningOllama):
    [client] = create_clients(AppConfig(ollama=OllamaConfig(url=ollama_server.url)))
    await outcome(client.provider, ask())
    await client.provider.close()
    assert "options" not in ollama_server.stand_in.chats[0]
