"""Lists in pages: `Page` is the body, and the parameters ``limit`` and ``cursor`` say which page."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Final, Generic, TypeVar
from uuid import UUID

import msgspec
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from deeper_api.routes.parameters import refusal

Item = TypeVar("Item")
AnyCursor = TypeVar("AnyCursor", bound="Cursor")

_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{1,128}\Z", re.ASCII)

_EXPECTED: Final = "Expected the cursor of a page of this list"

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many items a page has at most.")]
CursorText = Annotated[
    str | None,
    QueryParameter(
        description="Where the page begins: the `cursor` of the page before, as it is; left out, the first.",
        schema_extra={"pattern": "^[A-Za-z0-9_-]{1,128}$"},
    ),
]


class Page(Struct, Generic[Item], frozen=True, kw_only=True):
    """A part of a list; ``cursor`` leads to the next part, and is null in the last one."""

    items: Sequence[Item]
    cursor: str | None


class Cursor(Struct, frozen=True, array_like=True):
    """Base of the places in lists. Their tags keep a cursor of one list from being one of another.

    A cursor is not signed: it says where to begin, and never whose things are listed.
    """


class ActivityCursor(Cursor, frozen=True, array_like=True, tag="activity"):
    """After a conversation in the list by activity."""

    active_at: Annotated[datetime, Meta(tz=True)]
    id: UUID


class TreeCursor(Cursor, frozen=True, array_like=True, tag="tree"):
    """Before this message."""

    before: UUID


class UserCursor(Cursor, frozen=True, array_like=True, tag="user"):
    """Before this account."""

    before: UUID


class UsageCursor(Cursor, frozen=True, array_like=True, tag="usage"):
    """Behind what was used on this day by this user of this model."""

    day: date | None
    user_id: UUID | None
    model: Annotated[str, Meta(max_length=256)] | None


class AuditCursor(Cursor, frozen=True, array_like=True, tag="audit"):
    """Before this event of the audit trail."""

    before: UUID


class GenerationCursor(Cursor, frozen=True, array_like=True, tag="generation"):
    """Before this generation."""

    before: UUID


class PathCursor(Cursor, frozen=True, array_like=True, tag="path"):
    """From this message up."""

    leaf: UUID


class SearchCursor(Cursor, frozen=True, array_like=True, tag="search"):
    """After so many matches."""

    offset: Annotated[int, Meta(ge=1, le=1_000)]


def encode_cursor(cursor: Cursor) -> str:
    """Return the cursor as text for a URL."""
    return urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode("ascii")


def decode_cursor(text: str | None, kind: type[AnyCursor]) -> AnyCursor | None:
    """Return the cursor of this kind that ``text`` is.

    Raises:
        ValidationFailed: it is none.
    """
    if text is None:
        return None
    if not _CURSOR.match(text):
        raise refusal("cursor", _EXPECTED)
    try:
        return msgspec.msgpack.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError, OverflowError) as error:
        raise refusal("cursor", _EXPECTED) from error
