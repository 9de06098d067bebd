"""From the configuration to the client of a model server."""

import msgspec

from deeper_api.chat.model_clients import create_clients
from deeper_api.config import AppConfig
from deeper_api.config.sections import ModelConfig, ModelServer, OllamaConfig
from deeper_model.conformance import Peer, running_upstream
from tests.fixtures.ollama import RunningOllama
from tests.model.dialects import OPENAI, ask, outcome


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


async def test_several_servers_are_clients_of_their_own(ollama_server: RunningOllama):
    sent: list[str | None] = []

    async def play(peer: Peer) -> None:
        sent.append(peer.request.headers.get("authorization"))
        reply = OPENAI.reply(peer.request, ["tiny"])
        assert reply is not None
        await peer.reply(reply.status, reply.body, reply.media_type)

    async with running_upstream(play) as upstream:
        servers = (
            ModelServer(name="one", kind="ollama", url=ollama_server.url, num_ctx=1_024, weight=2),
            ModelServer(name="two", kind="openai", url=f"{upstream.url}/v1", api_key="sk-1", parallel=9),
            ModelServer(name="three", kind="ollama", url=upstream.url, api_key="sk-2"),
        )
        one, two, three = create_clients(AppConfig(model=ModelConfig(servers=servers, parallel=3)))
        assert [(each.name, each.provider.name) for each in (one, two, three)] == [
            ("one", "one"),
            ("two", "two"),
            ("three", "three"),
        ]
        assert [(each.parallel, each.weight) for each in (one, two, three)] == [(3, 2), (9, 1), (3, 1)]
        assert {model.context_length for model in await one.provider.list_models()} == {1_024}
        assert [model.name for model in await two.provider.list_models()] == ["tiny"]
        assert set(sent) == {"Bearer sk-1"}
        await three.provider.list_models()
        assert set(sent) == {"Bearer sk-1", "Bearer sk-2"}
        for each in (one, two, three):
            await each.provider.close()
