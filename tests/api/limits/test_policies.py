"""What the limits of a configuration amount to for those who try to get round them."""

from ipaddress import ip_address
from itertools import pairwise

from deeper_api.config.sections import LimitsConfig
from deeper_api.limits.buckets import Decision
from deeper_api.limits.memory_buckets import MemoryBuckets
from deeper_api.limits.policies import Policy, Request
from deeper_core import ApiKeyId, UserId, new_id

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
