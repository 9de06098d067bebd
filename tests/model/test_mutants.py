"""A provider with a fault fails the suite, in the case that is about this fault."""

import asyncio

import pytest
from msgspec.structs import replace

from deeper_core import Delta
from deeper_model import ModelProvider, ScriptedProvider, WireLimits
from deeper_model.conformance import CASES, Ability, Case, EngineHarness, WireHarness, cases, run_case
from tests.model.dialects import OPENAI, OpenAIDialect
from tests.model.mutants import (
    AlwaysHealthy,
    AlwaysStops,
    AnswersFewAtATime,
    AsksAgainInMidStream,
    AsksAnotherModel,
    BreaksCharacters,
    CallsTheReaderSilent,
    ClosesOnce,
    Faultless,
    FindsNonsense,
    FindsNothing,
    FindsOne,
    FinishesLists,
    FinishesTwice,
    ForgetsCounts,
    ForgetsOptions,
    ForgetsTheConversation,
    ForgetsTimes,
    ForgetsToClose,
    ForgetsTools,
    ForgetsWhenToComeBack,
    GivesNobodyATurn,
    HasNoName,
    HoldsTextBack,
    InventsCounts,
    InventsTimes,
    InventsWhenToComeBack,
    KeepsOldCounts,
    KnowsOneError,
    LeavesStreamsOpen,
    LeavesTasks,
    LetsForeignErrorsOut,
    LosesBytes,
    MiscountsPieces,
    MixesCallsUp,
    NeverCloses,
    NeverFinishes,
    OutlivesCancellation,
    ReadsAhead,
    RepeatsTheServersWords,
    StripsText,
    SwallowsCancellation,
    TakesAnyEndForTheEnd,
    ThinksAloud,
    TurnsTheConversationRound,
    WaitsForEver,
)
from tests.model.test_third_provider import WITHOUT, Parrotish, ParrotProvider

# Each fault, and the case that finds it.
FOUND: dict[type[Faultless], str] = {
    ForgetsTheConversation: "the_whole_conversation_is_asked",
    TurnsTheConversationRound: "the_whole_conversation_is_asked",
    AsksAnotherModel: "the_whole_conversation_is_asked",
    ForgetsTools: "tools_are_offered",
    ForgetsOptions: "options_are_passed_on",
    MiscountsPieces: "any_text_comes_as_it_was_said",
    InventsCounts: "what_was_not_counted_is_not_told",
    KeepsOldCounts: "what_was_not_counted_is_not_told",
    InventsTimes: "the_finish_tells_the_time",
    InventsWhenToComeBack: "a_refusal_is_ModelServerOverloaded",
    FindsOne: "all_models_are_listed",
    FindsNonsense: "a_list_that_is_nonsense_is_a_broken_protocol",
    FinishesLists: "cancelling_a_list_frees_the_upstream",
    HasNoName: "it_has_a_name",
    FinishesTwice: "an_answer_is_its_text_in_order_and_one_finish",
    NeverFinishes: "an_answer_is_its_text_in_order_and_one_finish",
    StripsText: "any_text_comes_as_it_was_said",
    ThinksAloud: "thinking_is_no_content",
    MixesCallsUp: "whole_tool_calls_are_kept_apart",
    ForgetsCounts: "the_finish_tells_the_usage",
    ForgetsTimes: "the_finish_tells_the_time",
    AlwaysStops: "the_finish_tells_why",
    GivesNobodyATurn: "a_fast_answer_lets_others_have_their_turn",
    HoldsTextBack: "a_delta_comes_when_it_was_said",
    SwallowsCancellation: "cancelling_in_mid_stream_frees_the_upstream",
    OutlivesCancellation: "cancelling_before_the_first_token_frees_the_upstream",
    ReadsAhead: "a_slow_reader_slows_the_upstream_down",
    LeavesStreamsOpen: "closing_the_stream_between_two_events_frees_the_upstream",
    LeavesTasks: "an_answer_is_its_text_in_order_and_one_finish",
    AnswersFewAtATime: "answers_at_the_same_time_are_kept_apart",
    CallsTheReaderSilent: "the_readers_slowness_is_not_silence",
    RepeatsTheServersWords: "a_refusal_is_ModelServerFailed",
    LetsForeignErrorsOut: "a_server_that_is_not_there_is_unreachable",
    KnowsOneError: "a_refusal_is_ContextTooLong",
    ForgetsWhenToComeBack: "a_busy_server_says_when_to_come_back",
    TakesAnyEndForTheEnd: "an_answer_that_breaks_off_is_incomplete",
    AsksAgainInMidStream: "an_answer_that_breaks_off_is_incomplete",
    ClosesOnce: "closing_twice_does_nothing",
    FindsNothing: "the_models_are_listed",
    AlwaysHealthy: "a_server_that_is_not_there_is_unreachable",
}
FOUND_IN_PARROTS: dict[type[ParrotProvider], str] = {
    LosesBytes: "text_is_the_same_wherever_the_bytes_are_cut",
    BreaksCharacters: "text_is_the_same_byte_by_byte",
    NeverCloses: "closing_twice_does_nothing",
    ForgetsToClose: "a_closed_provider_refuses_everything",
    WaitsForEver: "silence_before_the_headers_is_bounded",
}
FOUND_WITHOUT_LIMIT = {
    "connect": "a_connection_that_nobody_takes_is_unreachable",
    "first_byte": "silence_before_the_headers_is_bounded",
    "idle": "silence_in_mid_stream_is_bounded",
    "reply": "silence_instead_of_a_list_is_bounded",
    "line_bytes": "an_endless_frame_is_cut_off",
    "answer_bytes": "an_endless_answer_is_cut_off",
    "reply_bytes": "an_endless_list_is_cut_off",
}
BY_NAME: dict[str, Case] = {case.name: case for case in CASES}


def harness(fault: type[Faultless], soon: float) -> WireHarness:
    def make(url: str, limits: WireLimits) -> ModelProvider:
        return fault(OPENAI.provider(url, limits))

    return WireHarness(make, OPENAI, soon=soon)


@pytest.mark.parametrize("fault", FOUND, ids=lambda fault: fault.__name__)
def test_a_fault_is_found(fault: type[Faultless]) -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        run_case(BY_NAME[FOUND[fault]], harness(fault, 0.5))


@pytest.mark.parametrize("fault", FOUND_IN_PARROTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_reading_is_found(fault: type[ParrotProvider]) -> None:
    with pytest.raises(AssertionError):
        run_case(BY_NAME[FOUND_IN_PARROTS[fault]], WireHarness(fault, Parrotish(), WITHOUT, 0.5))


@pytest.mark.parametrize("limit", FOUND_WITHOUT_LIMIT)
def test_a_limit_that_is_not_kept_is_found(limit: str) -> None:
    def make(url: str, limits: WireLimits) -> ModelProvider:
        return OPENAI.provider(url, replace(limits, **{limit: None}))

    with pytest.raises(AssertionError):
        run_case(BY_NAME[FOUND_WITHOUT_LIMIT[limit]], WireHarness(make, OPENAI, soon=0.5))


@pytest.mark.parametrize("name", sorted({*FOUND.values(), *FOUND_IN_PARROTS.values(), *FOUND_WITHOUT_LIMIT.values()}))
def test_without_the_fault_the_same_case_passes(name: str) -> None:
    run_case(BY_NAME[name], harness(Faultless, 10.0))


def test_what_fails_goes_with_the_rule() -> None:
    with pytest.raises(AssertionError) as caught:
        run_case(BY_NAME["it_has_a_name"], harness(HasNoName, 0.5))
    assert caught.value.__notes__ == ["The rule: A provider has a name, by which logs call it."]


def test_an_exception_of_somebody_elses_is_told_and_named() -> None:
    with pytest.raises(AssertionError, match=r"what came out is no ModelServerError.*OSError\('connection refused'\)"):
        run_case(BY_NAME["an_empty_stream_is_incomplete"], harness(LetsForeignErrorsOut, 0.5))


def test_a_case_that_does_not_end_is_ended_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def it_waits_for_ever(_: object) -> None:
        """Nobody waits for ever."""
        await asyncio.Event().wait()

    monkeypatch.setattr(cases, "_LONGEST", 0.01)
    with pytest.raises(AssertionError, match="it_waits_for_ever: something did not end"):
        run_case(cases.case(it_waits_for_ever), harness(Faultless, 0.5))


class Mumbling(OpenAIDialect):
    """Has a fault of its own."""

    def delta(self, delta: Delta) -> bytes:
        raise NotImplementedError(delta)


def test_a_fault_of_the_dialect_is_not_taken_for_one_of_the_provider() -> None:
    mumbling = WireHarness(OPENAI.provider, Mumbling(), soon=0.5)
    with pytest.raises(NotImplementedError):
        run_case(BY_NAME["any_text_comes_as_it_was_said"], mumbling)


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_every_case_has_a_rule(one: Case) -> None:
    assert one.run.__doc__


def test_no_case_is_said_twice() -> None:
    assert len(BY_NAME) == len(CASES)


def test_a_harness_without_a_socket_has_to_say_so() -> None:
    silent = EngineHarness(lambda _: ScriptedProvider(), {})
    with pytest.raises(AssertionError, match="declares"):
        run_case(BY_NAME["a_redirect_is_not_followed"], silent)


def test_cases_apply_unless_what_they_need_is_declared_to_be_missing() -> None:
    declared = EngineHarness(lambda _: ScriptedProvider(), {Ability.WIRE: "it is in the process"})
    assert not BY_NAME["a_redirect_is_not_followed"].applies(declared)
    assert BY_NAME["an_empty_answer_is_a_finish"].applies(declared)
