"""Cases: silence, broken connections and broken frames."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from deeper_core import (
    AnswerIncomplete,
    DeeperError,
    Delta,
    ModelProtocolBroken,
    ModelServerTimedOut,
    ModelServerUnreachable,
)
from deeper_model.conformance.cases import (
    Case,
    ask,
    case,
    collect,
    expect,
    expect_error,
    fails,
    wire,
    within,
)
from deeper_model.conformance.harnesses import (
    MODEL,
    PATIENT,
    UPSTREAM_WORDS,
    Ability,
    Harness,
    WireHarness,
    question,
)
from deeper_model.conformance.leaving import silent_listener
from deeper_model.conformance.streaming import STOP
from deeper_model.conformance.upstreams import Peer, Play, running_upstream

_QUICK = 0.2


@wire
async def a_server_that_is_not_there_is_unreachable(harness: WireHarness) -> None:
    """No connection is ModelServerUnreachable, whatever was asked."""
    async with running_upstream() as gone:
        url = gone.url
    async with harness.open(url) as provider:
        expect_error(await ask(provider), ModelServerUnreachable)
        await fails(provider.list_models(), ModelServerUnreachable)
        await fails(provider.check_health(), ModelServerUnreachable)


@wire
async def a_connection_that_nobody_takes_is_unreachable(harness: WireHarness) -> None:
    """The limit ``connect`` bounds the wait for a connection."""
    with silent_listener() as url:
        async with harness.open(url, replace(PATIENT, connect=_QUICK)) as provider:
            found = await within(harness, ask(provider), "a connection that nobody takes is waited for")
            expect_error(found, ModelServerUnreachable)


async def _hang(peer: Peer) -> None:
    await peer.wait_gone()


async def _hang_up(_: Peer) -> None:
    pass


async def _reset(peer: Peer) -> None:
    peer.reset()


async def _talk_otherwise(peer: Peer) -> None:
    await peer.send(f"{UPSTREAM_WORDS} is not HTTP\r\n\r\n".encode())
    await peer.wait_gone()


async def _redirect(peer: Peer) -> None:
    await peer.reply(302, b"", "text/plain", "Location: http://127.0.0.1:1/elsewhere")


async def _break_chunk(peer: Peer) -> None:
    await peer.send(b"zz\r\nnonsense\r\n")
    await peer.wait_gone()


def _before(play: Play, *kinds: type[DeeperError], quick: bool = False) -> Callable[[Harness], Awaitable[None]]:
    @wire
    async def run(harness: WireHarness) -> None:
        """What goes wrong before the answer begins is one error of the tree."""
        async with harness.acting(play, limits=replace(PATIENT, first_byte=_QUICK) if quick else PATIENT) as stage:
            expect_error(await within(harness, ask(stage.provider), "an answer that never began goes on"), *kinds)
            await within(harness, stage.until_left(), "the connection stays open")

    return run


@wire
async def silence_after_the_headers_is_bounded(harness: WireHarness) -> None:
    """The limit ``first_byte`` bounds the wait for the first event, not only for the headers."""

    async def play(peer: Peer) -> None:
        await peer.stream_head(harness.dialect.media_type)
        await peer.wait_gone()

    async with harness.acting(play, limits=replace(PATIENT, first_byte=_QUICK, idle=_QUICK)) as stage:
        found = await within(harness, ask(stage.provider), "silence after the headers goes on")
        expect_error(found, ModelServerTimedOut)
        await within(harness, stage.until_left(), "the connection stays open")


@wire
async def silence_instead_of_a_list_is_bounded(harness: WireHarness) -> None:
    """The limit ``reply`` bounds ``list_models`` and ``check_health``."""
    async with harness.acting(_hang, limits=replace(PATIENT, reply=_QUICK)) as stage:
        listed = fails(stage.provider.list_models(), ModelServerTimedOut)
        await within(harness, listed, "list_models waits for ever")
        checked = fails(stage.provider.check_health(), ModelServerTimedOut)
        await within(harness, checked, "check_health waits for ever")


def _after(play: Play, *kinds: type[DeeperError], quick: bool = False) -> Callable[[Harness], Awaitable[None]]:
    @wire
    async def run(harness: WireHarness) -> None:
        """What goes wrong in mid-stream is one error of the tree, after the text that came."""
        seen = asyncio.Event()

        async def begin(peer: Peer) -> None:
            await peer.stream_head(harness.dialect.media_type)
            await peer.chunk(harness.dialect.delta(Delta(content="Hello")))
            await seen.wait()
            await play(peer)

        async with harness.acting(begin, limits=replace(PATIENT, idle=_QUICK) if quick else PATIENT) as stage:
            events = stage.provider.chat_stream(question())
            first = await anext(events)
            expect(isinstance(first, Delta) and first.content == "Hello", "the text did not come")
            seen.set()
            expect_error(await within(harness, collect(events), "an answer that broke goes on"), *kinds)
            await within(harness, stage.until_left(), "the connection stays open")

    return run


@wire
async def blanks_do_not_count_as_progress(harness: WireHarness) -> None:
    """The limit ``idle`` holds for a stream that is busy and says nothing."""

    async def play(peer: Peer) -> None:
        await peer.chunk(harness.dialect.blank())
        await peer.chunk(harness.dialect.blank())
        while True:
            await peer.chunk(harness.dialect.blank())
            await asyncio.sleep(_QUICK / 20)

    await _after(play, ModelServerTimedOut, quick=True)(harness)


@wire
async def blanks_are_passed_over(harness: WireHarness) -> None:
    """Frames that say nothing neither end nor change an answer."""
    dialect = harness.dialect

    async def play(peer: Peer) -> None:
        await peer.stream_head(dialect.media_type)
        for frame in (dialect.delta(Delta(content="He")), dialect.delta(Delta(content="llo")), dialect.finish(STOP)):
            await peer.chunk(dialect.blank() + frame)
        await peer.chunk(b"")

    async with harness.acting(play) as stage:
        found = await ask(stage.provider)
        expect(found.finish and found.content == "Hello", f"the text was {found.content!r}, {found.error!r}")


@wire
async def the_readers_slowness_is_not_silence(harness: WireHarness) -> None:
    """Time that the reader takes is not counted as silence."""
    gate = asyncio.Event()
    script = (Delta(content="He"), gate, Delta(content="llo"), STOP)
    async with harness.stage(script, limits=replace(PATIENT, idle=2 * _QUICK)) as stage:
        events = stage.provider.chat_stream(question())
        await anext(events)
        # Longer than the upstream may be silent: time itself is what is tested here.
        await asyncio.sleep(3 * _QUICK)
        gate.set()
        found = await collect(events)
        expect(found.finish, f"the reader was slow, and the upstream was blamed: {found.error!r}")


@wire
async def nonsense_is_a_broken_protocol(harness: WireHarness) -> None:
    """Nonsense is ModelProtocolBroken, and what came before it in the same read is kept."""
    dialect = harness.dialect

    async def play(peer: Peer) -> None:
        await peer.stream_head(dialect.media_type)
        await peer.chunk(dialect.delta(Delta(content="Hello")) + dialect.nonsense() + dialect.finish(STOP))
        await peer.wait_gone()

    async with harness.acting(play) as stage:
        found = await within(harness, ask(stage.provider), "an answer that broke goes on")
        expect_error(found, ModelProtocolBroken)
        expect(found.content == "Hello", "the text before the nonsense was lost")


@wire
async def half_a_frame_is_an_answer_cut_off(harness: WireHarness) -> None:
    """An answer that ends within a frame is incomplete, and the frames before it are kept."""
    dialect = harness.dialect

    async def play(peer: Peer) -> None:
        await peer.stream_head(dialect.media_type)
        frame = dialect.delta(Delta(content="world"))
        await peer.chunk(dialect.delta(Delta(content="Hello")) + frame[: len(frame) // 2])
        await peer.chunk(b"")

    async with harness.acting(play) as stage:
        found = await ask(stage.provider)
        expect_error(found, AnswerIncomplete)
        expect(found.content == "Hello", f"the text was {found.content!r}")


@wire
async def a_body_without_length_can_be_cut_too(harness: WireHarness) -> None:
    """A body that lasts until the connection closes ends no answer by closing."""

    async def play(peer: Peer) -> None:
        await peer.head(200, f"Content-Type: {harness.dialect.media_type}")
        await peer.send(harness.dialect.delta(Delta(content="Hello")))

    async with harness.acting(play) as stage:
        found = await ask(stage.provider)
        expect_error(found, AnswerIncomplete)
        expect(found.content == "Hello", "the text before the end was lost")


@wire
async def an_open_connection_holds_no_finish_back(harness: WireHarness) -> None:
    """Once the answer is whole, nobody waits for the connection to end."""

    async def play(peer: Peer) -> None:
        await peer.stream_head(harness.dialect.media_type)
        await peer.chunk(harness.dialect.delta(Delta(content="Hello")) + harness.dialect.finish(STOP))
        await peer.wait_gone()

    async with harness.acting(play) as stage:
        found = await within(harness, ask(stage.provider), "the Finish is held back")
        expect(found.finish, f"a whole answer ended with {found.error!r}")
        await within(harness, stage.until_left(), "the connection stays open")


@wire
async def an_endless_frame_is_cut_off(harness: WireHarness) -> None:
    """The limit ``line_bytes`` bounds one frame."""
    frame = harness.dialect.delta(Delta(content="x" * 1_000_000))

    async def play(peer: Peer) -> None:
        await peer.stream_head(harness.dialect.media_type)
        await peer.chunk(frame[:500_000])
        await peer.wait_gone()

    async with harness.acting(play, limits=replace(PATIENT, line_bytes=100_000)) as stage:
        expect_error(await within(harness, ask(stage.provider), "an endless frame is read"), ModelProtocolBroken)


@wire
async def an_endless_answer_is_cut_off(harness: WireHarness) -> None:
    """The limit ``answer_bytes`` bounds a whole answer."""

    async def play(peer: Peer) -> None:
        await peer.stream_head(harness.dialect.media_type)
        for _ in range(1_000):
            await peer.chunk(harness.dialect.delta(Delta(content="x" * 4_000)))
            await asyncio.sleep(0)

    async with harness.acting(play, limits=replace(PATIENT, answer_bytes=1_000_000)) as stage:
        found = await ask(stage.provider)
        expect_error(found, ModelProtocolBroken)
        expect(0 < len(found.content) <= 1_000_000, f"{len(found.content)} bytes of a million were handed on")


@wire
async def an_endless_list_is_cut_off(harness: WireHarness) -> None:
    """The limit ``reply_bytes`` bounds a list of models."""

    async def play(peer: Peer) -> None:
        await peer.stream_head("application/json")
        reply = harness.dialect.reply(peer.request, [MODEL])
        await peer.chunk(b"" if reply is None else reply.body)
        for _ in range(64):
            await peer.chunk(b" " * 65_536)
        await peer.chunk(b"")

    async with harness.acting(play, limits=replace(PATIENT, reply_bytes=1_000_000)) as stage:
        await fails(stage.provider.list_models(), ModelProtocolBroken)
        await within(harness, stage.until_left(), "the connection stays open")


FAILING: tuple[Case, ...] = (
    case(a_server_that_is_not_there_is_unreachable, Ability.WIRE),
    case(a_connection_that_nobody_takes_is_unreachable, Ability.WIRE),
    case(_before(_hang, ModelServerTimedOut, quick=True), Ability.WIRE, name="silence_before_the_headers_is_bounded"),
    case(_before(_hang_up, ModelServerUnreachable), Ability.WIRE, name="hanging_up_before_the_headers_is_unreachable"),
    case(_before(_reset, ModelServerUnreachable), Ability.WIRE, name="a_reset_before_the_headers_is_unreachable"),
    case(_before(_talk_otherwise, ModelProtocolBroken), Ability.WIRE, name="what_is_not_http_is_a_broken_protocol"),
    case(_before(_redirect, ModelProtocolBroken), Ability.WIRE, name="a_redirect_is_not_followed"),
    case(silence_after_the_headers_is_bounded, Ability.WIRE),
    case(silence_instead_of_a_list_is_bounded, Ability.WIRE),
    case(_after(_hang, ModelServerTimedOut, quick=True), Ability.WIRE, name="silence_in_mid_stream_is_bounded"),
    case(_after(_hang_up, AnswerIncomplete), Ability.WIRE, name="hanging_up_in_mid_stream_is_incomplete"),
    case(_after(_reset, AnswerIncomplete), Ability.WIRE, name="a_reset_in_mid_stream_is_incomplete"),
    case(_after(_break_chunk, ModelProtocolBroken), Ability.WIRE, name="a_broken_chunk_is_a_broken_protocol"),
    case(blanks_do_not_count_as_progress, Ability.WIRE, Ability.BLANKS),
    case(blanks_are_passed_over, Ability.WIRE, Ability.BLANKS),
    case(the_readers_slowness_is_not_silence, Ability.WIRE),
    case(nonsense_is_a_broken_protocol, Ability.WIRE),
    case(half_a_frame_is_an_answer_cut_off, Ability.WIRE),
    case(a_body_without_length_can_be_cut_too, Ability.WIRE),
    case(an_open_connection_holds_no_finish_back, Ability.WIRE),
    case(an_endless_frame_is_cut_off, Ability.WIRE, Ability.SIZE_LIMITS),
    case(an_endless_answer_is_cut_off, Ability.WIRE, Ability.SIZE_LIMITS),
    case(an_endless_list_is_cut_off, Ability.WIRE, Ability.SIZE_LIMITS),
)
