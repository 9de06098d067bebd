"""A stream whose client does not read."""

import asyncio
from typing import NoReturn, cast

import pytest
from litestar.types import HTTPScope, Message

from deeper_api.chat.frames import Done
from deeper_api.chat.wire import SSE
from deeper_api.routes import streams
from deeper_api.routes.streams import FrameStream
from deeper_core import Delta, FinishReason
from deeper_model import ScriptedProvider
from tests.api.chat.engines import ended, live, question, running_engine

SCOPE = cast("HTTPScope", {"type": "http", "state": {}})


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
        await FrameStream(feed, SSE, heartbeat=60).to_asgi_response()(SCOPE, never, send)
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
        await FrameStream(feed, SSE, heartbeat=0.02).to_asgi_response()(SCOPE, never, send)
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
        sending = asyncio.create_task(FrameStream(feed, SSE, heartbeat=60).to_asgi_response()(SCOPE, never, send))
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
