"""Cases: cancelling, closing, and reading slowly."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

from deeper_core import Delta, ModelServerUnreachable
from deeper_model.conformance.cases import Case, ask, case, collect, expect, fails, wire, within
from deeper_model.conformance.harnesses import Ability, Harness, Script, Stage, WireHarness, question
from deeper_model.conformance.streaming import HELLO, STOP
from deeper_model.conformance.upstreams import Peer

Answered = TypeVar("Answered")
_FLOOD = 64 * 1_048_576
_FLOOD_PIECE = 65_536


async def _cancel(harness: Harness, task: asyncio.Task[Answered]) -> None:
    task.cancel()
    done, _ = await asyncio.wait((task,), timeout=harness.soon)
    expect(done, f"the task that was cancelled goes on ({harness.soon:g} s)")
    expect(task.cancelled(), "CancelledError does not come out of what was cancelled")


async def _cancel_and_look(harness: Harness, stage: Stage, task: asyncio.Task[Answered]) -> None:
    await _cancel(harness, task)
    await within(harness, stage.until_left(), "the upstream still works for somebody who left")


async def cancelling_before_the_first_token_frees_the_upstream(harness: Harness) -> None:
    """Who waits for an answer to begin can leave at once."""
    async with harness.stage((asyncio.Event(), STOP), HELLO) as stage:
        task = asyncio.ensure_future(ask(stage.provider))
        await stage.until_asked()
        await _cancel_and_look(harness, stage, task)
        expect((await ask(stage.provider)).content == "Hello", "after a cancellation, nothing is answered any more")


async def cancelling_in_mid_stream_frees_the_upstream(harness: Harness) -> None:
    """Who waits for more of an answer can leave at once."""
    async with harness.stage((Delta(content="Hello"), asyncio.Event(), STOP), HELLO) as stage:
        events = stage.provider.chat_stream(question())
        await anext(events)
        task = asyncio.ensure_future(collect(events))
        await asyncio.sleep(0)
        await _cancel_and_look(harness, stage, task)
        expect((await ask(stage.provider)).content == "Hello", "after a cancellation, nothing is answered any more")


async def closing_the_stream_between_two_events_frees_the_upstream(harness: Harness) -> None:
    """Who has heard enough closes the generator."""
    async with harness.stage((Delta(content="Hello"), asyncio.Event(), STOP)) as stage:
        events = stage.provider.chat_stream(question())
        await anext(events)
        await within(harness, events.aclose(), "aclose does not return")
        await within(harness, stage.until_left(), "the upstream still works for somebody who left")


async def leaving_one_answer_leaves_the_others_alone(harness: Harness) -> None:
    """One of two answers is cancelled; the other is whole."""
    gate = asyncio.Event()
    script: Script = (Delta(content="He"), gate, Delta(content="llo"), STOP)
    async with harness.stage(script, (Delta(content="x"), asyncio.Event())) as stage:
        kept = stage.provider.chat_stream(question())
        await anext(kept)
        left = stage.provider.chat_stream(question())
        await anext(left)
        await within(harness, left.aclose(), "aclose does not return")
        gate.set()
        expect((await collect(kept)).content == "llo", "another answer suffered")


async def closing_twice_does_nothing(harness: Harness) -> None:
    """``close`` may be called again."""
    async with harness.stage(HELLO) as stage:
        await ask(stage.provider)
        await within(harness, stage.provider.close(), "close does not return")
        await within(harness, stage.provider.close(), "close does not return")


async def a_closed_provider_refuses_everything(harness: Harness) -> None:
    """After ``close``, every method raises ModelServerUnreachable and asks nothing."""
    async with harness.stage(HELLO) as stage:
        await within(harness, stage.provider.close(), "close does not return")
        await fails(anext(stage.provider.chat_stream(question())), ModelServerUnreachable)
        await fails(stage.provider.list_models(), ModelServerUnreachable)
        await fails(stage.provider.check_health(), ModelServerUnreachable)
        expect(stage.asked == 0, "a closed provider asked")


@wire
async def closing_ends_open_answers_with_an_error(harness: WireHarness) -> None:
    """``close`` returns soon, frees the upstream and ends what is still being answered."""
    async with harness.stage((Delta(content="Hello"), asyncio.Event(), STOP)) as stage:
        events = stage.provider.chat_stream(question())
        await anext(events)
        await within(harness, stage.provider.close(), "close waits for an answer that is open")
        found = await within(harness, collect(events), "an answer goes on after close")
        expect(found.error, "an answer that close cut off is no whole answer")
        await within(harness, stage.until_left(), "a connection is open after close")


@contextlib.contextmanager
def silent_listener() -> Generator[str]:
    """Give the URL of a listener that takes no connection: its backlog is full, and they stay half open."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@wire
async def cancelling_while_connecting_is_possible(harness: WireHarness) -> None:
    """Who waits for a connection can leave at once."""
    with silent_listener() as url:
        async with harness.open(url) as provider:
            task = asyncio.ensure_future(ask(provider))
            for _ in range(20):
                await asyncio.sleep(0)
            expect(not task.done(), "nobody took the connection, and it ended all the same")
            await _cancel(harness, task)


@wire
async def cancelling_after_the_headers_frees_the_upstream(harness: WireHarness) -> None:
    """Who waits for the first event of a stream that has begun can leave at once."""
    begun = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.stream_head(harness.dialect.media_type)
        begun.set()
        await peer.wait_gone()

    async with harness.acting(play) as stage:
        task = asyncio.ensure_future(ask(stage.provider))
        await begun.wait()
        await _cancel_and_look(harness, stage, task)


@wire
async def cancelling_a_list_frees_the_upstream(harness: WireHarness) -> None:
    """Who waits for a list of models, or for a question of health, can leave at once."""

    async def play(peer: Peer) -> None:
        await peer.wait_gone()

    async with harness.acting(play) as stage:
        for times, method in enumerate((stage.provider.list_models, stage.provider.check_health), start=1):
            task = asyncio.create_task(_call(method))
            await stage.until_asked(times)
            await _cancel_and_look(harness, stage, task)


async def _call(method: Callable[[], Awaitable[object]]) -> None:
    await method()


@wire
async def a_slow_reader_slows_the_upstream_down(harness: WireHarness) -> None:
    """What nobody reads is left in the socket: memory is bounded by the reader, not by the upstream."""
    sent = 0
    flooded = asyncio.Event()

    async def play(peer: Peer) -> None:
        nonlocal sent
        await peer.stream_head(harness.dialect.media_type)
        frame = harness.dialect.delta(Delta(content="x" * _FLOOD_PIECE))
        while sent < _FLOOD:
            await peer.chunk(frame)
            sent += len(frame)
        flooded.set()

    async with harness.acting(play) as stage:
        events = stage.provider.chat_stream(question())
        await anext(events)
        before = -1
        while sent > before and not flooded.is_set():
            before = sent
            with contextlib.suppress(TimeoutError):
                # Until nothing moves any more: only time can tell.
                await asyncio.wait_for(flooded.wait(), 0.3)
        expect(not flooded.is_set(), f"{_FLOOD} bytes were taken for somebody who reads none")
        await within(harness, events.aclose(), "aclose does not return")
        await within(harness, stage.until_left(), "the upstream still works for somebody who left")


@wire
async def a_fast_answer_lets_others_have_their_turn(harness: WireHarness) -> None:
    """However fast an upstream is, other tasks of the event loop get on."""

    async def play(peer: Peer) -> None:
        await peer.stream_head(harness.dialect.media_type)
        frame = harness.dialect.delta(Delta(content="x")) * 100
        while True:  # until the client has gone, which is said by an error
            await peer.chunk(frame)

    async with harness.acting(play) as stage:
        events = stage.provider.chat_stream(question())
        await anext(events)
        turns = asyncio.ensure_future(_take_turns(10))
        for _ in range(50_000):
            await anext(events)
            if turns.done():
                break
        expect(turns.done(), "nobody else had a turn")
        await within(harness, events.aclose(), "aclose does not return")


async def _take_turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


LEAVING: tuple[Case, ...] = (
    case(cancelling_before_the_first_token_frees_the_upstream),
    case(cancelling_in_mid_stream_frees_the_upstream),
    case(closing_the_stream_between_two_events_frees_the_upstream),
    case(leaving_one_answer_leaves_the_others_alone),
    case(closing_twice_does_nothing),
    case(a_closed_provider_refuses_everything),
    case(closing_ends_open_answers_with_an_error, Ability.WIRE),
    case(cancelling_while_connecting_is_possible, Ability.WIRE),
    case(cancelling_after_the_headers_frees_the_upstream, Ability.WIRE),
    case(cancelling_a_list_frees_the_upstream, Ability.WIRE),
    case(a_slow_reader_slows_the_upstream_down, Ability.WIRE),
    case(a_fast_answer_lets_others_have_their_turn, Ability.WIRE),
)
