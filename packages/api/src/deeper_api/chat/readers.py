"""Reading a generation from the database: while another process runs it, and when it has ended."""

import msgspec

from deeper_api.chat.frames import Context, Done, Failed, Numbered, Start
from deeper_api.chat.generations import BATCH
from deeper_api.chat.pieces import Body, make_piece
from deeper_api.errors import ErrorBody, error_body
from deeper_api.store.generation_rows import Run, StoredChunk, StoredGeneration
from deeper_api.store.generations import GenerationStore
from deeper_core import FinishReason, GenerationId, NotFound, Timings, ToolCallDelta, Usage, UserId

_CALLS = msgspec.json.Decoder(tuple[ToolCallDelta, ...])


class Reader:
    """Reads one generation of one user from any position on, in bounded portions.

    Methods raise DatabaseUnavailable if the database does not answer.
    """

    def __init__(self, store: GenerationStore, generation_id: GenerationId, user_id: UserId) -> None:
        self._store = store
        self._id = generation_id
        self._user_id = user_id
        self._row: StoredGeneration | None = None
        self._runs: tuple[Run, ...] = ()

    async def look(self) -> StoredGeneration | None:
        """Return the row as it is now; None if there is none, or its text is gone."""
        row = await self._store.find(self._id, self._user_id)
        self._row = row if row is not None and row.kept else None
        if self._row is not None and self._row.state != "running":
            self._runs = msgspec.convert(self._row.runs, tuple[Run, ...])
        return self._row

    async def next(self, after: int) -> list[Numbered]:
        """Return what comes after this position: pieces, or the last frame, or nothing while there is nothing new."""
        if self._row is None or self._row.state == "running":
            chunks = await self._store.chunks_after(self._id, after)
            frames = _cut(chunks, after)
            if frames:
                return frames
            if await self.look() is None:
                return [(after + 1, Failed(error=error_body(NotFound(), None)))]
        if self._row is None or self._row.state == "running":
            return []
        return await self._of_the_ended(self._row, after)

    async def _of_the_ended(self, row: StoredGeneration, after: int) -> list[Numbered]:
        position, offsets = 0, {"content": 0, "thinking": 0}
        for run in self._runs:
            inside = after - position
            if inside < run.length:
                count = min(run.length - inside, BATCH)
                body: Body
                if run.kind == "tool_calls":
                    body = run.tool_calls[inside : inside + count]
                else:
                    body = await self._store.slice(self._id, run.kind, offsets[run.kind] + inside, count)
                if not body:
                    return [(after + 1, Failed(error=error_body(NotFound(), None)))]  # deleted at this moment
                return [(after + len(body), make_piece(run.kind, body))]
            position += run.length
            if run.kind != "tool_calls":
                offsets[run.kind] += run.length
        return [(row.length + 1, last_frame(row))]


def _cut(chunks: list[StoredChunk], after: int) -> list[Numbered]:
    """Return chunks as frames, without what is not after the position.

    They follow each other without a gap. One behind a gap was written late, from a server that was frozen, when the
    generation had ended and the others were gone.
    """
    frames: list[Numbered] = []
    end = after
    for chunk in chunks:
        if chunk.position > end:
            break
        body: Body = _CALLS.decode(chunk.body) if chunk.kind == "tool_calls" else chunk.body
        end = chunk.position + len(body)
        if end > after:
            frames.append((end, make_piece(chunk.kind, body[max(0, after - chunk.position) :])))
    return frames


def first_frames(row: StoredGeneration) -> list[Numbered]:
    """Return the frames before the first piece."""
    start = Start(
        generation_id=row.id,
        model=row.model,
        created_at=row.created_at,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        parent_id=row.parent_id,
    )
    frames: list[Numbered] = [(0, start)]
    if row.dropped:
        frames.append((None, Context(dropped=tuple(row.dropped))))
    return frames


def last_frame(row: StoredGeneration) -> Done | Failed:
    """Return the last frame of a generation that has ended."""
    if row.error is not None:
        return Failed(error=msgspec.convert(row.error, ErrorBody))
    return Done(
        finish_reason=FinishReason(row.finish_reason),
        usage=usage_of(row),
        timings=timings_of(row),
        message_id=row.message_id,
    )


def usage_of(row: StoredGeneration) -> Usage:
    """Return the tokens of the row."""
    return Usage(prompt_tokens=row.prompt_tokens, completion_tokens=row.completion_tokens, estimated=row.estimated)


def timings_of(row: StoredGeneration) -> Timings:
    """Return where the time went."""
    return msgspec.convert(row.timings, Timings)
