"""Asking again: when, how often, and never after the first delta."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_core import (
    AnswerIncomplete,
    ChatMessage,
    ChatRequest,
    ChatRole,
    ContextTooLong,
    DeeperError,
    Delta,
    Finish,
    FinishReason,
    ModelNotFound,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerTimedOut,
    ModelServerUnreachable,
)
from deeper_model import RetryingProvider, RetryPolicy, ScriptedProvider, retry_delay
from tests.model.dialects import outcome

POLICY = RetryPolicy(attempts=4, base=1.0, factor=2.0, longest=3.0, total=10.0)
FINISH = Finish(reason=FinishReason.STOP)
QUESTION = ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content="Hi"),))

TABLE: list[tuple[DeeperError, int, float, float, float | None]] = [
    # error, attempt, elapsed, chance, delay
    (ModelServerUnreachable(), 1, 0.0, 1.0, 1.0),
    (ModelServerUnreachable(), 1, 0.0, 0.5, 0.5),
    (ModelServerUnreachable(), 2, 0.0, 1.0, 2.0),
    (ModelServerUnreachable(), 3, 0.0, 1.0, 3.0),
    (ModelServerUnreachable(), 4, 0.0, 1.0, None),
    (ModelServerUnreachable(), 1, 9.5, 1.0, None),
    (ModelServerUnreachable(), 1, 9.5, 0.5, 0.5),
    (ModelServerOverloaded(retry_after=5), 1, 0.0, 0.0, 5.0),
    (ModelServerOverloaded(retry_after=5), 1, 0.0, 1.0, 5.5),
    (ModelServerOverloaded(retry_after=0), 1, 0.0, 1.0, 0.0),
    (ModelServerOverloaded(retry_after=60), 1, 0.0, 0.0, None),
    (ModelServerFailed(), 1, 0.0, 0.5, None),
    (ModelServerTimedOut(), 1, 0.0, 0.5, None),
    (AnswerIncomplete(), 1, 0.0, 0.5, None),
    (ContextTooLong(), 1, 0.0, 0.5, None),
    (ModelNotFound(), 1, 0.0, 0.5, None),
]


@pytest.mark.parametrize(("error", "attempt", "elapsed", "chance", "delay"), TABLE)
def test_the_delay_is_as_the_table_says(
    error: DeeperError, attempt: int, elapsed: float, chance: float, delay: float | None
) -> None:
    assert retry_delay(POLICY, error, attempt=attempt, elapsed=elapsed, chance=chance) == delay


@given(
    attempts=st.integers(0, 5_000),
    attempt=st.integers(1, 5_000),
    elapsed=st.floats(0, 1e6),
    chance=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 3_600),
)
def test_no_delay_is_negative_or_leads_past_the_total_time(
    attempts: int, attempt: int, elapsed: float, chance: float, retry_after: float | None
) -> None:
    policy = msgspec.structs.replace(POLICY, attempts=attempts)
    error = ModelServerOverloaded(retry_after=retry_after)
    delay = retry_delay(policy, error, attempt=attempt, elapsed=elapsed, chance=chance)
    if delay is None:
        return
    assert attempt < attempts
    assert delay >= 0
    assert elapsed + delay <= 10.0
    assert delay >= retry_after if retry_after is not None else delay <= policy.longest


class Sleeps:
    """Remembers the sleeps and takes none."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def retrying(
    *scripts: tuple[Delta | Finish | ModelServerUnreachable, ...],
) -> tuple[RetryingProvider, ScriptedProvider, Sleeps]:
    inner, sleeps = ScriptedProvider(), Sleeps()
    for script in scripts:
        inner.play(*script)
    return RetryingProvider(inner, POLICY, sleep=sleeps, draw=lambda: 1.0), inner, sleeps


async def test_an_answer_that_fails_before_its_first_delta_is_asked_for_again() -> None:
    provider, inner, sleeps = retrying(
        (ModelServerUnreachable(),), (ModelServerUnreachable(),), (Delta(content="Hi"), FINISH)
    )
    found = await outcome(provider, QUESTION)
    assert found.content == "Hi"
    assert len(inner.requests) == 3
    assert sleeps.taken == [1.0, 2.0]


async def test_an_answer_that_fails_after_its_first_delta_is_not_asked_for_again() -> None:
    provider, inner, sleeps = retrying((Delta(content="Hi"), ModelServerUnreachable()))
    found = await outcome(provider, QUESTION)
    assert found.content == "Hi"
    assert type(found.error) is ModelServerUnreachable
    assert len(inner.requests) == 1
    assert sleeps.taken == []


async def test_the_last_error_comes_out_when_all_attempts_are_used() -> None:
    provider, inner, _ = retrying(*[(ModelServerUnreachable(),)] * 9)
    assert type((await outcome(provider, QUESTION)).error) is ModelServerUnreachable
    assert len(inner.requests) == POLICY.attempts


async def test_everything_but_the_chat_goes_straight_through() -> None:
    provider, inner, _ = retrying()
    assert provider.name == inner.name
    assert await provider.list_models() == await inner.list_models()
    inner.fault = ModelServerUnreachable()
    with pytest.raises(ModelServerUnreachable):
        await provider.check_health()
    inner.fault = None
    await provider.close()
    with pytest.raises(ModelServerUnreachable):
        await inner.check_health()
