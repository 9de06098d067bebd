"""A stream whose client does not read."""

import asyncio
from typing import NoReturn, cast

import pytest
from litestar.types import HTTPScope, Message

from deeper_api.chat.engine import Engine
from deeper_api.chat.frames import Done
from deeper_api.chat.wire import SSE
from deeper_api.routes import streams
from deeper_api.routes.streams import FrameStream
from deeper_core import ChatMessage, ChatRequest, ChatRole, Delta, FinishReason, UserId, new_id
from deeper_model import ScriptedProvider

REQUEST = ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content="Hello"),))
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
    async with Engine(scripted, drain_seconds=0) as engine:
        generation = engine.start(REQUEST, user_id=UserId(new_id()), request_id=None)
        await FrameStream(generation, SSE, heartbeat=60).to_asgi_response()(SCOPE, never, send)
        await scripted.wait_for_streams(0)
    [*_, last] = generation.frames
    assert isinstance(last, Done)
    assert last.finish_reason is FinishReason.CANCELLED


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
    async with Engine(scripted, drain_seconds=0) as engine:
        generation = engine.start(REQUEST, user_id=UserId(new_id()), request_id=None)
        await FrameStream(generation, SSE, heartbeat=0.02).to_asgi_response()(SCOPE, never, send)
    assert b'"content":"b"' in sent
