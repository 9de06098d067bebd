"""What the limits of a configuration amount to for those who try to get round them."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from itertools import pairwise
from uuid import UUID

import pytest
from msgspec.structs import replace

from deeper_api.config.sections import LimitsConfig
from deeper_api.limits.buckets import Bucket, Decision
from deeper_api.limits.memory_buckets import MemoryBuckets
from deeper_api.limits.policies import Policy, Request, are_tokens
from deeper_core import ApiKeyId, SessionId, UserId, new_id

ADDRESS, ELSEWHERE = ip_address("192.0.2.1"), ip_address("192.0.2.2")
DAY = 86_400.0
POLICY = Policy(LimitsConfig())


class Server:
    """Keeps buckets by a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0
        self._buckets = MemoryBuckets(clock=lambda: self.now)

    async def take(self, request: Request) -> Decision:
        return await self._buckets.take(request.caller, request.buckets)

    async def allows(self, request: Request) -> bool:
        return (await self.take(request)).allowed


def guess(email: str = "ann@example.com") -> Request:
    return POLICY.of_login(email, ADDRESS)


async def waits(*, until: float) -> list[int]:
    """How long somebody has to wait before each try who does not waste a moment, and believes what he is told."""
    server, found = Server(), list[int]()
    while server.now < until:
        decision = await server.take(guess())
        if not decision.allowed:
            server.now += decision.retry_after
            assert await server.allows(guess()), "the wait that was told was too short"
        found.append(round(decision.retry_after))
    return found


async def test_after_five_wrong_passwords_each_further_one_takes_longer_and_longer():
    found = await waits(until=DAY)
    assert found[:5] == [0] * 5
    later = found[5:]
    assert all(before <= after + 1 for before, after in pairwise(later[:-1]))  # a wait is cut short at a change
    assert {later[0], later[-1]} == {180, 4_320}
    assert 360 in later


async def test_the_wait_that_is_told_is_no_longer_than_it_has_to_be():
    server = Server()
    for _ in range(5):
        assert await server.allows(guess())
    server.now += (await server.take(guess())).retry_after - 0.001
    assert not await server.allows(guess())


async def test_whoever_guesses_for_a_month_gets_about_twenty_tries_a_day():
    found = await waits(until=30 * DAY)
    assert 600 <= len(found) <= 640


async def test_who_waits_for_a_day_after_his_mistakes_may_make_as_many_again():
    server = Server()
    for _ in range(2):
        assert [await server.allows(guess()) for _ in range(6)] == [True] * 5 + [False]
        server.now += DAY


async def test_a_right_password_leaves_nothing_behind():
    server = Server()
    back = POLICY.of_login("ann@example.com", ADDRESS, back=True)
    for _ in range(100):
        assert await server.allows(guess())
        assert await server.allows(back)
    assert [await server.allows(guess()) for _ in range(6)] == [True] * 5 + [False]


async def test_a_wrong_password_counts_neither_for_another_account_nor_for_another_address():
    server = Server()
    while await server.allows(guess()):
        pass
    assert await server.allows(guess("bob@example.com"))
    assert await server.allows(POLICY.of_login("ann@example.com", ELSEWHERE))


async def test_many_keys_may_ask_no_more_often_than_their_user():
    server, user = Server(), UserId(new_id())
    keys = [ApiKeyId(new_id()) for _ in range(50)]
    let_in = [[await server.allows(POLICY.of_key(key, user)) for _ in range(100)].count(True) for key in keys]
    assert sum(let_in) == LimitsConfig().user_burst
    assert not await server.allows(POLICY.of_user(user))


async def test_one_key_leaves_something_to_its_user_and_to_the_other_keys():
    server, user = Server(), UserId(new_id())
    greedy, modest = ApiKeyId(new_id()), ApiKeyId(new_id())
    while await server.allows(POLICY.of_key(greedy, user)):
        pass
    assert await server.allows(POLICY.of_key(modest, user))
    assert await server.allows(POLICY.of_user(user))
    assert await server.allows(POLICY.of_key(greedy, UserId(new_id())))


# -- whose buckets, and how large they are -----------------------------------------------------------------------------

USER, KEY, SESSION = UserId(UUID(int=1)), ApiKeyId(UUID(int=2)), SessionId(UUID(int=3))
LIMITS = LimitsConfig(
    anonymous_burst=7,
    anonymous_per_minute=60,
    user_burst=8,
    user_per_minute=120,
    key_burst=9,
    key_per_minute=180,
    password_burst=10,
    password_per_minute=240,
    login_tries=3,
    user_tokens_per_day=86_400,
    key_tokens_per_day=43_200,
)
ANONYMOUS = Bucket(name="anonymous", capacity=7, per_second=1.0)
USERS = Bucket(name="user", capacity=8, per_second=2.0)
KEYS = Bucket(name=f"key:{KEY}", capacity=9, per_second=3.0)
PASSWORDS = Bucket(name="passwords", capacity=10, per_second=4.0)
TRIES = (
    Bucket(name="login", capacity=3, per_second=3 / 900),
    Bucket(name="login-hour", capacity=6, per_second=6 / 3_600),
    Bucket(name="login-day", capacity=12, per_second=12 / 86_400),
)
TOKENS = Bucket(name="tokens", capacity=86_400, per_second=1.0, cost=0, debt=518_400)
KEY_TOKENS = Bucket(name=f"key-tokens:{KEY}", capacity=43_200, per_second=0.5, cost=0, debt=259_200)


@pytest.fixture
def policy() -> Policy:
    return Policy(LIMITS)


@pytest.mark.parametrize(
    ("asked", "caller", "buckets"),
    [
        (lambda policy: policy.of_address(ADDRESS), "address:192.0.2.1", (ANONYMOUS,)),
        (lambda policy: policy.of_address(ADDRESS, password=True), "address:192.0.2.1", (ANONYMOUS, PASSWORDS)),
        (lambda policy: policy.of_user(USER), f"user:{USER}", (USERS,)),
        (lambda policy: policy.of_user(USER, password=True), f"user:{USER}", (USERS, PASSWORDS)),
        (lambda policy: policy.of_key(KEY, USER), f"user:{USER}", (KEYS, USERS)),
        (lambda policy: policy.of_session(SESSION), f"session:{SESSION}", TRIES),
        (lambda policy: policy.of_tokens(USER, None), f"user:{USER}", (TOKENS,)),
        (lambda policy: policy.of_tokens(USER, KEY), f"user:{USER}", (TOKENS, KEY_TOKENS)),
        (
            lambda policy: policy.of_key(KEY, USER).beside(policy.of_tokens(USER, None)),
            f"user:{USER}",
            (KEYS, USERS, TOKENS),
        ),
    ],
)
def test_a_request_takes_of_its_callers_buckets(
    policy: Policy, asked: Callable[[Policy], Request], caller: str, buckets: tuple[Bucket, ...]
):
    assert asked(policy) == Request(caller=caller, buckets=buckets)


def test_a_right_password_gives_back_what_was_taken_for_a_try(policy: Policy):
    back = tuple(replace(bucket, cost=-1) for bucket in TRIES)
    assert policy.of_session(SESSION, back=True) == Request(caller=f"session:{SESSION}", buckets=back)
    taken, given = (policy.of_login("ann@example.com", ADDRESS, back=each) for each in (False, True))
    assert (taken.buckets, given.buckets) == (TRIES, back)
    assert taken.caller == given.caller


def test_what_an_answer_took_is_taken_though_it_is_too_late_to_refuse_it(policy: Policy):
    spent = policy.of_tokens(USER, KEY, 17).buckets
    assert spent == tuple(replace(bucket, cost=17, overdue=True) for bucket in (TOKENS, KEY_TOKENS))


def test_a_quota_of_ones_own_is_a_bucket_of_its_own(policy: Policy):
    own = Bucket(name="tokens:172800", capacity=172_800, per_second=2.0, cost=0, debt=1_036_800)
    assert policy.of_tokens(USER, KEY, per_day=172_800).buckets == (own, KEY_TOKENS)
    assert policy.of_tokens(USER, None, per_day=0).buckets == ()


def test_without_quotas_tokens_take_of_nothing():
    assert POLICY.of_tokens(USER, KEY, 17).buckets == ()


def test_tokens_of_models_are_told_from_requests(policy: Policy):
    found = policy.of_tokens(USER, KEY, per_day=5).buckets + policy.of_tokens(USER, None).buckets
    assert [are_tokens(bucket) for bucket in (*found, KEYS, USERS)] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.1", "address:192.0.2.1"),
        ("2001:db8:0:1:2:3:4:5", "address:2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff::", "address:2001:db8:0:1::/64"),
        ("2001:db8:0:2::", "address:2001:db8:0:2::/64"),
        (None, "address:unknown"),
    ],
)
def test_who_has_many_addresses_of_one_network_is_one(policy: Policy, address: str | None, caller: str):
    assert policy.of_address(None if address is None else ip_address(address)).caller == caller


def test_an_account_is_the_same_in_whatever_way_it_is_written():
    assert len({guess(text).caller for text in ("ann@example.com", "Ann@EXAMPLE.com", " ann@example.com ")}) == 1
    assert guess("Straße ").caller == guess("STRASSE").caller  # which is no address


def test_half_a_pair_is_counted_like_any_other_mistake():
    assert guess("\ud800").caller != guess("ann@example.com").caller


def test_who_signs_in_is_not_named():
    assert re.fullmatch(r"login:[0-9a-f]{32}", guess().caller)
