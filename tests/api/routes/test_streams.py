"""A stream whose client does not read."""

import asyncio
from typing import NoReturn, cast

import pytest
from litestar.types import HTTPScope, Message

from deeper_api.chat.frames import Done
from deeper_api.chat.wire import SSE
from deeper_api.routes import streams
from deeper_api.routes.streams import FrameStream
from deeper_core import DatabaseUnavailable, Delta, FinishReason
from deeper_model import ScriptedProvider
from tests.api.chat.engines import STOP, ended, live, question, running_engine
from tests.fakes.exchanges import sse_frames

SCOPE = cast("HTTPScope", {"type": "http", "state": {}})


async def stands() -> bool:
    return True


async def never() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError


async def test_whoever_takes_nothing_has_left(scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "STALL_SECONDS", 0.01)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    scripted.play(Delta(content="a"), asyncio.Event())
    async with running_engine(scripted) as engine:
        feed = await engine.answer(question())
        await FrameStream(feed, SSE, heartbeat=60, still_stands=stands).to_asgi_response()(SCOPE, never, send)
        last = await ended(feed)
        assert scripted.open_streams == 0
    assert isinstance(last, Done)
    assert last.finish_reason is FinishReason.CANCELLED
    assert live(feed).cancelled == "abandoned"


async def test_a_model_may_be_silent_for_longer_than_a_client(
    scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streams, "STALL_SECONDS", 0.01)
    gate, sent = asyncio.Event(), bytearray()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            sent.extend(message["body"])
        if sent.count(b": ping") == 3:
            gate.set()

    scripted.play(Delta(content="a"), gate, Delta(content="b"))
    async with running_engine(scripted) as engine:
        feed = await engine.answer(question())
        await FrameStream(feed, SSE, heartbeat=0.02, still_stands=stands).to_asgi_response()(SCOPE, never, send)
    assert b'"content":"b"' in sent


async def test_what_a_client_does_not_take_is_not_kept_for_it(
    scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("deeper_api.chat.generations._KEPT", 1_000)
    monkeypatch.setattr("deeper_api.chat.generations.BATCH", 100)
    written, taking, sent = asyncio.Event(), asyncio.Event(), bytearray()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await taking.wait()
            sent.extend(message["body"])

    scripted.play(*[Delta(content="x" * 50)] * 1_000, written, Delta(content="end"))
    async with running_engine(scripted) as engine:
        feed = await engine.answer(question(abandon_after=None))
        sending = asyncio.create_task(
            FrameStream(feed, SSE, heartbeat=60, still_stands=stands).to_asgi_response()(SCOPE, never, send)
        )
        generation = live(feed)
        async with asyncio.timeout(10):
            while generation.written < 50_000:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0.001)
        assert len(generation._pieces) <= 1_000 / 50
        taking.set()
        written.set()
        await sending
    assert sent.count(b"x") == 50_000
    assert b'"content":"end"' in sent


class Frames:
    """A client that stays, and what it has received."""

    def __init__(self) -> None:
        self.body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.body.extend(message["body"])


@pytest.mark.parametrize("abandon_after", [0.0, None])
async def test_whoever_no_longer_stands_is_told_and_has_left(
    scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, abandon_after: float | None
):
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.01)
    client, gate, looks = Frames(), asyncio.Event(), iter([True, True, False])

    async def still_stands() -> bool:
        return next(looks)

    scripted.play(Delta(content="a"), gate, Delta(content="b"), STOP)
    async with running_engine(scripted) as engine:
        feed = await engine.answer(question(abandon_after=abandon_after))
        response = FrameStream(feed, SSE, heartbeat=60, still_stands=still_stands).to_asgi_response()
        await response(SCOPE, never, client.send)
        _, event, data = sse_frames(bytes(client.body))[-1]
        gate.set()
        last = await ended(feed)
    message = "This session has ended. Sign in again."
    assert (event, data) == ("error", {"event": "error", "error": {"code": "invalid_token", "message": message}})
    assert isinstance(last, Done)
    # A stored answer goes on without its viewer for as long as it was to; another ends with it.
    went_on = abandon_after is None
    assert (last.finish_reason is FinishReason.CANCELLED, b'"b"' in client.body) == (not went_on, False)
    assert live(feed).tokens == (2 if went_on else 1)


async def test_while_nobody_can_tell_everybody_stays(scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.001)
    client, gate, looks = Frames(), asyncio.Event(), 0

    async def still_stands() -> bool:
        nonlocal looks
        looks += 1
        if looks == 3:
            gate.set()
        raise DatabaseUnavailable(retry_after=1)

    scripted.play(gate, Delta(content="b"), STOP)
    async with running_engine(scripted) as engine:
        feed = await engine.answer(question())
        response = FrameStream(feed, SSE, heartbeat=60, still_stands=still_stands).to_asgi_response()
        await response(SCOPE, never, client.send)
    assert sse_frames(bytes(client.body))[-1][1] == "done"


async def test_whose_stream_ends_is_not_looked_after_any_more(scripted: ScriptedProvider):
    scripted.play(Delta(content="a"))
    async with running_engine(scripted) as engine:
        feed = await engine.answer(question())
        await FrameStream(feed, SSE, heartbeat=60, still_stands=stands).to_asgi_response()(SCOPE, never, Frames().send)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("look")]
