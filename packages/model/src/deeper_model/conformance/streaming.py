"""Cases: what a stream brings, and in which order."""

import asyncio

from deeper_core import (
    AnswerIncomplete,
    Delta,
    Finish,
    FinishReason,
    FunctionCall,
    FunctionCallDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    join_tool_calls,
)
from deeper_model.conformance.cases import (
    Case,
    ask,
    case,
    collect,
    expect,
    expect_error,
    wire,
    within,
)
from deeper_model.conformance.harnesses import Ability, Harness, Script, WireHarness, question
from deeper_model.conformance.upstreams import Peer

STOP = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))
HELLO: Script = (Delta(content="He"), Delta(content="llo"), STOP)
_WORDS = (
    " \n",
    "a",
    " b",
    "\n",
    "é",
    "😀",
    "\u200d",
    "e\u0301",
    '"\\',
    "{}",
    "data: x\n\n",
    "\u2028",
    "漢字",
    "</s>",
    "\n ",
)


async def an_answer_is_its_text_in_order_and_one_finish(harness: Harness) -> None:
    """An answer is its text, whole and in order, and then exactly one Finish."""
    async with harness.stage(HELLO) as stage:
        found = await ask(stage.provider)
        expect(found.content == "Hello", f"the text was {found.content!r}")
        expect(found.finish and found.finish.reason is FinishReason.STOP, "an answer that was whole ends with STOP")
        await within(harness, stage.until_left(), "something stays open after an answer")


async def any_text_comes_as_it_was_said(harness: Harness) -> None:
    """Text is not changed, whatever characters it has and however the pieces are cut."""
    async with harness.stage((*(Delta(content=word) for word in _WORDS), STOP)) as stage:
        expect((await ask(stage.provider)).content == "".join(_WORDS), "the text was changed")


async def long_pieces_come_whole(harness: Harness) -> None:
    """A piece of some hundred kilobytes is no reason to give up."""
    text = "0123456789" * 30_000
    async with harness.stage((Delta(content=text), STOP)) as stage:
        expect((await ask(stage.provider)).content == text, "a long piece did not come whole")


async def an_empty_answer_is_a_finish(harness: Harness) -> None:
    """An answer without text is a Finish."""
    async with harness.stage((STOP,)) as stage:
        found = await ask(stage.provider)
        expect(found.finish and not found.content, "an empty answer is whole")


async def a_delta_comes_when_it_was_said(harness: Harness) -> None:
    """A Delta is handed on before the model says more."""
    gate = asyncio.Event()
    async with harness.stage((Delta(content="He"), gate, Delta(content="llo"), STOP)) as stage:
        events = stage.provider.chat_stream(question())
        first = await within(harness, anext(events), "the first text was held back")
        expect(isinstance(first, Delta) and first.content == "He", f"the first event was {first!r}")
        gate.set()
        expect((await collect(events)).content == "llo", "the rest of the text did not come")


async def the_finish_tells_why(harness: Harness) -> None:
    """An answer that was cut by a limit ends with LENGTH."""
    async with harness.stage((Delta(content="He"), Finish(reason=FinishReason.LENGTH))) as stage:
        found = await ask(stage.provider)
        expect(found.finish and found.finish.reason is FinishReason.LENGTH, "the reason is LENGTH")


async def the_finish_tells_the_usage(harness: Harness) -> None:
    """Counts of tokens are those that the upstream told, and not called estimated."""
    async with harness.stage(HELLO) as stage:
        found = await ask(stage.provider)
        expect(found.finish and found.finish.usage == STOP.usage, "the usage is not what the upstream told")


async def the_finish_tells_the_time(harness: Harness) -> None:
    """``first_token_ms`` and ``total_ms`` are measured from the start of the request."""
    async with harness.stage(HELLO) as stage:
        found = await ask(stage.provider)
        timings = found.finish and found.finish.timings
        if timings is None or timings.first_token_ms is None or timings.total_ms is None:
            raise AssertionError("the times were not measured")
        expect(0 <= timings.first_token_ms <= timings.total_ms, "the first text did not come before the end")


async def thinking_is_no_content(harness: Harness) -> None:
    """What a model thinks is in ``thinking`` and not in ``content``."""
    script = (Delta(thinking="hm"), Delta(thinking=" 😀"), Delta(content="Yes"), STOP)
    async with harness.stage(script) as stage:
        found = await ask(stage.provider)
        expect((found.thinking, found.content) == ("hm 😀", "Yes"), "thinking and content were mixed up")


async def _calls(harness: Harness, *pieces: ToolCallDelta) -> tuple[ToolCall, ...]:
    deltas = (Delta(tool_calls=(piece,)) for piece in pieces)
    async with harness.stage((*deltas, Finish(reason=FinishReason.TOOL_CALLS))) as stage:
        found = await ask(stage.provider)
        expect(found.finish and found.finish.reason is FinishReason.TOOL_CALLS, "the reason is TOOL_CALLS")
        expect(not found.content, "a tool call is no text")
        calls = [call for delta in found.deltas for call in delta.tool_calls]
        expect(all(call.id or call.index in {earlier.index for earlier in calls[:place]}
                   for place, call in enumerate(calls)), "the first piece of a call has its id")  # fmt: skip
        return join_tool_calls(calls)


def _piece(index: int, call_id: str | None, name: str | None, arguments: str) -> ToolCallDelta:
    return ToolCallDelta(index=index, id=call_id, function=FunctionCallDelta(name=name, arguments=arguments))


async def whole_tool_calls_are_kept_apart(harness: Harness) -> None:
    """Two calls in one answer are two, with their names and arguments."""
    made = await _calls(harness, _piece(0, "a", "f", '{"x":1}'), _piece(1, "b", "f", '{"x":2}'))
    told = [(call.function.name, call.function.arguments) for call in made]
    expect(told == [("f", '{"x":1}'), ("f", '{"x":2}')], f"the calls were {told}")
    expect(len({call.id for call in made}) == 2, "two calls have two ids")


async def fragments_of_tool_calls_are_joined_by_their_index(harness: Harness) -> None:
    """Fragments of calls come with the index of their call, even when the calls alternate."""
    made = await _calls(
        harness,
        _piece(0, "a", "f", '{"x":'),
        _piece(1, "b", "g", ""),
        _piece(0, None, None, "1}"),
        _piece(1, None, None, "{}"),
    )
    wanted = (
        ToolCall(id="a", function=FunctionCall(name="f", arguments='{"x":1}')),
        ToolCall(id="b", function=FunctionCall(name="g", arguments="{}")),
    )
    expect(made == wanted, f"the calls were {made}")


async def nothing_is_asked_before_the_first_step(harness: Harness) -> None:
    """A stream that nobody begins to read asks nothing."""
    async with harness.stage(HELLO) as stage:
        await stage.provider.chat_stream(question()).aclose()
        expect(stage.asked == 0, "chat_stream asked before anybody read")


async def an_answer_that_breaks_off_is_incomplete(harness: Harness) -> None:
    """A stream that ends without saying so raises AnswerIncomplete, after the text that came."""
    async with harness.stage((Delta(content="Hello"),)) as stage:
        found = await ask(stage.provider)
        expect_error(found, AnswerIncomplete)
        expect(found.content == "Hello", "the text before the end was lost")


async def an_empty_stream_is_incomplete(harness: Harness) -> None:
    """A stream that ends before it said anything raises AnswerIncomplete."""
    async with harness.stage(()) as stage:
        expect_error(await ask(stage.provider), AnswerIncomplete)


async def answers_at_the_same_time_are_kept_apart(harness: Harness) -> None:
    """One provider gives several answers at once, and one that waits does not hold up another."""
    gate = asyncio.Event()
    async with harness.stage((Delta(content="a"), gate, Delta(content="a"), STOP), HELLO) as stage:
        slow = stage.provider.chat_stream(question())
        first = await anext(slow)
        quick = await within(harness, ask(stage.provider), "an answer waited for another")
        gate.set()
        rest = await collect(slow)
        expect(isinstance(first, Delta) and first.content + rest.content == "aa", "answers were mixed up")
        expect(quick.content == "Hello", "answers were mixed up")


async def many_answers_in_a_row_are_all_whole(harness: Harness) -> None:
    """The next answer does not depend on what became of the connection of the last."""
    async with harness.stage(HELLO) as stage:
        for _ in range(20):
            expect((await ask(stage.provider)).content == "Hello", "an answer was not whole")


@wire
async def text_is_the_same_wherever_the_bytes_are_cut(harness: WireHarness) -> None:
    """Reads end anywhere: in the middle of a frame, or of a character."""
    dialect = harness.dialect
    data = dialect.delta(Delta(content="é😀")) + dialect.delta(Delta(content="!")) + dialect.finish(STOP)
    places = iter(range(1, len(data)))

    async def play(peer: Peer) -> None:
        place = next(places)
        await peer.stream_head(dialect.media_type)
        await peer.chunk(data[:place])
        # The client reads in the same event loop, and so before the next chunk is sent.
        for _ in range(8):
            await asyncio.sleep(0)
        await peer.chunk(data[place:])
        await peer.chunk(b"")

    async with harness.acting(play) as stage:
        for place in range(1, len(data)):
            found = await ask(stage.provider)
            expect(found.content == "é😀!", f"cut after {place} bytes, the text was {found.content!r}")
            expect(found.finish, f"cut after {place} bytes, the answer failed: {found.error!r}")


@wire
async def text_is_the_same_byte_by_byte(harness: WireHarness) -> None:
    """Every read may bring one byte."""
    dialect = harness.dialect
    data = dialect.delta(Delta(content="é😀")) + dialect.finish(STOP)

    async def play(peer: Peer) -> None:
        await peer.stream_head(dialect.media_type)
        for place in range(len(data)):
            await peer.chunk(data[place : place + 1])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await peer.chunk(b"")

    async with harness.acting(play) as stage:
        found = await ask(stage.provider)
        expect(found.finish and found.content == "é😀", f"byte by byte, the text was {found.content!r}")


@wire
async def text_is_the_same_all_at_once(harness: WireHarness) -> None:
    """One read may bring a whole answer."""
    dialect = harness.dialect
    data = b"".join(dialect.delta(Delta(content=word)) for word in _WORDS) + dialect.finish(STOP)

    async def play(peer: Peer) -> None:
        await peer.stream_head(dialect.media_type)
        await peer.chunk(data)
        await peer.chunk(b"")

    async with harness.acting(play) as stage:
        found = await ask(stage.provider)
        expect(found.finish and found.content == "".join(_WORDS), f"at once, the text was {found.content!r}")


@wire
async def halves_of_pairs_become_characters(harness: WireHarness) -> None:
    """Text can be encoded and stored: pairs that were cut between deltas are joined, the rest and NUL are U+FFFD."""
    script = (Delta(content="a\ud83d"), Delta(content="\ude00b\x00\ud83d"), STOP)
    async with harness.stage(script) as stage:
        found = await ask(stage.provider)
        expect(found.content == "a😀b\ufffd\ufffd", f"the text was {found.content!r}")


STREAMING: tuple[Case, ...] = (
    case(an_answer_is_its_text_in_order_and_one_finish),
    case(any_text_comes_as_it_was_said),
    case(long_pieces_come_whole),
    case(an_empty_answer_is_a_finish),
    case(a_delta_comes_when_it_was_said),
    case(the_finish_tells_why),
    case(the_finish_tells_the_usage, Ability.USAGE),
    case(the_finish_tells_the_time, Ability.TIMINGS),
    case(thinking_is_no_content, Ability.THINKING),
    case(whole_tool_calls_are_kept_apart, Ability.TOOL_CALLS),
    case(fragments_of_tool_calls_are_joined_by_their_index, Ability.TOOL_CALLS, Ability.FRAGMENTS),
    case(nothing_is_asked_before_the_first_step),
    case(an_answer_that_breaks_off_is_incomplete),
    case(an_empty_stream_is_incomplete),
    case(answers_at_the_same_time_are_kept_apart),
    case(many_answers_in_a_row_are_all_whole),
    case(text_is_the_same_wherever_the_bytes_are_cut, Ability.WIRE),
    case(text_is_the_same_byte_by_byte, Ability.WIRE),
    case(text_is_the_same_all_at_once, Ability.WIRE),
    case(halves_of_pairs_become_characters, Ability.WIRE, Ability.PAIRS),
)
