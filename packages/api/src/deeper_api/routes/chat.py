"""POST /v1/chat: ask a model and follow its answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal

from litestar import MediaType, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation
from litestar.response import Stream
from litestar.types import Receive
from msgspec import Meta, Struct

from deeper_api.chat.answers import Answer, whole_answer
from deeper_api.chat.engine import Engine
from deeper_api.chat.generations import Generation
from deeper_api.chat.wire import NDJSON_HEARTBEAT, SSE_HEARTBEAT, Encode, encode_ndjson, encode_sse
from deeper_api.errors import STATUS, ErrorBody, ErrorEnvelope, retry_headers
from deeper_api.middleware.bodies import JsonRequest
from deeper_api.providers.callers import Caller
from deeper_core import ChatMessage, ChatOptions, ChatRequest, JsonObject, ModelName, Tool

# Proxies commonly close a connection that was silent for 30 or 60 seconds.
_HEARTBEAT_SECONDS = 15.0
_STREAM_HEADERS = {
    "cache-control": "no-cache, no-store, no-transform",
    "x-accel-buffering": "no",  # nginx would collect the stream before it passes it on
}


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
async def chat(
    request: JsonRequest,
    data: JSONBody[ChatBody],
    caller: NamedDependency[Caller],
    engine: NamedDependency[SkipValidation[Engine]],
    request_id: NamedDependency[str],
) -> Response[Answer] | Response[ErrorEnvelope] | Stream:
    """Answer as server-sent events, as lines of JSON where NDJSON is accepted, or whole with ``"stream": false``.

    The answer is cancelled when whoever asked goes away.
    """
    generation = engine.start(data.request(), user_id=caller.user_id, request_id=request_id)
    if not data.stream:
        return await _whole(generation, request.receive)
    if _prefers_ndjson(request):
        return _stream(generation, "application/x-ndjson", encode_ndjson, NDJSON_HEARTBEAT)
    return _stream(generation, "text/event-stream", encode_sse, SSE_HEARTBEAT)


def _stream(generation: Generation, media_type: str, encode: Encode, heartbeat: bytes) -> Stream:
    async def body() -> AsyncGenerator[bytes, None]:
        async with aclosing(generation.tail(_HEARTBEAT_SECONDS)) as tail:
            async for first, frames in tail:
                yield encode(first, frames) if frames else heartbeat

    return Stream(body(), media_type=media_type, headers=_STREAM_HEADERS)


async def _whole(generation: Generation, receive: Receive) -> Response[Answer] | Response[ErrorEnvelope]:
    answering = asyncio.create_task(whole_answer(generation, _HEARTBEAT_SECONDS))
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            generation.cancel("abandoned")
        answer = await answering
    finally:
        leaving.cancel()
    if isinstance(answer, ErrorBody):
        return Response(
            ErrorEnvelope(error=answer),
            status_code=STATUS[answer.code],
            media_type=MediaType.JSON,
            headers=retry_headers(generation.retry_after),
        )
    return Response(answer)


async def _left(receive: Receive) -> None:
    """Return when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _prefers_ndjson(request: JsonRequest) -> bool:
    offered = ["text/event-stream", "application/x-ndjson"]
    return request.accept.best_match(offered, default=offered[0]) == "application/x-ndjson"
