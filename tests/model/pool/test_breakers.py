"""The breaker, as a value."""

from hypothesis import given
from hypothesis import strategies as st

from deeper_core import (
    AnswerIncomplete,
    ContextTooLong,
    DeeperError,
    ErrorCode,
    ModelNotFound,
    ModelOutOfMemory,
    ModelProtocolBroken,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerRejected,
    ModelServerTimedOut,
    ModelServerUnreachable,
)
from deeper_model.pool import Breaker, BreakerPolicy
from deeper_model.pool.breakers import is_fault

POLICY = BreakerPolicy(failures=3, pause=10.0, longest=35.0)
FAULT = ModelServerFailed()


def failed(times: int, *, breaker: Breaker | None = None, at: float = 0.0, by_look: bool = False) -> Breaker:
    breaker = breaker or Breaker()
    for _ in range(times):
        breaker = breaker.fail(FAULT, at, POLICY, by_look=by_look)
    return breaker


def half_open(at: float = 0.0) -> Breaker:
    return failed(3, at=at).answer()


def test_faults_are_what_a_server_does_wrong_whatever_it_is_asked() -> None:
    faults = (ModelServerUnreachable, ModelServerTimedOut, ModelServerFailed, ModelProtocolBroken, AnswerIncomplete)
    others = (ModelNotFound, ContextTooLong, ModelServerRejected, ModelOutOfMemory, ModelServerOverloaded)
    assert all(is_fault(kind()) for kind in faults)
    assert not any(is_fault(kind()) for kind in others)


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    assert failed(2).state(0.0) == "up"
    assert failed(3).state(0.0) == "open"
    assert failed(2, breaker=failed(2).succeed()).state(0.0) == "up"


def test_it_is_half_open_when_the_pause_is_over_and_the_server_has_answered_since() -> None:
    assert failed(3).state(1e9) == "open"
    assert half_open().state(9.9) == "open"
    assert half_open().state(10.0) == "half_open"


def test_a_failure_while_it_is_open_begins_the_pause_anew() -> None:
    again = failed(1, breaker=half_open(), at=5.0)
    assert again.state(100.0) == "open"
    assert again.answer().state(14.9) == "open"
    assert again.answer().state(15.0) == "half_open"


def test_one_request_is_let_through_while_it_is_half_open() -> None:
    assert half_open().lets_through(10.0)
    probing = half_open().probe()
    assert probing.state(10.0) == "half_open"
    assert not probing.lets_through(10.0)
    assert probing.give_up().lets_through(10.0)


def test_the_pause_grows_with_each_such_request_that_fails() -> None:
    breaker, pauses = half_open(), [10.0]
    for _ in range(3):
        breaker = breaker.probe().fail(FAULT, 0.0, POLICY, probe=True).answer()
        pauses.append(breaker.pause)
    assert pauses == [10.0, 20.0, 35.0, 35.0]
    assert not breaker.probing


def test_an_answer_that_begins_closes_it_and_the_next_failure_opens_it_again() -> None:
    breaker = half_open().probe().begin(POLICY)
    assert breaker.state(10.0) == "up"
    assert failed(1, breaker=breaker).state(10.0) == "open"
    assert failed(2, breaker=breaker.succeed()).state(10.0) == "up"


def test_a_look_that_succeeds_disproves_failures_of_looks_only() -> None:
    assert failed(3, by_look=True).answer() == Breaker()
    assert failed(3).answer().state(0.0) == "open"
    assert failed(2).answer() == failed(2)
    assert failed(1, breaker=failed(2), by_look=True).answer() == Breaker()


def test_what_failed_a_moment_ago_is_doubtful() -> None:
    assert not Breaker().is_doubtful(0.0, POLICY)
    assert failed(1).is_doubtful(9.9, POLICY)
    assert not failed(1).is_doubtful(10.0, POLICY)


def test_it_remembers_the_last_error_until_an_answer_is_whole() -> None:
    assert failed(1).error is ErrorCode.MODEL_SERVER_FAILED
    assert failed(1).succeed().error is None


Step = tuple[str, float]
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["fail", "look fails", "answer", "enter", "begin", "succeed", "give up"]), st.floats(0, 20)
    )
)


@given(_STEPS)
def test_whatever_happens_one_request_at_most_is_under_way_while_it_is_open(steps: list[Step]) -> None:
    breaker, now, probes = Breaker(), 0.0, 0
    for step, seconds in steps:
        now += seconds
        match step:
            case "fail":
                breaker = breaker.fail(FAULT, now, POLICY, probe=probes > 0)
                probes = 0
            case "look fails":
                breaker = breaker.fail(FAULT, now, POLICY, by_look=True)
            case "answer":
                breaker = breaker.answer()
            case "enter" if breaker.lets_through(now) and breaker.state(now) == "half_open":
                breaker, probes = breaker.probe(), probes + 1
            case "begin" if probes:
                breaker, probes = breaker.begin(POLICY), 0
            case "succeed":
                breaker, probes = breaker.succeed(), 0
            case "give up" if probes:
                breaker, probes = breaker.give_up(), 0
            case _:
                pass
        if breaker.opened_at is None:
            probes = 0  # it is a request like others now
        assert probes <= 1
        assert breaker.probing is (probes == 1)
        assert breaker.opened_at is None or breaker.opened_at <= now
        assert 0 <= breaker.pause <= POLICY.longest
        assert (breaker.opened_at is not None) <= (breaker.failures >= POLICY.failures)
        assert breaker.lets_through(now) is (breaker.state(now) != "open" and not breaker.probing)


@given(st.sampled_from([ModelServerUnreachable(), ModelServerTimedOut(), AnswerIncomplete()]), st.integers(1, 20))
def test_it_opens_exactly_at_the_limit(error: DeeperError, limit: int) -> None:
    policy = BreakerPolicy(failures=limit)
    breaker = Breaker()
    for number in range(1, limit + 1):
        breaker = breaker.fail(error, 0.0, policy)
        assert (breaker.state(0.0) == "open") is (number == limit)
