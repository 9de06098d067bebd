"""Whoever asks may leave at any moment: the model server is then freed at once, and nothing is left behind."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import pytest

from deeper_core import Delta, Finish, FinishReason
from deeper_model import ScriptedProvider
from deeper_model.conformance import Peer
from tests.api.routes.answers import events, text, until_state
from tests.api.routes.test_chat import NDJSON, QUESTION
from tests.fakes.exchanges import Account, Json, sse_frames
from tests.fixtures.applications import LogLines
from tests.fixtures.servers import Backend
from tests.model.dialects import OPENAI

# Seconds from the client's leaving to the closing of the model server's connection.
SOON = 0.1
# These tests share two cores with others, so that a slow run says little: the best of a few has to be soon.
TRIES = 5

Play = Callable[[Peer], Awaitable[None]]


async def until_no_generation_runs() -> None:
    """Return once no task makes an answer any more; one turn later its end has been logged."""
    while any(task.get_name().startswith("generation") for task in asyncio.all_tasks()):  # noqa: ASYNC110  - no event tells
        await asyncio.sleep(0)
    await asyncio.sleep(0)


async def send_nothing(peer: Peer) -> None:
    await peer.wait_gone()


async def send_headers(peer: Peer) -> None:
    await OPENAI.begin(peer)
    await peer.wait_gone()


async def send_a_piece(peer: Peer) -> None:
    await OPENAI.begin(peer, "piece")
    await peer.wait_gone()


async def send_without_end(peer: Peer) -> None:
    await OPENAI.begin(peer)
    gone = asyncio.create_task(peer.wait_gone())
    while not gone.done():
        await peer.chunk(OPENAI.content("piece "))
        await asyncio.sleep(0)


PHASES: dict[str, tuple[Play, dict[str, object], dict[str, str], bytes]] = {
    "before the model server answers": (send_nothing, {}, {}, b"start"),
    "before the first piece": (send_headers, {}, {}, b"start"),
    "in the middle": (send_a_piece, {}, {}, b"piece"),
    "in the middle of lines": (send_a_piece, {}, NDJSON, b"piece"),
    "in a flood": (send_without_end, {}, {}, b"piece"),
    "waiting for a whole answer": (send_a_piece, {"stream": False}, {}, b""),
    "waiting for a whole answer that has not begun": (send_nothing, {"stream": False}, {}, b""),
}


@pytest.mark.parametrize("phase", PHASES)
async def test_behind_granian_leaving_frees_the_model_server_soon(http_account: Account, backend: Backend, phase: str):
    play, more, headers, awaited = PHASES[phase]

    async def leave_once() -> float:
        async with backend.model(play) as model:
            opening = http_account.client.open("POST", "/v1/chat", QUESTION | more, headers=headers)
            async with opening as exchange:
                if awaited:
                    await exchange.head()
                    await exchange.read_until(awaited)
                await model.until_asked()
                exchange.leave()
                left = time.monotonic()
            await model.until_left()
            return time.monotonic() - left

    took: list[float] = []
    while len(took) < TRIES and min(took, default=SOON) >= SOON:
        took.append(await leave_once())
    assert min(took) < SOON


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("before", [(), (Delta(content="piece"),)], ids=["before the first piece", "in the middle"])
async def test_leaving_cancels_the_answer_and_cleans_up(
    account: Account, scripted: ScriptedProvider, log_lines: LogLines, stream: bool, before: tuple[Delta, ...]
):
    scripted.play(*before, asyncio.Event())
    async with account.client.open("POST", "/v1/chat", QUESTION | {"stream": stream}) as exchange:
        await scripted.wait_for_streams(1)
        exchange.leave()
        await scripted.wait_for_streams(0)
    await until_no_generation_runs()
    (ended,) = log_lines.of("deeper.generations")
    assert ended["outcome"] == "cancelled"
    assert ended["completion_tokens"] == len(before)


async def test_leaving_after_the_end_changes_nothing(account: Account, scripted: ScriptedProvider, log_lines: LogLines):
    scripted.play(Delta(content="all"), Finish(reason=FinishReason.STOP))
    async with account.client.open("POST", "/v1/chat", QUESTION) as exchange:
        await exchange.head()
        await exchange.read_until(b"event: done")
    (ended,) = log_lines.of("deeper.generations")
    assert ended["outcome"] == "stop"


async def test_one_who_leaves_takes_nobody_with_him(account: Account, scripted: ScriptedProvider):
    gate = asyncio.Event()
    scripted.play(gate, Delta(content="mine"), Finish(reason=FinishReason.STOP))
    scripted.play(asyncio.Event())
    async with account.client.open("POST", "/v1/chat", QUESTION) as stays:
        await scripted.wait_for_streams(1)
        async with account.client.open("POST", "/v1/chat", QUESTION) as leaves:
            await scripted.wait_for_streams(2)
            leaves.leave()
            await scripted.wait_for_streams(1)
        gate.set()
        await stays.head()
        assert b"event: done" in await stays.rest()


async def test_fifty_who_leave_at_random_moments_leave_nothing(account: Account, scripted: ScriptedProvider):
    chance = random.Random(4711)
    before = asyncio.all_tasks()

    async def visit() -> None:
        question = QUESTION | {"stream": chance.random() < 0.7}
        turns = chance.randrange(60)
        async with account.client.open("POST", "/v1/chat", question) as exchange:
            for _ in range(turns):
                await asyncio.sleep(0)
            exchange.leave()

    await asyncio.gather(*(visit() for _ in range(50)))
    await scripted.wait_for_streams(0)
    while asyncio.all_tasks() - before:  # noqa: ASYNC110  - no event tells
        await asyncio.sleep(0)


async def leave_after_a_piece(account: Account, sent: Json) -> str:
    """Ask, go away when the first piece has come, and return the id of the answer."""
    async with account.client.open("POST", "/v1/chat", QUESTION | sent) as exchange:
        await exchange.head()
        body = await exchange.read_until(b"piece")
        exchange.leave()
    return sse_frames(body.partition(b"\n\n")[0])[0][2]["generation_id"]


# What is sent, and for how many seconds the answer may then go on alone; None for ever.
ALONE: list[tuple[Json, float | None]] = [
    ({}, 0.0),
    ({"store": False}, 0.0),
    ({"store": True}, 60.0),
    ({"on_disconnect": "cancel", "store": True}, 0.0),
    ({"on_disconnect": "continue"}, None),
    ({"on_disconnect": "continue", "store": True}, None),
    ({"on_disconnect": {"cancel_after": 0}, "store": True}, 0.0),
    ({"on_disconnect": {"cancel_after": 7.5}}, 7.5),
]


@pytest.mark.parametrize(("sent", "seconds"), ALONE)
async def test_how_long_an_answer_goes_on_alone_is_for_its_user_to_say(
    account: Account, scripted: ScriptedProvider, sent: Json, seconds: float | None
):
    gate = asyncio.Event()
    scripted.play(Delta(content="piece"), gate, Delta(content=" and more"), Finish(reason=FinishReason.STOP))
    generation_id = await leave_after_a_piece(account, sent)
    loop = asyncio.get_running_loop()
    abandoning = [
        handle.when() - loop.time()
        for handle in loop._scheduled  # pyright: ignore[reportAttributeAccessIssue]  - asyncio's own list of timers
        if not handle.cancelled() and "abandoned" in handle._args
    ]
    if seconds:
        assert abandoning == [pytest.approx(seconds, abs=2)]
    else:
        assert abandoning == []
    gate.set()
    if seconds == 0:
        assert (await until_state(account, generation_id, "cancelled"))["message"]["content"] == "piece"
    else:
        assert (await until_state(account, generation_id, "complete"))["message"]["content"] == "piece and more"


async def test_an_answer_with_a_key_waits_for_its_client_to_ask_again(account: Account, scripted: ScriptedProvider):
    gate = asyncio.Event()
    scripted.play(Delta(content="piece"), gate, Finish(reason=FinishReason.STOP))
    async with account.client.open("POST", "/v1/chat", QUESTION, headers={"idempotency-key": "k"}) as exchange:
        await exchange.head()
        body = await exchange.read_until(b"piece")
        exchange.leave()
    gate.set()
    generation_id = sse_frames(body.partition(b"\n\n")[0])[0][2]["generation_id"]
    await until_state(account, generation_id, "complete")


async def test_an_answer_that_was_alone_for_too_long_is_given_up(account: Account, scripted: ScriptedProvider):
    scripted.play(Delta(content="piece"), asyncio.Event())
    generation_id = await leave_after_a_piece(account, {"store": True, "on_disconnect": {"cancel_after": 0.01}})
    seen = await until_state(account, generation_id, "cancelled")
    assert (seen["finish_reason"], seen["message"]["content"]) == ("cancelled", "piece")


async def test_who_comes_back_in_time_finds_the_rest(account: Account, scripted: ScriptedProvider):
    gate = asyncio.Event()
    scripted.play(Delta(content="piece"), gate, Delta(content=" and more"), Finish(reason=FinishReason.STOP))
    generation_id = await leave_after_a_piece(account, {"store": True})
    following = asyncio.create_task(events(account, generation_id, 5))
    gate.set()
    assert text(await following) == " and more"


async def test_who_follows_by_its_name_keeps_an_answer_alive(account: Account, scripted: ScriptedProvider):
    gate = asyncio.Event()
    scripted.play(Delta(content="piece"), gate, Delta(content=" and more"), Finish(reason=FinishReason.STOP))
    async with account.client.open("POST", "/v1/chat", QUESTION) as asks:
        await asks.head()
        body = await asks.read_until(b"piece")
        generation_id = sse_frames(body.partition(b"\n\n")[0])[0][2]["generation_id"]
        async with account.client.open("GET", f"/v1/generations/{generation_id}/events") as follows:
            await follows.head()
            seen = await follows.read_until(b"piece")
            asks.leave()
            await asyncio.sleep(0)
            gate.set()
            assert text(sse_frames(seen + await follows.rest())) == "piece and more"
