"""POST /v1/chat: ask a model and follow its answer."""

from typing import Annotated, Literal

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation
from msgspec import Meta, Struct

from deeper_api.chat.answers import Answer, whole_answer
from deeper_api.chat.engine import Engine
from deeper_api.chat.wire import NDJSON, SSE, Wire
from deeper_api.config import AppConfig
from deeper_api.errors import STATUS, ErrorBody, ErrorEnvelope, error_headers
from deeper_api.middleware.bodies import JsonRequest
from deeper_api.providers.callers import Caller
from deeper_api.routes.streams import FrameStream, departure
from deeper_core import ChatMessage, ChatOptions, ChatRequest, JsonObject, ModelName, Tool

# Nobody receives it; in the log it says why there is no answer, as nginx does.
_CLIENT_LEFT = 499


class ChatBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to ask, and how to answer."""

    model: ModelName
    messages: Annotated[tuple[ChatMessage, ...], Meta(min_length=1, max_length=10_000)]
    stream: bool = True
    options: ChatOptions = ChatOptions()
    tools: Annotated[tuple[Tool, ...], Meta(max_length=128)] = ()
    format: Literal["json"] | JsonObject | None = None
    think: bool | Literal["low", "medium", "high"] | None = None

    def request(self) -> ChatRequest:
        """Return the part that concerns the model."""
        return ChatRequest(
            model=self.model,
            messages=self.messages,
            options=self.options,
            tools=self.tools,
            format=self.format,
            think=self.think,
        )


@post("/v1/chat", status_code=200, operation_id="chat", tags=["chat"])
async def answer_chat(
    request: JsonRequest,
    data: JSONBody[ChatBody],
    caller: NamedDependency[Caller],
    engine: NamedDependency[SkipValidation[Engine]],
    request_id: NamedDependency[str],
    config: NamedDependency[SkipValidation[AppConfig]],
) -> Response[Answer] | Response[ErrorEnvelope] | Response[None]:
    """Answer as server-sent events, as lines of JSON where NDJSON is accepted, or whole with ``"stream": false``.

    The answer is cancelled when whoever asked goes away.
    """
    wire = _wire(request)
    generation = engine.start(data.request(), user_id=caller.user_id, request_id=request_id)
    # From here to the first viewer nothing may fail: a generation that nobody watches runs to its end.
    if data.stream:
        return FrameStream(generation, wire, config.server.heartbeat_seconds)
    with departure(request.receive) as leaving:
        answer = await whole_answer(generation, leaving)
    if isinstance(answer, ErrorBody):
        return Response(ErrorEnvelope(error=answer), status_code=STATUS[answer.code], headers=error_headers(answer))
    if answer is None:
        return Response(None, status_code=_CLIENT_LEFT)
    return Response(answer)


def _wire(request: JsonRequest) -> Wire:
    try:
        media_type = request.accept.best_match([SSE.media_type, NDJSON.media_type], default=SSE.media_type)
    except (ValueError, OverflowError):  # Litestar takes any float for a quality, and no integer is infinite
        return SSE
    return NDJSON if media_type == NDJSON.media_type else SSE
