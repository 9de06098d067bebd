"""Conversations on their way out and in: /v1/conversations/{id}/export and /v1/conversations/import."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final, Literal, cast
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import HTTPResponseBodyEvent, Receive, Send

from deeper_api.conversations.documents import Document
from deeper_api.conversations.filenames import attachment
from deeper_api.conversations.service import Conversations
from deeper_api.providers.callers import Caller
from deeper_api.routes.conversations import LOCATION, created
from deeper_api.routes.parameters import refusal
from deeper_api.routes.streams import STALL_SECONDS, departure
from deeper_api.store.conversations import Conversation
from deeper_core import ConversationId

# Four times what a chat may send: a conversation is many of them.
_IMPORT_BYTES: Final = 8 * 1024 * 1024

_MEDIA_TYPES: Final = {"json": "application/json", "markdown": "text/markdown"}
_EXTENSIONS: Final = {"json": "json", "markdown": "md"}

Form = Annotated[
    str,
    QueryParameter(
        name="format",
        description="`json`: everything, to be imported again; `markdown`: the path to the newest leaf, to be read.",
        schema_extra={"enum": list(_MEDIA_TYPES)},
    ),
]


class Download(Response[None]):
    """Sends the bytes of ``body`` as they come, until its end or the client's leaving.

    A client that takes nothing for `STALL_SECONDS` has left, too. If ``body`` raises, the connection breaks off, so
    that nobody takes a part for the whole. Litestar's own `Stream` would cancel ``body`` where it stands, in the
    middle of giving a connection back to the pool.
    """

    def __init__(self, body: AsyncGenerator[bytes], media_type: str, disposition: str) -> None:
        super().__init__(None, media_type=media_type, headers={"content-disposition": disposition})
        self._download = _Download(body, media_type, disposition)

    def to_asgi_response(self, *_: object, **__: object) -> ASGIStreamingResponse:
        """Return the ASGI application that sends it."""
        return self._download


class _Download(ASGIStreamingResponse):
    """As `Download`."""

    def __init__(self, body: AsyncGenerator[bytes], media_type: str, disposition: str) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  - untyped there
            iterator=(), media_type=media_type, headers={"content-disposition": disposition}
        )
        self._body = body

    async def send_body(self, send: Send, receive: Receive) -> None:
        with departure(receive) as leaving:
            async with aclosing(self._body) as body:
                async for part in body:
                    if leaving.done():
                        return
                    if not await _sent(send, part, more=True):
                        return
            await _sent(send, b"", more=False)


async def _sent(send: Send, content: bytes, *, more: bool) -> bool:
    """Send a part, and let others run; False if the client does not take it."""
    event: HTTPResponseBodyEvent = {"type": "http.response.body", "body": content, "more_body": more}
    try:
        async with asyncio.timeout(STALL_SECONDS):
            await send(event)
            await asyncio.sleep(0)  # a server may take every part at once
    except TimeoutError:
        return False
    return True


@get("/{conversation_id:uuid}/export", operation_id="exportConversation")
async def export_conversation(
    conversation_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    conversations: NamedDependency[SkipValidation[Conversations]],
    form: Form = "json",
) -> Download:
    """Return a whole conversation as a file."""
    if form not in _MEDIA_TYPES:
        raise refusal("format", "Expected json or markdown")
    known = cast("Literal['json', 'markdown']", form)
    export = await conversations.export(ConversationId(conversation_id), caller.user_id, known)
    return Download(export.body, _MEDIA_TYPES[known], attachment(export.conversation.title, _EXTENSIONS[known]))


@post(
    "/import",
    status_code=201,
    operation_id="importConversation",
    request_max_body_size=_IMPORT_BYTES,
    response_headers=[LOCATION],
)
async def import_conversation(
    data: JSONBody[Document],
    caller: NamedDependency[Caller],
    conversations: NamedDependency[SkipValidation[Conversations]],
) -> Response[Conversation]:
    """Make a conversation of one that was exported, under new ids."""
    return created(await conversations.add(caller.user_id, data))


transfers_router = Router(
    path="/v1/conversations", route_handlers=[export_conversation, import_conversation], tags=["conversations"]
)
