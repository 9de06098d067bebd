"""GET /v1/search: messages of whoever asks, by their words."""

from datetime import datetime
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from msgspec import Meta, Struct

from deeper_api.conversations.service import Conversations
from deeper_api.conversations.snippets import snippet_of
from deeper_api.providers.callers import Caller
from deeper_api.routes.pages import CursorText, Page, SearchCursor, decode_cursor, encode_cursor
from deeper_api.store.searches import Found
from deeper_core import ChatRole, ConversationId, MessageId

Query = Annotated[
    str,
    QueryParameter(
        name="q",
        required=True,
        schema_extra={"minLength": 1},
        description='Words that all have to be there; "a phrase", a or b, -without. The last word may be unfinished.',
    ),
]
SearchLimit = Annotated[int, QueryParameter(ge=1, le=50, description="How many items a page has at most.")]

# Where a word begins in a snippet, and where it ends.
Span = Annotated[tuple[int, ...], Meta(min_length=2, max_length=2)]


class Match(Struct, frozen=True, kw_only=True):
    """A message with the words.

    ``highlights`` are pairs of places in ``snippet``, counted in code points: where a word begins and where it ends.
    """

    conversation_id: ConversationId
    conversation_title: str
    message_id: MessageId
    role: ChatRole
    created_at: datetime
    snippet: str
    highlights: tuple[Span, ...]


@get("/v1/search", operation_id="search", tags=["conversations"])
async def search(
    caller: NamedDependency[Caller],
    conversations: NamedDependency[SkipValidation[Conversations]],
    text: Query = "",
    cursor: CursorText = None,
    limit: SearchLimit = 20,
) -> Page[Match]:
    """Return the best of the newest thousand messages with the words, the best first.

    The cursor counts: a message that comes meanwhile may move another one to a second page, or from it.
    """
    place = decode_cursor(cursor, SearchCursor)
    offset = place.offset if place else 0
    found = await conversations.search(caller.user_id, text, offset=offset, limit=limit)
    shown = offset + len(found)
    more = bool(found) and shown < found[0].total
    return Page(items=[_match(each) for each in found], cursor=encode_cursor(SearchCursor(shown)) if more else None)


def _match(found: Found) -> Match:
    snippet = snippet_of(found.headline)
    return Match(
        conversation_id=found.conversation_id,
        conversation_title=found.conversation_title,
        message_id=found.message_id,
        role=found.role,
        created_at=found.created_at,
        snippet=snippet.text,
        highlights=snippet.highlights,
    )
