"""Answers as hypothesis makes them, and how what was received is compared with what was said."""

from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from deeper_api.chat.frames import Numbered, Piece
from deeper_api.chat.generations import Generation
from deeper_api.chat.pieces import Body, split
from deeper_api.store.generation_rows import Kind
from deeper_core import Delta, FunctionCallDelta, ToolCallDelta

Unit = tuple[Kind, str | ToolCallDelta]
"""What counts one position."""

# What PostgreSQL can hold, of one byte to four, with a liking for what is special somewhere.
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00") | st.sampled_from("\r\n\\\"'😀é"))
SAID = TEXT.filter(bool)
CALLS = st.builds(
    ToolCallDelta,
    index=st.integers(0, 3),
    id=st.none() | TEXT,
    function=st.builds(FunctionCallDelta, name=st.none() | TEXT, arguments=TEXT),
)
_TEXTS: tuple[Kind, ...] = ("thinking", "content")
_CALLS: tuple[Kind, ...] = ("tool_calls",)
BODIES: st.SearchStrategy[tuple[Kind, Body]] = st.tuples(st.sampled_from(_TEXTS), SAID) | st.tuples(
    st.sampled_from(_CALLS), st.lists(CALLS, min_size=1, max_size=3).map(tuple)
)
DELTAS = st.builds(
    Delta,
    thinking=TEXT,
    content=TEXT,
    tool_calls=st.lists(CALLS, max_size=2).map(tuple),
    pieces=st.integers(0, 3),
)


def flat(bodies: Iterable[tuple[Kind, Body]]) -> list[Unit]:
    """Each position of these bodies."""
    return [(kind, unit) for kind, body in bodies for unit in body]


def units(deltas: Iterable[Delta]) -> list[Unit]:
    """Each position of an answer."""
    parts: list[tuple[Kind, Body]] = []
    for delta in deltas:
        parts.append(("thinking", delta.thinking))
        parts.append(("content", delta.content))
        parts.append(("tool_calls", delta.tool_calls))
    return flat(parts)


def received(numbered: Sequence[Numbered], after: int) -> list[Unit]:
    """Each position of the pieces that were received; they have to be numbered without a gap from ``after`` on."""
    seen: list[Unit] = []
    for position, frame in numbered:
        assert isinstance(frame, Piece)
        seen += flat([split(frame)])
        assert position == after + len(seen)
    return seen


def write_down(generation: Generation) -> list[tuple[Kind, Body]]:
    """Do with a generation what its journal does."""
    bodies = generation.unwritten()
    generation.note_written(bodies, generation.tokens)
    return bodies
