import contextlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.routes.pages import (
    ActivityCursor,
    AuditCursor,
    Cursor,
    PathCursor,
    SearchCursor,
    TreeCursor,
    decode_cursor,
    encode_cursor,
)
from deeper_core import ValidationFailed

KINDS = [ActivityCursor, AuditCursor, TreeCursor, PathCursor, SearchCursor]
CURSORS = st.one_of(
    st.builds(ActivityCursor, st.datetimes(timezones=st.just(UTC)), st.uuids()),
    st.builds(AuditCursor, st.uuids()),
    st.builds(TreeCursor, st.uuids()),
    st.builds(PathCursor, st.uuids()),
    st.builds(SearchCursor, st.integers(1, 1_000)),
)
SOME = ActivityCursor(datetime(2026, 1, 1, tzinfo=UTC), UUID(int=1))


@given(CURSORS)
def test_a_cursor_comes_back_as_it_went_out(cursor: Cursor):
    assert decode_cursor(encode_cursor(cursor), type(cursor)) == cursor


@given(CURSORS)
def test_a_cursor_of_one_list_is_none_of_another(cursor: Cursor):
    for kind in KINDS:
        if not isinstance(cursor, kind):
            with pytest.raises(ValidationFailed):
                decode_cursor(encode_cursor(cursor), kind)


@given(CURSORS)
def test_a_cursor_needs_no_escapes_in_a_url(cursor: Cursor):
    assert set(encode_cursor(cursor)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def test_without_a_cursor_there_is_no_place():
    assert decode_cursor(None, TreeCursor) is None


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")) | st.text("ABCabc012_-", max_size=200))
def test_what_is_no_cursor_is_refused(text: str):
    for kind in KINDS:
        with pytest.raises(ValidationFailed):
            decode_cursor(text, kind)


@given(st.integers(0, 200), st.binary(min_size=1, max_size=1))
def test_a_cursor_that_was_tampered_with_is_another_or_none(place: int, byte: bytes):
    text = encode_cursor(SOME)
    tampered = text[: place % len(text)] + byte.decode("latin-1") + text[place % len(text) + 1 :]
    with contextlib.suppress(ValidationFailed):
        assert isinstance(decode_cursor(tampered, ActivityCursor), ActivityCursor)
