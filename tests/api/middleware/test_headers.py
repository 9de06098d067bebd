"""Headers that come more than once, or not at all."""

from typing import cast

from litestar.types import Scope

from deeper_api.middleware.headers import first_header

SCOPE = cast("Scope", {"headers": [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", b"\xe9")]})


def test_the_first_of_several_counts():
    assert first_header(SCOPE, b"a") == "1"


def test_a_header_that_is_not_there_is_none():
    assert first_header(SCOPE, b"d") is None


def test_bytes_that_are_no_ascii_are_told_apart():
    assert first_header(SCOPE, b"c") == "é"
