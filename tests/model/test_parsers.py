"""Bytes to lines, events and text: the same however they are split."""

import itertools
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_core import AnswerIncomplete, Delta, ModelProtocolBroken
from deeper_model.answers import AnswerDecoder
from deeper_model.lines import LineSplitter
from deeper_model.ollama_answers import OllamaDecoder
from deeper_model.openai_answers import OpenAIDecoder
from deeper_model.sse import SseParser
from deeper_model.text import REPLACEMENT, TextMender, mend
from tests.model.dialects import OLLAMA, OPENAI, Dialect

any_text = st.text(st.characters(codec=None, categories=None) | st.sampled_from("\ud83d\ude00\x00\r\n"))
whole_text = st.text()


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """``data`` cut at ``cuts``, wherever they fall."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


cuts = st.lists(st.integers(0, 10_000), max_size=30)


@given(st.binary() | st.lists(st.sampled_from([b"\n", b"a", b"bc"])).map(b"".join), cuts)
def test_lines_are_the_same_under_every_split(data: bytes, places: list[int]) -> None:
    lines = LineSplitter(None)
    blocks = [lines.feed(part) for part in split(data, places)]
    assert all(block.endswith(b"\n") for block in blocks if block)
    assert b"".join(blocks) == data[: data.rfind(b"\n") + 1]
    assert lines.take_tail() == data[data.rfind(b"\n") + 1 :]


@pytest.mark.parametrize(
    "parts", [[b"12345678901"], [b"123456", b"78901"], [b"123456", b"78901\n"], [b"1\n", b"12345678901\n"]]
)
def test_a_line_beyond_the_limit_is_refused(parts: list[bytes]) -> None:
    lines = LineSplitter(10)
    *good, bad = parts
    for part in good:
        lines.feed(part)
    with pytest.raises(ModelProtocolBroken):
        lines.feed(bad)


def test_a_line_of_just_the_limit_is_taken() -> None:
    lines = LineSplitter(10)
    assert lines.feed(b"12345") == b""
    assert lines.feed(b"67890\n") == b"1234567890\n"


def parse(data: bytes, places: list[int]) -> list[bytes]:
    parser = SseParser(None)
    events = [event for part in split(data, places) for event in parser.feed(part)]
    return events + parser.close()


line_ends = st.sampled_from(["\n", "\r\n", "\r"])


@given(
    st.lists(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), min_size=1)), line_ends, cuts
)
def test_events_are_read_back_under_every_split(events: list[list[str]], end: str, places: list[int]) -> None:
    wire = "".join(
        f": ping{end}event: x{end}" + "".join(f"data: {line}{end}" for line in lines) + f"id: 7{end}{end}"
        for lines in events
    ).encode()
    assert parse(wire, places) == ["\n".join(lines).encode() for lines in events]


@given(st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"data:", b"data", b"data: x", b": c", b"id: 1", b" y"])), cuts)
def test_any_bytes_are_the_same_events_under_every_split(parts: list[bytes], places: list[int]) -> None:
    data = b"".join(parts)
    assert parse(data, places) == parse(data, [])


@pytest.mark.parametrize(
    ("wire", "events"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data\n\n", [b""]),
        (b"\n\n: comment\n\nevent: x\n\n", []),
        (b"data: cut", [b"cut"]),
        (b"dataset: a\n\n", []),
    ],
)
def test_an_event_is_what_the_standard_says(wire: bytes, events: list[bytes]) -> None:
    assert parse(wire, []) == events


def test_an_event_of_too_many_lines_is_refused() -> None:
    parser = SseParser(100)
    for _ in range(25):
        parser.feed(b"data: 123\n")
    with pytest.raises(ModelProtocolBroken):
        parser.feed(b"data: 123\n")


@given(any_text, cuts)
def test_mended_text_can_be_encoded_and_has_no_nul(text: str, places: list[int]) -> None:
    mended = mend(text)
    assert "\x00" not in mended
    mended.encode()
    mender = TextMender()
    positions = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    pieces = [text[a:b] for a, b in itertools.pairwise(positions)]
    assert "".join(map(mender.feed, pieces)) + mender.close() == mended


def test_a_pair_that_was_cut_between_two_pieces_is_one_letter() -> None:
    mender = TextMender()
    assert [mender.feed("a\ud83d"), mender.feed(""), mender.feed("\ude00b"), mender.close()] == ["a", "", "😀b", ""]


def test_half_a_pair_at_the_end_is_said_to_be_missing() -> None:
    mender = TextMender()
    assert [mender.feed("a\ud83d"), mender.close()] == ["a", REPLACEMENT]


@given(whole_text)
def test_good_text_is_left_alone(text: str) -> None:
    assert mend(text) == text.replace("\x00", REPLACEMENT)


def decode(decoder: AnswerDecoder, parts: list[bytes]) -> list[Delta]:
    deltas = [decoder.feed(part) for part in parts if not decoder.complete and decoder.error is None]
    if not decoder.complete and decoder.error is None:
        deltas.append(decoder.close())
    return [delta for delta in deltas if delta is not None]


def decoder_of(dialect: Dialect) -> AnswerDecoder:
    return OllamaDecoder(None) if dialect is OLLAMA else OpenAIDecoder(None)


@given(st.sampled_from([OLLAMA, OPENAI]), st.lists(any_text, max_size=8), st.booleans(), cuts)
def test_an_answer_is_the_same_under_every_split_of_its_bytes(
    dialect: Dialect, texts: list[str], ascii_only: bool, places: list[int]
) -> None:
    def frame(text: str) -> bytes:
        whole = json.dumps(dialect.message(Delta(content=text)), ensure_ascii=ascii_only)
        return dialect.frame(whole.encode("utf-8", "replace"))

    wire = b"".join(map(frame, texts)) + dialect.end()
    decoder = decoder_of(dialect)
    deltas = decode(decoder, split(wire, places))
    assert decoder.error is None
    assert decoder.ended
    said = [text if ascii_only else text.encode("utf-8", "replace").decode() for text in texts]
    assert "".join(delta.content for delta in deltas) == mend("".join(said))
    assert sum(delta.pieces for delta in deltas) == sum(1 for text in texts if text)


@given(st.sampled_from([OLLAMA, OPENAI]), st.binary(max_size=200), cuts)
def test_garbage_is_never_a_foreign_exception_and_never_an_answer(
    dialect: Dialect, garbage: bytes, places: list[int]
) -> None:
    decoder = decoder_of(dialect)
    decode(decoder, split(b"data: x" + garbage, places))
    assert not decoder.ended


@pytest.mark.parametrize("dialect", [OLLAMA, OPENAI], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("depth", [10_000])
def test_a_deeply_nested_message_is_refused(dialect: Dialect, depth: int) -> None:
    decoder = decoder_of(dialect)
    decode(decoder, [dialect.frame(b'{"error":' * depth + b"1" + b"}" * depth)])
    assert type(decoder.error) is ModelProtocolBroken


@pytest.mark.parametrize("before", [b'{"error":', b'{"message":{"tool_calls":[{"function":{"name":"f","arguments":'])
def test_a_message_that_can_just_be_read_is_no_foreign_exception(before: bytes) -> None:
    after = b"}" if before == b'{"error":' else b"}}]}}"
    for depth in range(850, sys.getrecursionlimit()):
        decoder = decoder_of(OLLAMA)
        decode(decoder, [OLLAMA.frame(before + b"[" * depth + b"]" * depth + after)])
        assert not decoder.ended


@pytest.mark.parametrize("dialect", [OLLAMA, OPENAI], ids=lambda dialect: dialect.name)
def test_half_a_message_at_the_end_means_that_the_answer_was_cut(dialect: Dialect) -> None:
    decoder = decoder_of(dialect)
    deltas = decode(decoder, [dialect.content("a") + dialect.content("b")[:-9]])
    assert [delta.content for delta in deltas] == ["a"]
    assert type(decoder.error) is AnswerIncomplete


@pytest.mark.parametrize("dialect", [OLLAMA, OPENAI], ids=lambda dialect: dialect.name)
def test_what_is_good_before_a_bad_message_in_the_same_read_is_kept(dialect: Dialect) -> None:
    decoder = decoder_of(dialect)
    deltas = decode(decoder, [dialect.content("a") + dialect.frame(b"{]") + dialect.content("b")])
    assert [delta.content for delta in deltas] == ["a"]
    assert type(decoder.error) is ModelProtocolBroken
