"""One contract for buckets, wherever they are kept."""

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from deeper_api.limits.buckets import Bucket, Buckets, decision, take_from
from deeper_api.limits.memory_buckets import MemoryBuckets
from deeper_api.limits.redis import RedisScripts
from deeper_api.limits.redis_buckets import RedisBuckets
from tests.fixtures.postgres import wait_until
from tests.fixtures.redis import OwnRedis

# So slow that nothing of it comes back during a test.
SLOW = 1 / 3_600


@pytest.fixture(params=["memory", "redis"])
def buckets(request: pytest.FixtureRequest) -> Buckets:
    """Buckets of each kind, in turn."""
    return MemoryBuckets() if request.param == "memory" else request.getfixturevalue("in_redis")


@pytest.fixture
def in_redis(redis_scripts: RedisScripts) -> RedisBuckets:
    """Buckets in a Redis of the test's own, which is waited for."""
    return RedisBuckets(redis_scripts)


def bucket(name: str = "b", *, capacity: int = 3, per_second: float = SLOW, cost: int = 1) -> Bucket:
    return Bucket(name=name, capacity=capacity, per_second=per_second, cost=cost)


async def test_a_new_bucket_is_full(buckets: Buckets):
    [level] = (await buckets.take("me", [bucket()])).levels
    assert (level.remaining, level.wait) == (2, 0)


async def test_what_is_more_than_a_bucket_holds_is_refused(buckets: Buckets):
    allowed = [(await buckets.take("me", [bucket()])).allowed for _ in range(5)]
    assert allowed == [True] * 3 + [False] * 2


async def test_of_many_at_once_exactly_as_many_are_allowed_as_there_are_tokens(buckets: Buckets):
    given = await asyncio.gather(*(buckets.take("me", [bucket(capacity=20)]) for _ in range(70)))
    assert sum(each.allowed for each in given) == 20


async def test_whoever_is_refused_learns_how_long_to_wait_and_then_is_let_in(buckets: Buckets):
    quick = bucket(capacity=2, per_second=5)
    while (refused := await buckets.take("me", [quick])).allowed:
        pass  # it fills while it is emptied, on a busy machine maybe by one and more
    assert 0 < refused.retry_after <= 0.2
    await asyncio.sleep(refused.retry_after)  # what is tested is that this is long enough
    assert (await buckets.take("me", [quick])).allowed


async def test_being_refused_costs_nothing(buckets: Buckets):
    for _ in range(3):
        await buckets.take("me", [bucket()])
    first, second = [await buckets.take("me", [bucket()]) for _ in range(2)]
    assert second.retry_after <= first.retry_after
    assert (await buckets.take("me", [bucket(cost=0)])).allowed


async def test_of_several_buckets_all_are_taken_from_or_none(buckets: Buckets):
    small, large = bucket("small", capacity=1), bucket("large", capacity=9)
    first = await buckets.take("me", [large, small])
    second = await buckets.take("me", [large, small])
    assert (first.allowed, [level.remaining for level in first.levels]) == (True, [8, 0])
    assert (second.allowed, [level.remaining for level in second.levels]) == (False, [8, 0])
    assert [level.wait > 0 for level in second.levels] == [False, True]


async def test_buckets_of_different_callers_and_names_are_different(buckets: Buckets):
    one = bucket(capacity=1)
    assert (await buckets.take("me", [one])).allowed
    assert (await buckets.take("you", [one])).allowed
    assert (await buckets.take("me", [bucket("other", capacity=1)])).allowed
    assert not (await buckets.take("me", [one])).allowed


async def test_a_request_may_cost_several_tokens(buckets: Buckets):
    allowed = [(await buckets.take("me", [bucket(capacity=5, cost=2)])).allowed for _ in range(3)]
    assert allowed == [True, True, False]
    assert (await buckets.take("me", [bucket(capacity=5)])).allowed


async def test_tokens_can_be_given_back_but_not_beyond_what_the_bucket_holds(buckets: Buckets):
    await buckets.take("me", [bucket()])
    for _ in range(3):
        [level] = (await buckets.take("me", [bucket(cost=-1)])).levels
        assert level.remaining == 3
    assert [(await buckets.take("me", [bucket()])).allowed for _ in range(4)] == [True, True, True, False]


async def test_a_limit_that_is_lowered_holds_at_once(buckets: Buckets):
    for _ in range(8):
        await buckets.take("me", [bucket(capacity=9)])
    refused = await buckets.take("me", [bucket(capacity=2, per_second=0.1)])
    assert not refused.allowed
    assert refused.retry_after <= 10


async def test_what_is_overdue_is_taken_even_if_it_is_not_there_and_refuses_all_until_it_is_paid(buckets: Buckets):
    spent = replace(bucket(capacity=10), cost=12, overdue=True, debt=20)
    asked = replace(bucket(capacity=10), cost=0, debt=20)
    assert (await buckets.take("me", [asked])).allowed
    taken = await buckets.take("me", [spent])
    assert (taken.allowed, taken.levels[0].remaining) == (True, 0)
    refused = await buckets.take("me", [asked])
    assert not refused.allowed
    assert refused.retry_after == pytest.approx(2 / SLOW, rel=0.01)
    # Nobody ever owes more than the debt.
    for _ in range(3):
        await buckets.take("me", [spent])
    assert (await buckets.take("me", [asked])).retry_after == pytest.approx(20 / SLOW, rel=0.01)


async def test_once_it_is_paid_what_costs_nothing_is_let_in(buckets: Buckets):
    quick = bucket(capacity=2, per_second=10)
    asked = replace(quick, cost=0, debt=20)
    while (refused := await buckets.take("me", [asked])).allowed:
        await buckets.take("me", [replace(quick, cost=4, overdue=True, debt=20)])
    assert 0 < refused.retry_after <= 0.4
    await asyncio.sleep(refused.retry_after)  # what is tested is that this is long enough
    assert (await buckets.take("me", [asked])).allowed


# Redis alone


async def test_nothing_is_kept_of_a_bucket_that_is_full_again(in_redis: RedisBuckets, own_redis: OwnRedis):
    await in_redis.take("me", [bucket(per_second=20)])
    await in_redis.take("you", [bucket()])
    await in_redis.take("you", [bucket(cost=-1)])
    await asyncio.to_thread(wait_until, lambda: own_redis.say("DBSIZE") == ":0")


async def test_the_keys_of_a_call_are_in_one_slot_of_a_cluster(in_redis: RedisBuckets, own_redis: OwnRedis):
    await in_redis.take("me", [bucket("a"), bucket("b")])
    slots = {own_redis.say(f"CLUSTER KEYSLOT deeper:limits:{{me}}:{name}") for name in ("a", "b")}
    assert own_redis.say("EXISTS deeper:limits:{me}:a deeper:limits:{me}:b") == ":2"
    assert len(slots) == 1


# This process alone


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_share_of_a_limit_is_smaller_and_slower_but_never_nothing():
    kept = MemoryBuckets(share=0.25, clock=Clock())
    assert [(await kept.take("me", [bucket(capacity=8)])).allowed for _ in range(3)] == [True, True, False]
    assert (await kept.take("you", [bucket(capacity=1)])).allowed
    refused = await kept.take("you", [bucket(capacity=1, per_second=1)])
    assert refused.retry_after == pytest.approx(4)


async def test_what_is_full_again_and_what_is_too_much_is_forgotten():
    clock = Clock()
    kept = MemoryBuckets(clock=clock, most=10)
    for caller in range(50):
        await kept.take(str(caller), [bucket(per_second=1)])
    assert len(kept) == 10
    clock.now += 60
    await kept.take("me", [bucket(per_second=1)])
    assert len(kept) == 1


async def test_what_is_full_at_this_moment_is_forgotten():
    clock = Clock()
    kept = MemoryBuckets(clock=clock)
    await kept.take("me", [bucket(per_second=1)])
    clock.now += 1
    await kept.take("you", [bucket(per_second=1)])
    assert len(kept) == 1


async def test_what_was_taken_from_first_is_forgotten_first_whoever_was_refused_since():
    kept = MemoryBuckets(clock=Clock(), most=2)
    one = [bucket(capacity=1)]
    assert [(await kept.take(caller, one)).allowed for caller in ("me", "you", "me", "they")] == [
        True,
        True,
        False,
        True,
    ]
    assert not (await kept.take("you", one)).allowed
    assert (await kept.take("me", one)).allowed


async def test_time_is_counted_by_the_microsecond():
    clock = Clock()
    kept = MemoryBuckets(clock=clock)
    everything = [bucket(capacity=10_000, per_second=1, cost=10_000)]
    await kept.take("me", everything)
    clock.now += 5_000
    assert (await kept.take("me", everything)).retry_after == 5_000


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        (Bucket(name="b", capacity=10, per_second=2, debt=20), (3, 0.5, 5)),
        (Bucket(name="b", capacity=10, per_second=2, cost=5), (5, 0.5, 0)),
        (Bucket(name="b", capacity=10, per_second=2, cost=5, overdue=True, debt=7), (3, 0.5, 1)),
        (Bucket(name="b", capacity=1, per_second=2, cost=5, overdue=True), (1, 0.5, 0)),
        (Bucket(name="b", capacity=1, per_second=2, cost=0), (1, 0.5, 0)),
    ],
)
def test_a_quarter_of_a_bucket(whole: Bucket, part: tuple[int, float, int]):
    quarter = whole.part(0.25)
    assert (quarter.capacity, quarter.per_second, quarter.debt) == part
    assert (quarter.name, quarter.cost, quarter.overdue) == (whole.name, whole.cost, whole.overdue)


def test_nothing_is_ever_owed_beyond_the_debt():
    spent = Bucket(name="b", capacity=3, per_second=1, cost=9, overdue=True, debt=2)
    assert take_from([spent], [0]) == (True, [5_000_000])


@pytest.mark.parametrize(
    ("short", "cost", "allowed", "level"),
    [
        (0, 0, True, (3, 0.0, 0.0)),
        (250_000, 1, True, (2, 0.0, 0.25)),
        (1_500_000, 1, True, (1, 0.0, 0.5)),
        (2_000_000, 1, True, (1, 0.0, 1.0)),
        (2_500_000, 2, False, (0, 1.5, 1.5)),
        (2_500_000, 0, False, (0, 0.0, 0.5)),
    ],
)
def test_a_level_tells_what_is_left_and_when_there_is_enough_and_more(
    short: int, cost: int, *, allowed: bool, level: tuple[int, float, float]
):
    asked = bucket(per_second=1, cost=cost)
    [found] = decision([asked], [short], allowed=allowed).levels
    assert (found.remaining, found.wait, found.more) == level
    assert found.bucket is asked


MOVES = st.lists(st.tuples(st.floats(-2, 5), st.integers(0, 3)), max_size=60)


@settings(deadline=None)
@given(moves=MOVES, capacity=st.integers(3, 12), per_second=st.floats(0.05, 50))
async def test_never_more_than_the_burst_and_what_came_back_is_allowed(
    moves: list[tuple[float, int]], capacity: int, per_second: float
):
    clock = Clock()
    kept = MemoryBuckets(clock=clock)
    passed, spent = 0.0, 0
    for step, cost in moves:
        clock.now += step  # which may be back, and then the same time passes again
        passed += max(0, step)
        asked = [bucket(capacity=capacity, per_second=per_second, cost=cost)]
        taken = await kept.take("me", asked)
        if not taken.allowed:
            clock.now += taken.retry_after
            passed += taken.retry_after
            assert (await kept.take("me", asked)).allowed
        spent += cost
        assert spent <= capacity + per_second * passed + 0.001


SHORT = st.integers(-(10**7), 10**7)
COSTS = st.integers(-3, 3)
# Capacity, tokens a second, cost, whether that is overdue, and debt.
Call = tuple[int, float, int, bool, int]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.lists(
        st.lists(
            st.tuples(st.integers(3, 6), st.sampled_from([SLOW, 1 / 60]), COSTS, st.booleans(), st.integers(0, 3)),
            min_size=1,
            max_size=3,
        ),
        max_size=12,
    )
)
async def test_redis_and_memory_decide_alike(in_redis: RedisBuckets, calls: list[list[Call]]):
    memory, caller = MemoryBuckets(), f"caller-{next(_numbers)}"
    for call in calls:
        asked = [
            Bucket(name=f"b{i}", capacity=capacity, per_second=per_second, cost=cost, overdue=overdue, debt=debt)
            for i, (capacity, per_second, cost, overdue, debt) in enumerate(call)
        ]
        ours, theirs = await memory.take(caller, asked), await in_redis.take(caller, asked)
        assert ours.allowed == theirs.allowed
        for mine, other in zip(ours.levels, theirs.levels, strict=True):
            assert abs(mine.remaining - other.remaining) <= 1  # one may have come back in between
            assert mine.wait == pytest.approx(other.wait, abs=5)


_numbers = itertools.count()


@given(short=SHORT, cost=COSTS, capacity=st.integers(3, 9))
def test_a_level_says_what_taking_would(short: int, cost: int, capacity: int):
    asked = [bucket(capacity=capacity, per_second=3, cost=cost)]
    allowed, [left] = take_from(asked, [short])
    [level] = decision(asked, [left], allowed=allowed).levels
    assert 0 <= level.remaining <= capacity
    assert (level.wait > 0) == (not allowed)
    assert level.more >= level.wait
    assert allowed == (cost <= 0 or (capacity * asked[0].interval - max(0, short)) // asked[0].interval >= cost)
