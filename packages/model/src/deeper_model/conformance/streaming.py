"""Cases: what a stream brings, and in which order."""

import asyncio
from typing import Final

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
    Outcome,
    ask,
    case,
    collect,
    expect,
    expect_error,
    within,
)
from deeper_model.conformance.harnesses import Ability, Harness, Script, question

STOP = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))
HELLO: Script = (Delta(content="He"), Delta(content="llo"), STOP)
WORDS: Final = (
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
# So many answers at once have to be possible: each of these is one.
_MANY = "abcdefghijklmnopqrst"


def expect_pieces(found: Outcome, wanted: int) -> None:
    """Raise an AssertionError unless the deltas say that they hold so many pieces."""
    pieces = sum(delta.pieces for delta in found.deltas)
    expect(pieces == wanted, f"{wanted} pieces were said, and the deltas have {pieces}")


async def an_answer_is_its_text_in_order_and_one_finish(harness: Harness) -> None:
    """An answer is its text, whole and in order, and then exactly one Finish."""
    async with harness.stage(HELLO) as stage:
        found = await ask(stage.provider)
        expect(found.content == "Hello", f"the text was {found.content!r}")
        expect(found.finish and found.finish.reason is FinishReason.STOP, "an answer that was whole ends with STOP")
        await within(harness, stage.until_left(), "something stays open after an answer")


async def any_text_comes_as_it_was_said(harness: Harness) -> None:
    """Text is not changed, whatever characters it has and however the pieces are cut."""
    async with harness.stage((*(Delta(content=word) for word in WORDS), STOP)) as stage:
        found = await ask(stage.provider)
        expect(found.content == "".join(WORDS), "the text was changed")
        expect_pieces(found, len(WORDS))


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


async def what_was_not_counted_is_not_told(harness: Harness) -> None:
    """An answer whose tokens the upstream did not count has no usage, whatever earlier answers had."""
    async with harness.stage(HELLO, (Delta(content="He"), Finish(reason=FinishReason.STOP))) as stage:
        await ask(stage.provider)
        found = await ask(stage.provider)
        expect(found.finish, f"an answer without counts failed: {found.error!r}")
        expect(found.finish and found.finish.usage is None, "nobody counted, and there is a usage")


async def the_finish_tells_the_time(harness: Harness) -> None:
    """``first_token_ms`` and ``total_ms`` are measured from the start of the request."""
    async with harness.stage(HELLO) as stage:
        found = await ask(stage.provider)
        timings = found.finish and found.finish.timings
        if timings is None or timings.first_token_ms is None or timings.total_ms is None:
            raise AssertionError("the times were not measured")
        expect(0 <= timings.first_token_ms <= timings.total_ms, "the first text did not come before the end")
        expect(timings.total_ms > 0, "an answer takes time")


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
    """One provider gives many answers at once, and those that wait do not hold up another."""
    gate = asyncio.Event()
    scripts: list[Script] = [(Delta(content=letter), gate, Delta(content=letter), STOP) for letter in _MANY]
    async with harness.stage(*scripts, HELLO) as stage:
        slow = [stage.provider.chat_stream(question()) for _ in scripts]
        first = [await within(harness, anext(events), "an answer waited for another") for events in slow]
        quick = await within(harness, ask(stage.provider), "an answer waited for another")
        gate.set()
        rest = [await collect(events) for events in slow]
        found = [isinstance(one, Delta) and one.content + other.content for one, other in zip(first, rest, strict=True)]
        expect(found == [2 * letter for letter in _MANY], f"answers were mixed up: {found}")
        expect(quick.content == "Hello", "answers were mixed up")


async def many_answers_in_a_row_are_all_whole(harness: Harness) -> None:
    """The next answer does not depend on what became of the connection of the last."""
    async with harness.stage(HELLO) as stage:
        for _ in range(20):
            expect((await ask(stage.provider)).content == "Hello", "an answer was not whole")


STREAMING: tuple[Case, ...] = (
    case(an_answer_is_its_text_in_order_and_one_finish),
    case(any_text_comes_as_it_was_said),
    case(long_pieces_come_whole),
    case(an_empty_answer_is_a_finish),
    case(a_delta_comes_when_it_was_said),
    case(the_finish_tells_why),
    case(the_finish_tells_the_usage, Ability.USAGE),
    case(what_was_not_counted_is_not_told, Ability.USAGE),
    case(the_finish_tells_the_time, Ability.TIMINGS),
    case(thinking_is_no_content, Ability.THINKING),
    case(whole_tool_calls_are_kept_apart, Ability.TOOL_CALLS),
    case(fragments_of_tool_calls_are_joined_by_their_index, Ability.TOOL_CALLS, Ability.FRAGMENTS),
    case(nothing_is_asked_before_the_first_step),
    case(an_answer_that_breaks_off_is_incomplete),
    case(an_empty_stream_is_incomplete),
    case(answers_at_the_same_time_are_kept_apart),
    case(many_answers_in_a_row_are_all_whole),
)
