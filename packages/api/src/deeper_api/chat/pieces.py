"""Pieces of an answer as values: what kind one is, how they join, and how an ended answer remembers its order."""

from collections.abc import Iterable, Iterator, Sequence

from deeper_api.chat.frames import Piece
from deeper_api.store.generation_rows import Kind, Run
from deeper_core import ToolCallDelta

Body = str | tuple[ToolCallDelta, ...]
"""Text, or pieces of tool calls. Its length is what it counts in positions, and a slice of it is a body again."""


def split(piece: Piece) -> tuple[Kind, Body]:
    """Return the kind and the body of ``piece``."""
    if piece.content:
        return "content", piece.content
    return ("thinking", piece.thinking) if piece.thinking else ("tool_calls", piece.tool_calls)


def make_piece(kind: Kind, body: Body) -> Piece:
    """Return the piece with this body; `split` undoes it."""
    if isinstance(body, tuple):
        return Piece(tool_calls=body)
    return Piece(content=body) if kind == "content" else Piece(thinking=body)


def join(pieces: Sequence[Piece]) -> Iterator[tuple[Kind, Body]]:
    """Yield the bodies of ``pieces`` in their order, with neighbours of the same kind joined."""
    kind: Kind | None = None
    texts: list[str] = []
    calls: list[ToolCallDelta] = []
    for piece in pieces:
        its_kind, body = split(piece)
        if its_kind != kind:
            if kind is not None:
                yield kind, tuple(calls) if kind == "tool_calls" else "".join(texts)
            kind, texts, calls = its_kind, [], []
        if isinstance(body, str):
            texts.append(body)
        else:
            calls += body
    if kind is not None:
        yield kind, tuple(calls) if kind == "tool_calls" else "".join(texts)


def extend(runs: list[Run], kind: Kind, length: int, tool_calls: tuple[ToolCallDelta, ...] = ()) -> None:
    """Add a stretch to the end of ``runs``."""
    if runs and runs[-1].kind == kind:
        last = runs.pop()
        length, tool_calls = last.length + length, last.tool_calls + tool_calls
    runs.append(Run(kind=kind, length=length, tool_calls=tool_calls))


def calls_in(runs: Iterable[Run]) -> list[ToolCallDelta]:
    """Return every piece of a tool call."""
    return [call for run in runs for call in run.tool_calls]
