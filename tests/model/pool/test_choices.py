"""Which server is asked, as a function of values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deeper_core import (
    AnswerIncomplete,
    Conflict,
    ContextTooLong,
    DeeperError,
    ModelNotFound,
    ModelOutOfMemory,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerRejected,
    ModelServerTimedOut,
)
from deeper_model.pool import Candidate, choose, may_pass_on


def chosen(*candidates: Candidate, besides: tuple[str, ...] = ()) -> str | None:
    """The same whatever the order."""
    found = {
        None if each is None else each.name
        for each in (choose(candidates, besides), choose(tuple(reversed(candidates)), besides))
    }
    [name] = found
    return name


A, B = Candidate(name="a", turn=1), Candidate(name="b", turn=2)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (A, B, "a"),
        (replace(A, turn=3), B, "b"),
        (replace(A, in_flight=1), B, "b"),
        (replace(A, in_flight=3, weight=4), B, "a"),
        (replace(A, in_flight=4, weight=4), B, "b"),
        (replace(A, loaded=False), replace(B, in_flight=1), "b"),
        (replace(A, loaded=False), replace(B, in_flight=2), "a"),
        (replace(A, loaded=False), replace(B, weight=2, in_flight=2), "b"),
        (replace(A, loaded=False, weight=4), replace(B, weight=4, in_flight=3), "b"),
        (replace(A, loaded=False, weight=4), replace(B, weight=4, in_flight=5), "a"),
        (replace(A, doubtful=True), replace(B, in_flight=9, loaded=False), "b"),
        (replace(A, state="half_open", in_flight=9, doubtful=True), B, "a"),
        (replace(A, state="half_open", askable=False), B, "b"),
        (replace(A, lists=None), replace(B, in_flight=9, doubtful=True), "b"),
        (replace(A, lists=False), replace(B, lists=None), "b"),
        (replace(A, resting=True), replace(B, doubtful=True), "b"),
        (replace(A, state="open", askable=False), replace(B, in_flight=99), "b"),
        (replace(A, resting=True), replace(B, lists=False), None),
    ],
)
def test_the_choice_is_as_the_table_says(first: Candidate, second: Candidate, expected: str | None) -> None:
    assert chosen(first, second) == expected


def test_nobody_is_chosen_who_is_excepted() -> None:
    assert chosen(A, B, besides=("a",)) == "b"
    assert chosen(A, B, besides=("a", "b")) is None
    assert choose([]) is None


_CANDIDATES = st.lists(
    st.builds(
        Candidate,
        name=st.sampled_from("abcdefgh"),
        weight=st.floats(0.1, 100),
        in_flight=st.integers(0, 1_000),
        lists=st.sampled_from([True, False, None]),
        loaded=st.booleans(),
        state=st.sampled_from(["up", "half_open"]),
        askable=st.booleans(),
        doubtful=st.booleans(),
        resting=st.booleans(),
        turn=st.integers(0, 1_000),
    ),
    unique_by=lambda each: each.name,
)


@given(_CANDIDATES, st.sets(st.sampled_from("abcdefgh")))
def test_somebody_is_chosen_who_may_be_if_there_is_anybody(candidates: list[Candidate], besides: set[str]) -> None:
    able = {
        each.name: each
        for each in candidates
        if each.lists is not False and each.askable and not each.resting and each.name not in besides
    }
    found = choose(candidates, besides)
    if found is None:
        assert not able
        return
    assert able[found.name] == found
    rivals = [each for each in able.values() if each.lists is found.lists and each.state == found.state]
    assert found.lists is True or not any(each.lists for each in able.values())
    assert not found.doubtful or all(each.doubtful for each in rivals)


@given(st.lists(st.integers(1, 8), min_size=2, max_size=6), st.integers(1, 200))
def test_answers_that_do_not_end_are_shared_out_by_weight(weights: list[int], answers: int) -> None:
    servers = [Candidate(name=str(number), weight=weight) for number, weight in enumerate(weights)]
    for turn in range(answers):
        found = choose(servers)
        assert found is not None
        servers = [
            replace(each, in_flight=each.in_flight + 1, turn=turn) if each is found else each for each in servers
        ]
    loads = [each.in_flight / each.weight for each in servers]
    assert max(loads) - min(loads) <= 1 / min(weights) + 1e-9


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ModelServerOverloaded(), True),
        (ModelServerTimedOut(), True),
        (ModelServerFailed(), True),
        (AnswerIncomplete(), True),
        (ModelOutOfMemory(), True),
        (ModelNotFound(), True),
        (ModelServerRejected(), False),
        (ContextTooLong(), False),
        (Conflict(), False),
    ],
)
def test_what_is_the_requests_own_fault_is_asked_of_nobody_else(error: DeeperError, *, passes: bool) -> None:
    assert may_pass_on(error) is passes
