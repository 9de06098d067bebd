"""Clients that follow a generation, lose their stream, and come back after the last id that they have."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.api.durability.models import PATIENCE
from tests.api.durability.texts import Text
from tests.fakes.exchanges import Client, Exchange, Json, sse_frames


@dataclass
class Transcript:
    """What a client has of one generation, over any number of streams; ``position`` is the last id.

    ``places`` are those in the line in front of the model server that it was told.

    Fails when a frame leaves a gap, repeats something or follows the last one.
    """

    text: Text = field(default_factory=Text)
    position: int | None = None
    start: Json | None = None
    last: tuple[str, Json] | None = None
    frames: list[tuple[int, str, Json]] = field(default_factory=list[tuple[int, str, Json]])
    places: list[int] = field(default_factory=list[int])

    def before(self, count: int) -> "Transcript":
        """What the client had when so many frames had come."""
        earlier = Transcript()
        for frame in self.frames[:count]:
            earlier.take(*frame)
        return earlier

    @property
    def generation_id(self) -> str:
        """Which generation it is."""
        assert self.start is not None
        return self.start["generation_id"]

    @property
    def outcome(self) -> str:
        """The finish reason, or the code of the error."""
        assert self.last is not None
        event, data = self.last
        return data["finish_reason"] if event == "done" else data["error"]["code"]

    def take(self, number: int | None, event: str, data: Json) -> None:
        """Add a frame."""
        assert self.last is None, f"{event} after {self.last}"
        if event == "queued":
            assert number is None
            self.places.append(data["position"])
            return
        assert number is not None, event
        if event == "start":
            assert (number, self.position) == (0, None)
            self.start = data
        elif event == "delta":
            assert number == (self.position or 0) + self._add(data), (self.position, number, data)
        else:
            # After a crash the answer may be shorter than what a client of the dead process has seen of it.
            assert number == (self.position or 0) + 1 or event == "error"
            self.last = event, data
        self.position = number
        self.frames.append((number, event, data))

    def _add(self, data: Json) -> int:
        content, thinking, calls = data.get("content", ""), data.get("thinking", ""), data.get("tool_calls", [])
        assert sum(map(bool, (content, thinking, calls))) == 1, data
        self.text.content += content
        self.text.thinking += thinking
        for call in calls:
            self.text.add_call(call)
        return len(content) + len(thinking) + len(calls)


class Viewer:
    """One stream that is read in the background into ``seen``; ``open`` until its end, or until it is cut.

    With a ``limit``, the client leaves when it has received so many bytes. ``refusal`` is the body of any other answer.
    """

    def __init__(self, seen: Transcript, limit: int | None = None) -> None:
        self.seen = seen
        self._limit = limit
        self.status: int | None = None
        self.refusal: bytes | None = None
        self.open = True
        self.fault: AssertionError | None = None
        self._changed = asyncio.Condition()

    @property
    def left(self) -> bool:
        """Whether the client has received as much as it wanted."""
        return self._limit is not None and self._limit <= 0

    async def until(self, true: Callable[["Viewer"], bool]) -> None:
        """Return once ``true`` holds."""
        try:
            async with asyncio.timeout(PATIENCE), self._changed:
                await self._changed.wait_for(lambda: true(self) or self.fault is not None)
        except TimeoutError:
            raise AssertionError(f"it did not come about: {self.seen}") from None
        if self.fault is not None:
            raise self.fault

    async def until_begun(self) -> Transcript:
        """Return what was seen once the first frame has come."""
        await self.until(lambda viewer: viewer.seen.start is not None)
        return self.seen

    async def until_said(self, text: str) -> None:
        """Return once the content seen contains ``text``."""
        await self.until(lambda viewer: text in viewer.seen.text.content)

    async def until_closed(self) -> Transcript:
        """Return what was seen once the stream is closed by the server, or by its death."""
        await self.until(lambda viewer: not viewer.open)
        return self.seen

    async def until_last(self) -> Transcript:
        """Return what was seen once the last frame has come and the stream is closed."""
        await self.until_closed()
        assert self.seen.last is not None, self.seen
        return self.seen

    async def read(self, request: AbstractAsyncContextManager[Exchange]) -> None:
        """Read the response to its end."""
        try:
            async with request as exchange:
                self.status = (await exchange.head()).status
                if self.status not in {200, 204}:
                    self.refusal = await exchange.rest()
                assert self.refusal is None, (self.status, self.refusal)
                buffer = b""
                while not self.left and (data := await exchange.read()):
                    if self._limit is not None:
                        data = data[: self._limit]
                        self._limit -= len(data)
                    *blocks, buffer = (buffer + data).split(b"\n\n")
                    await self._take(blocks)
        except aiohttp.ClientError:
            pass  # the server is dead
        except AssertionError as fault:
            self.fault = fault
        async with self._changed:
            self.open = False
            self._changed.notify_all()

    async def _take(self, blocks: list[bytes]) -> None:
        async with self._changed:
            for block in blocks:
                for number, event, data in sse_frames(block):
                    self.seen.take(number, event, data)
            self._changed.notify_all()


def question(text: str, **more: object) -> Json:
    """The body that asks ``text``."""
    return {"model": "dictated", "messages": [{"role": "user", "content": text}], **more}


@asynccontextmanager
async def asking(
    client: Client, sent: Json, *, key: str | None = None, limit: int | None = None
) -> AsyncGenerator[Viewer]:
    """Ask, and follow the answer for as long as the context lasts."""
    headers = {} if key is None else {"idempotency-key": key}
    viewer = Viewer(Transcript(), limit)
    async with _reading(viewer, client.open("POST", "/v1/chat", sent, headers=headers)):
        yield viewer


@asynccontextmanager
async def following(
    client: Client, generation_id: str, seen: Transcript | None = None, *, limit: int | None = None
) -> AsyncGenerator[Viewer]:
    """Follow a generation for as long as the context lasts, after what was ``seen`` of it."""
    seen = seen or Transcript()
    viewer = Viewer(seen, limit)
    headers = {} if seen.position is None else {"last-event-id": str(seen.position)}
    path = f"/v1/generations/{generation_id}/events"
    async with _reading(viewer, client.open("GET", path, headers=headers)):
        yield viewer


@asynccontextmanager
async def _reading(viewer: Viewer, request: AbstractAsyncContextManager[Exchange]) -> AsyncGenerator[None]:
    reading = asyncio.create_task(viewer.read(request))
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.wait({reading})
