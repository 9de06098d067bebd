"""/v1/conversations: the conversations of whoever asks, and their messages."""

from typing import Annotated
from uuid import UUID

from litestar import Response, Router, delete, get, patch, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation
from msgspec import UNSET, Meta, Struct, UnsetType

from deeper_api.conversations.service import Conversations
from deeper_api.conversations.titles import MAX_TITLE
from deeper_api.providers.callers import Caller
from deeper_api.routes.pages import (
    ActivityCursor,
    CursorText,
    Limit,
    Page,
    PathCursor,
    TreeCursor,
    decode_cursor,
    encode_cursor,
)
from deeper_api.routes.parameters import parsed, refusal
from deeper_api.store.conversations import Activity, Conversation
from deeper_api.store.message_rows import Message
from deeper_api.store.messages import MessagePage
from deeper_core import ConversationId

# A title and nothing else.
_BODY_BYTES = 64 * 1024

LOCATION = ResponseHeader(
    name="Location", required=True, description="Where the conversation is.", documentation_only=True
)
# Longer here than a title may be, for there may be blanks around it.
Title = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE * 10)]
Leaf = Annotated[
    str | None,
    QueryParameter(
        description="Only the path from this message up to the root; `newest`: from the leaf that came last.",
        schema_extra={"anyOf": [{"format": "uuid"}, {"const": "newest"}]},
    ),
]
Through = Annotated[
    str | None,
    QueryParameter(
        description="Only the path through this message, from the newest of what follows it up to the root.",
        schema_extra={"format": "uuid"},
    ),
]


class ConversationBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new conversation. Without ``title`` it gets one when there is something to say."""

    title: Title | None = None


class ConversationChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a conversation; what is left out stays."""

    title: Title | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


@post("/", status_code=201, operation_id="createConversation", response_headers=[LOCATION])
async def create_conversation(
    caller: NamedDependency[Caller],
    conversations: NamedDependency[SkipValidation[Conversations]],
    data: JSONBody[ConversationBody | None] = None,
) -> Response[Conversation]:
    """Make a conversation without messages."""
    return created(await conversations.create(caller.user_id, data.title if data else None))


@get("/", operation_id="listConversations")
async def list_conversations(
    caller: NamedDependency[Caller],
    conversations: NamedDependency[SkipValidation[Conversations]],
    archived: FromQuery[bool] = False,
    cursor: CursorText = None,
    limit: Limit = 50,
) -> Page[Conversation]:
    """Return the archived conversations, or else all others, the newest activity first."""
    place = decode_cursor(cursor, ActivityCursor)
    before = place and Activity(active_at=place.active_at, id=place.id)
    items, more = await conversations.list_page(caller.user_id, archived=archived, before=before, limit=limit)
    return Page(
        items=items,
        cursor=encode_cursor(ActivityCursor(items[-1].active_at, items[-1].id)) if more else None,
    )


@get("/{conversation_id:uuid}", operation_id="getConversation")
async def get_conversation(
    conversation_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    conversations: NamedDependency[SkipValidation[Conversations]],
) -> Conversation:
    """Return a conversation without its messages."""
    return await conversations.find(ConversationId(conversation_id), caller.user_id)


@patch("/{conversation_id:uuid}", operation_id="changeConversation")
async def change_conversation(
    conversation_id: FromPath[UUID],
    data: JSONBody[ConversationChange],
    caller: NamedDependency[Caller],
    conversations: NamedDependency[SkipValidation[Conversations]],
) -> Conversation:
    """Rename a conversation, archive it or bring it back."""
    return await conversations.change(
        ConversationId(conversation_id),
        caller.user_id,
        title=None if data.title is UNSET else data.title,
        archived=None if data.archived is UNSET else data.archived,
    )


@delete("/{conversation_id:uuid}", status_code=204, operation_id="deleteConversation")
async def delete_conversation(
    conversation_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    conversations: NamedDependency[SkipValidation[Conversations]],
) -> None:
    """Delete a conversation with its messages, and cancel what is being written in it."""
    await conversations.delete(ConversationId(conversation_id), caller.user_id)


@get("/{conversation_id:uuid}/messages", operation_id="listMessages")
async def list_messages(
    conversation_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    conversations: NamedDependency[SkipValidation[Conversations]],
    leaf: Leaf = None,
    through: Through = None,
    cursor: CursorText = None,
    limit: Limit = 50,
) -> Page[Message]:
    """Return messages, the newest first: all of them, or a path with the ids of the siblings of each.

    A page ends early where it has become large.
    """
    of, by = ConversationId(conversation_id), caller.user_id
    if leaf is None and through is None:
        place = decode_cursor(cursor, TreeCursor)
        return _page_of_tree(await conversations.newest_messages(of, by, before=place and place.before, limit=limit))
    start = path_start(leaf, through)
    if (on := decode_cursor(cursor, PathCursor)) is not None:
        return _page_of_path(await conversations.path_from(of, by, leaf=on.leaf, limit=limit))
    if through is None and start is not None:
        return _page_of_path(await conversations.path_from(of, by, leaf=start, limit=limit))
    return _page_of_path(await conversations.path_through(of, by, through=start, limit=limit))


def path_start(leaf: str | None, through: str | None) -> UUID | None:
    """Return the message that one of the two parameters names, None for the newest.

    Raises:
        ValidationFailed: both are given, or the one is no id.
    """
    if leaf is not None and through is not None:
        raise refusal("through", "Expected either leaf or through")
    if leaf == "newest":
        return None
    if leaf is not None:
        return parsed("leaf", leaf, UUID, "Expected the id of a message or newest")
    return parsed("through", through, UUID, "Expected the id of a message")


def created(conversation: Conversation) -> Response[Conversation]:
    """Return the response that says where a new conversation is."""
    return Response(conversation, status_code=201, headers={"location": f"/v1/conversations/{conversation.id}"})


def _page_of_tree(page: MessagePage) -> Page[Message]:
    return Page(items=page.messages, cursor=encode_cursor(TreeCursor(page.messages[-1].id)) if page.more else None)


def _page_of_path(page: MessagePage) -> Page[Message]:
    above = page.messages[-1].parent_id if page.more else None
    return Page(items=page.messages, cursor=None if above is None else encode_cursor(PathCursor(above)))


conversations_router = Router(
    path="/v1/conversations",
    route_handlers=[
        create_conversation,
        list_conversations,
        get_conversation,
        change_conversation,
        delete_conversation,
        list_messages,
    ],
    request_max_body_size=_BODY_BYTES,
    tags=["conversations"],
)
