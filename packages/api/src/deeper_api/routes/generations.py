"""/v1/generations: answers by their own names, wherever they are written and whoever asked for them first."""

from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter, SkipValidation

from deeper_api.chat.engine import Engine
from deeper_api.chat.views import GenerationView, view, view_of_running
from deeper_api.config import AppConfig
from deeper_api.middleware.bodies import JsonRequest
from deeper_api.providers.callers import Caller, StillStands
from deeper_api.routes.pages import CursorText, GenerationCursor, Limit, Page, decode_cursor, encode_cursor
from deeper_api.routes.streams import FrameStream, wire_for
from deeper_api.store.generations import GenerationStore
from deeper_core import ErrorDetail, GenerationId, ValidationFailed

# What JavaScript can count; positions are far below.
_LARGEST = 2**53

After = Annotated[
    str | None,
    QueryParameter(
        name="after",
        description="Id of the last event that was received; `Last-Event-ID` goes before it.",
        schema_extra={"pattern": f"^[0-9]{{1,{len(str(_LARGEST))}}}$"},
    ),
]


@get("/", operation_id="listGenerations")
async def list_generations(
    caller: NamedDependency[Caller],
    generations: NamedDependency[SkipValidation[GenerationStore]],
    cursor: CursorText = None,
    limit: Limit = 50,
) -> Page[GenerationView]:
    """Return the caller's running generations, the newest first, without their text."""
    place = decode_cursor(cursor, GenerationCursor)
    before = None if place is None else GenerationId(place.before)
    rows = await generations.list_running(caller.user_id, limit=limit + 1, before=before)
    items = tuple(map(view_of_running, rows[:limit]))
    return Page(items=items, cursor=encode_cursor(GenerationCursor(items[-1].id)) if len(rows) > limit else None)


@get("/{generation_id:uuid}", operation_id="getGeneration")
async def get_generation(
    generation_id: FromPath[UUID], caller: NamedDependency[Caller], engine: NamedDependency[SkipValidation[Engine]]
) -> GenerationView:
    """Return a generation with its text so far. Of an answer that is not kept, the text is there for a day."""
    return await view(await engine.find(GenerationId(generation_id), caller.user_id))


@get(
    "/{generation_id:uuid}/events",
    operation_id="followGeneration",
    responses={204: ResponseSpec(None, description="There is no event left.")},
)
async def follow_generation(
    generation_id: FromPath[UUID],
    request: JsonRequest,
    caller: NamedDependency[Caller],
    engine: NamedDependency[SkipValidation[Engine]],
    config: NamedDependency[SkipValidation[AppConfig]],
    still_stands: NamedDependency[SkipValidation[StillStands]],
    after: After = None,
) -> FrameStream | Response[None]:
    """Send the events of a generation: all, or those after the one that ``Last-Event-ID`` or ``after`` names.

    They are those of the stream that POST /v1/chat began, in the same forms. 204, which tells a browser not to come
    again, if there is none left.
    """
    position = _position("after", after)
    if given := request.headers.get("last-event-id"):
        position = _position("Last-Event-ID", given)
    feed = await engine.find(GenerationId(generation_id), caller.user_id, after=position)
    if feed.over:
        return Response(None, status_code=204)
    return FrameStream(feed, wire_for(request), config.server.heartbeat_seconds, still_stands)


@post("/{generation_id:uuid}/cancel", status_code=200, operation_id="cancelGeneration")
async def cancel_generation(
    generation_id: FromPath[UUID], caller: NamedDependency[Caller], engine: NamedDependency[SkipValidation[Engine]]
) -> GenerationView:
    """Stop a generation, on whichever server it runs, and return it with what it had come to.

    One that has ended stays as it is. Should the server that runs it not have stopped it within two seconds, the state
    is still ``running``.
    """
    await engine.cancel(GenerationId(generation_id), caller.user_id)
    return await view(await engine.find(GenerationId(generation_id), caller.user_id))


def _position(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST))):
        detail = ErrorDetail(message="Expected the id of an event, a whole number", field=name)
        raise ValidationFailed(details=(detail,))
    return min(int(text), _LARGEST)


generations_router = Router(
    path="/v1/generations",
    route_handlers=[list_generations, get_generation, follow_generation, cancel_generation],
    tags=["generations"],
)
