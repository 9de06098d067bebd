"""Ollama, over its native API."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from msgspec import Struct

from deeper_core import ChatEvent, ChatRequest, Model, ModelServerError
from deeper_model.answers import fetch, stream_answer
from deeper_model.connections import Connections
from deeper_model.limits import WireLimits
from deeper_model.ollama_answers import OllamaDecoder
from deeper_model.ollama_wire import ModelList, Version, models_in, request_out
from deeper_model.wire import WireDecoder

_MODELS = WireDecoder(ModelList)
_VERSION = WireDecoder(Version)


class OllamaSettings(Struct, frozen=True, kw_only=True):
    """How to use an Ollama server.

    ``keep_alive`` is how long a model stays loaded after an answer, in seconds or as Go writes durations (``"5m"``);
    ``num_ctx`` the context to load models with, in tokens; Ollama takes no more than a model was trained with. None
    leaves either to the server. They are settings and no part of a request, because a model is loaded anew for each
    request that differs in ``num_ctx``.
    """

    limits: WireLimits = WireLimits()
    keep_alive: str | float | None = None
    num_ctx: int | None = None


_DEFAULTS = OllamaSettings()


class OllamaProvider:
    """A `ModelProvider` for the Ollama server at ``base_url``, such as ``http://127.0.0.1:11434``.

    ``headers`` go with every request, for a server behind a proxy that wants a password, say.

    Raises:
        ValueError: ``base_url`` is not an http or https URL.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str = "ollama",
        settings: OllamaSettings = _DEFAULTS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name
        self._settings = settings
        self._connections = Connections(base_url, headers=headers or {}, limits=settings.limits)

    @property
    def name(self) -> str:
        """The name given at construction."""
        return self._name

    async def list_models(self) -> Sequence[Model]:
        """Return the models that the server has; a server that does not tell which are loaded is no error."""
        tags = await fetch(self._connections, "/api/tags", _MODELS)
        try:
            loaded = await fetch(self._connections, "/api/ps", _MODELS)
        except ModelServerError:
            loaded = None
        return models_in(tags, loaded, self._settings.num_ctx)

    def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Stream the answer from /api/chat."""
        settings = self._settings
        body = request_out(request, keep_alive=settings.keep_alive, num_ctx=settings.num_ctx)
        return stream_answer(self._connections, "/api/chat", body, OllamaDecoder(settings.limits.line_bytes))

    async def check_health(self) -> None:
        """Ask for the version: it needs neither a model nor a place in a queue."""
        await fetch(self._connections, "/api/version", _VERSION)

    async def close(self) -> None:
        """Give back all connections."""
        await self._connections.close()
