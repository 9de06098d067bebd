"""The clients of the model servers that a configuration names."""

from msgspec import Struct

from deeper_api.config import AppConfig
from deeper_api.config.sections import ModelServer
from deeper_model import (
    ModelProvider,
    OllamaProvider,
    OllamaSettings,
    OpenAICompatibleProvider,
    OpenAISettings,
    ScriptedProvider,
    WireLimits,
)

# Slow enough to be seen as a stream, fast enough not to bore.
_DEMO_SECONDS_PER_WORD = 0.03


class ModelClient(Struct, frozen=True, kw_only=True):
    """One model server: ``address`` tells it from others, and ``parallel`` is how much it does at once.

    ``weight`` is how much more of that it gets than its part.
    """

    name: str
    provider: ModelProvider
    address: str
    parallel: int
    weight: float = 1.0


def create_clients(config: AppConfig, provider: ModelProvider | None = None) -> tuple[ModelClient, ...]:
    """Return a client for each model server; they connect when they are first used.

    ``provider`` stands in for all that the configuration names.
    """
    servers = () if provider is not None else config.model.servers
    if servers:
        return tuple(_client(server, config) for server in servers)
    provider = provider or _only_provider(config)
    return (
        ModelClient(
            name=provider.name, provider=provider, address=_only_address(config), parallel=config.model.parallel
        ),
    )


def _client(server: ModelServer, config: AppConfig) -> ModelClient:
    return ModelClient(
        name=server.name,
        provider=_provider(server, config),
        address=server.url,
        parallel=server.parallel or config.model.parallel,
        weight=server.weight,
    )


def _only_provider(config: AppConfig) -> ModelProvider:
    match config.model.provider:
        case "scripted":
            return ScriptedProvider(delay=_DEMO_SECONDS_PER_WORD)
        case "ollama":
            url, num_ctx = config.ollama.url, config.ollama.num_ctx
            return _provider(ModelServer(name="ollama", kind="ollama", url=url, num_ctx=num_ctx), config)
        case "openai":
            url, api_key = config.openai.url, config.openai.api_key
            return _provider(ModelServer(name="openai", kind="openai", url=url, api_key=api_key), config)


def _only_address(config: AppConfig) -> str:
    return {"ollama": config.ollama.url, "openai": config.openai.url}.get(config.model.provider, config.model.provider)


def _provider(server: ModelServer, config: AppConfig) -> ModelProvider:
    limits = WireLimits(
        connect=config.model.connect_timeout,
        first_byte=config.model.first_token_timeout,
        idle=config.model.idle_timeout,
    )
    match server.kind:
        case "ollama":
            return OllamaProvider(
                server.url,
                name=server.name,
                settings=OllamaSettings(limits=limits, num_ctx=server.num_ctx or None),
                headers={"Authorization": f"Bearer {server.api_key}"} if server.api_key else None,
            )
        case "openai":
            return OpenAICompatibleProvider(
                server.url,
                name=server.name,
                api_key=server.api_key or None,
                settings=OpenAISettings(limits=limits),
            )
