"""The journal of one process: all its generations are written together, at most every 200 ms."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from deeper_api.chat.batches import Batches
from deeper_api.chat.frames import Done, Failed
from deeper_api.chat.generations import Generation
from deeper_api.chat.pieces import Body, calls_in, extend
from deeper_api.store.generation_rows import Kind, State
from deeper_api.store.journals import ENDS_AT_ONCE, Chunk, End, JournalStore
from deeper_api.tasks import background, unbroken
from deeper_core import DatabaseUnavailable, GenerationId, Timings, Usage, join_tool_calls

_log = logging.getLogger("deeper.journal")

# What a crash may lose of an answer that was already shown.
_TICK_SECONDS: Final = 0.2
# Other processes take one for dead that keeps silent for several of these.
_BEAT_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.5
# Of so many it is written down where they wait: more than any list shows at once.
_PLACES: Final = 1_000
# Characters of one statement, about. More than that of an answer is not held in memory for it either.
_HEAVIEST: Final = 4 * 1024 * 1024
# Characters that may wait to be written, of all answers together. An answer that has said more than its part of these
# is not read on until they are written: its model server has to wait, as for a slow reader. So many of each always may
# wait: they are more than models say in minutes, so that answers go on while the database is away for a while.
_HELD: Final = 16 * 1024 * 1024
FREE: Final = 65_536


# What one generation has said since the last time, and the tokens of all that it has said.
_Part = tuple[Generation, list[tuple[Kind, Body]], int]


class Ending(Struct, frozen=True, kw_only=True):
    """How a generation ended, as far as its text does not tell."""

    state: State
    last: Done | Failed
    usage: Usage
    timings: Timings


class Journal:
    """Keeps what generations say. All they have to do is to be `opened`, and `ended` once.

    ``failing`` says that what was tried last could not be written, and is tried again.
    """

    def __init__(self, store: JournalStore, *, tick: float = _TICK_SECONDS) -> None:
        self.failing = False
        self._store = store
        self._tick = tick
        self._ends = Batches(self._write_ends, at_once=ENDS_AT_ONCE, weigh=_weigh)
        self._open: dict[GenerationId, Generation] = {}
        self._ending = 0
        self._room = asyncio.Event()
        self._something = asyncio.Event()
        self._writing = asyncio.Lock()
        self._beaten = 0.0
        self._looked = 0.0
        self._places: dict[GenerationId, int] = {}  # in the line, as they were written last

    def opened(self, generation: Generation) -> None:
        """Write down what ``generation`` says, from now until it has ended."""
        self._open[generation.id] = generation
        self._something.set()
        self._note_room()

    async def room(self, generation: Generation) -> None:
        """Return when more may be added to ``generation``: what is not written may not fill the memory.

        Whoever has no more than `FREE` characters that are not written does not have to ask.
        """
        while generation.unwritten_length > self._most(generation):
            await self._room.wait()

    async def ended(self, generation: Generation, ending: Ending) -> State | None:
        """Write down the end, however long the database takes to come back.

        Returns the state that now counts: another process may have ended the generation in the meantime, because it
        took this one for dead. While it has yet to do so, that is waited for. None if the generation is gone, with its
        account.
        """
        self._open.pop(generation.id, None)
        self._ending += 1
        try:
            async with self._writing:
                pass  # what is being written of it is written, or is known not to be
            return await self._write_end(_end(generation, ending))
        finally:
            self._ending -= 1

    async def _write_end(self, end: End) -> State | None:
        while True:
            try:
                state = await self._ends.put(end)
            except DatabaseUnavailable:
                self._note_failure()
            else:
                if not self._open:  # nothing else is going to be written that could tell
                    self._note_success()
                if state != "running":
                    return state
            await asyncio.sleep(_RETRY_SECONDS)

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[None]:
        """Write for as long as the context lasts."""
        async with background(self._write_for_ever(), name="journal"):
            yield

    async def _write_for_ever(self) -> None:
        while True:
            if not self._open:
                self._something.clear()
                await self._something.wait()
            await asyncio.sleep(self._tick)
            try:
                await unbroken(self._write())
            except DatabaseUnavailable:
                self._note_failure()
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:  # noqa: BLE001  - whatever it is, the next time may succeed
                self.failing = True
                _log.exception("cannot write the journal")
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._note_success()

    async def _write(self) -> None:
        """Write what all open generations have said since the last time, and the heartbeat."""
        async with self._writing:
            parts = self._parts()
            now = time.monotonic()
            beats = now - self._beaten >= _BEAT_SECONDS
            asked = list(self._open.values()) if beats else [generation for generation, _, _ in parts]
            if not asked:
                return
            looks = now - self._looked >= _BEAT_SECONDS
            places = self._waiting() if looks else self._places
            await self._write_parts(parts, asked, waiting=None if places == self._places else places)
            self._beaten, self._places = now, places
            if looks:
                self._looked = now

    def _waiting(self) -> dict[GenerationId, int]:
        """Return the places of those that wait for their turn."""
        places = ((each.id, each.place.position) for each in self._open.values() if each.place is not None)
        return dict(islice(((generation_id, place) for generation_id, place in places if place > 0), _PLACES))

    def _parts(self) -> list[_Part]:
        """Return what is to be written: all there is, but after an outage no more than one statement may take.

        Who has said much comes last, since otherwise nothing of others might be written while he goes on.
        """
        parts: list[_Part] = []
        room = _HEAVIEST
        for generation in sorted(self._open.values(), key=lambda each: each.unwritten_length):
            grown = generation.unwritten_length
            if grown > 0 and room > 0:
                # The tokens of an answer of which only a part is written are counted with the last part.
                tokens = generation.tokens if grown <= room else generation.written_tokens
                parts.append((generation, generation.unwritten(room), tokens))
                room -= grown
        return parts

    async def _write_parts(
        self, parts: Sequence[_Part], asked: Sequence[Generation], *, waiting: Mapping[GenerationId, int] | None = None
    ) -> None:
        """Write ``parts``, of which each is of one of ``asked``; give up what cannot be written or is not ours."""
        try:
            chunks = [chunk for part in parts for chunk in _chunks(*part)]
            ours = await self._store.write(chunks, [generation.id for generation in asked], waiting=waiting)
        except DatabaseUnavailable:
            raise
        except Exception:
            if not parts:
                raise
            # If it goes well without them, one of the parts is to blame. Only that may suffer from it.
            await self._write_parts((), asked, waiting=waiting)
            if len(parts) == 1:
                _log.exception("an answer cannot be written", extra={"fields": {"generation_id": str(parts[0][0].id)}})
                parts[0][0].cancel("lost")
                return
            for part in parts:
                await self._write_parts((part,), (part[0],))
            return
        for generation, bodies, tokens in parts:
            generation.note_written(bodies, tokens)
        self._note_room()
        for generation in asked:
            if generation.id not in ours:
                generation.cancel("lost")

    def _most(self, generation: Generation) -> int:
        """Return how many characters of ``generation`` may wait."""
        if generation.id not in self._open:
            return FREE  # whether it is taken on is not known yet
        return max(FREE, min(_HEAVIEST, _HELD // (len(self._open) + self._ending)))

    def _note_room(self) -> None:
        self._room.set()
        self._room.clear()

    async def _write_ends(self, ends: Sequence[End]) -> list[State | None]:
        states = await self._store.end(ends)
        return [states.get(end.id) for end in ends]

    def _note_failure(self) -> None:
        if not self.failing:
            self.failing = True
            _log.warning("the journal cannot be written; answers go on, and are written when the database is back")

    def _note_success(self) -> None:
        if self.failing:
            self.failing = False
            _log.info("the journal is written again")


def _chunks(generation: Generation, bodies: list[tuple[Kind, Body]], tokens: int) -> list[Chunk]:
    position, tokens = generation.written, tokens - generation.written_tokens
    chunks: list[Chunk] = []
    for kind, body in bodies:
        text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
        chunks.append(Chunk(generation_id=generation.id, position=position, kind=kind, body=text, tokens=tokens))
        position, tokens = position + len(body), 0
    return chunks


def _end(generation: Generation, ending: Ending) -> End:
    runs, bodies = list(generation.runs), generation.unwritten()
    for kind, body in bodies:
        extend(runs, kind, len(body), body if isinstance(body, tuple) else ())
    last = ending.last
    return End(
        id=generation.id,
        state=ending.state,
        position=generation.written,
        length=generation.position,
        runs=tuple(runs),
        content="".join(body for kind, body in bodies if kind == "content" and isinstance(body, str)),
        thinking="".join(body for kind, body in bodies if kind == "thinking" and isinstance(body, str)),
        tool_calls=join_tool_calls(calls_in(runs)),
        finish_reason=last.finish_reason if isinstance(last, Done) else None,
        error=last.error if isinstance(last, Failed) else None,
        prompt_tokens=ending.usage.prompt_tokens,
        completion_tokens=ending.usage.completion_tokens,
        estimated=ending.usage.estimated,
        timings=ending.timings,
        is_message=generation.start.message_id is not None,
    )


def _weigh(end: End) -> int:
    return len(end.content) + len(end.thinking)
