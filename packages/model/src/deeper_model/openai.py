"""Everything that speaks OpenAI's chat completions: llama.cpp's server, vLLM, LM Studio, OpenAI itself."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from msgspec import Struct, to_builtins

from deeper_core import (
    ChatEvent,
    ChatRequest,
    JsonObject,
    Model,
    ModelNotFound,
    ModelProtocolBroken,
    ModelServerError,
    ModelServerRejected,
)
from deeper_model.answers import fetch, probe, stream_answer
from deeper_model.connections import Connections
from deeper_model.limits import WireLimits
from deeper_model.openai_answers import OpenAIDecoder
from deeper_model.openai_wire import ModelList, Props, lacks_context, models_in, request_out
from deeper_model.wire import WireDecoder

_MODELS = WireDecoder(ModelList)
_PROPS = WireDecoder(Props)


class OpenAISettings(Struct, frozen=True, kw_only=True):
    """How to use an OpenAI-compatible server.

    ``extra`` is merged into the body of every chat request and wins over what is there: for what only one server
    understands, such as ``logit_bias`` or ``max_completion_tokens``.
    """

    limits: WireLimits = WireLimits()
    extra: JsonObject = {}


_DEFAULTS = OpenAISettings()


class OpenAICompatibleProvider:
    """A `ModelProvider` for the server at ``base_url``, with or without ``/v1`` at its end.

    ``api_key`` is sent as a bearer token and shown nowhere.

    Raises:
        ValueError: ``base_url`` is not an http or https URL, or ``api_key`` cannot be sent in a header.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str = "openai",
        api_key: str | None = None,
        settings: OpenAISettings = _DEFAULTS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        sent = dict(headers or {})
        if api_key:
            if not api_key.isascii() or not api_key.isprintable():
                raise ValueError("an API key is printable ASCII")
            sent["Authorization"] = f"Bearer {api_key}"
        self._name = name
        self._settings = settings
        root = base_url.rstrip("/").removesuffix("/v1")
        self._connections = Connections(root, headers=sent, limits=settings.limits)

    @property
    def name(self) -> str:
        """The name given at construction."""
        return self._name

    async def list_models(self) -> Sequence[Model]:
        """Return the models of /v1/models; for its context, an older llama.cpp is asked once more."""
        listed = await fetch(self._connections, "/v1/models", _MODELS)
        if not lacks_context(listed):
            return models_in(listed)
        try:
            props = await fetch(self._connections, "/props", _PROPS)
        except (ModelNotFound, ModelServerError):
            props = None
        return models_in(listed, props)

    def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Stream the answer from /v1/chat/completions."""
        settings = self._settings
        body: object = request_out(request)
        if settings.extra:
            body = {**to_builtins(body), **settings.extra}
        decoder = OpenAIDecoder(settings.limits.line_bytes)
        return stream_answer(self._connections, "/v1/chat/completions", body, decoder)

    async def check_health(self) -> None:
        """Ask /health, which llama.cpp and vLLM have, and else for the models."""
        try:
            await probe(self._connections, "/health")
        except (ModelNotFound, ModelProtocolBroken, ModelServerRejected):
            await self.list_models()

    async def close(self) -> None:
        """Give back all connections."""
        await self._connections.close()
