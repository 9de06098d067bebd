"""Several servers as one provider: who is asked, who is not, and what is asked again."""

import asyncio
from contextlib import aclosing

import pytest
from msgspec.structs import replace

from deeper_core import (
    AnswerIncomplete,
    ContextTooLong,
    DeeperError,
    Delta,
    ErrorCode,
    Model,
    ModelNotFound,
    ModelServerError,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerTimedOut,
    ModelServerUnreachable,
)
from deeper_model import RetryPolicy
from deeper_model.conformance import collect
from deeper_model.pool import MemberState, ModelPool, PoolMember
from tests.model.pool.pools import CALM, PROMPT, Clock, Server, ask, chosen, pool_of, says

OTHER = Model(name="other", loaded=True)


def states(pool: ModelPool) -> dict[str, MemberState]:
    return {member.name: member for member in pool.members()}


async def text(pool: ModelPool, model: str = "m") -> str:
    found = await collect(pool.chat_stream(ask(model)))
    assert found.finish is not None
    return found.content


async def error(pool: ModelPool, model: str = "m") -> DeeperError:
    found = await collect(pool.chat_stream(ask(model)))
    assert found.error is not None
    return found.error


async def fail(pool: ModelPool, server: Server, *faults: ModelServerError) -> None:
    """Let as many answers of ``server`` fail, whoever else would be chosen."""
    others = {member.name for member in pool.members()} - {server.name}
    for fault in faults:
        lease = await pool.choose("m", others)
        lease.failed(fault)
        lease.leave()


# -- whom it asks ------------------------------------------------------------------------------------------------------


async def test_answers_are_shared_out_and_count_from_the_moment_of_the_choice_until_they_are_left():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b, weights=(1, 2)) as pool:
        leases = [await chosen(pool) for _ in range(6)]
        assert {name: member.in_flight for name, member in states(pool).items()} == {"a": 2, "b": 4}
        for lease in leases:
            lease.leave()
            lease.leave()
        assert {name: member.in_flight for name, member in states(pool).items()} == {"a": 0, "b": 0}


async def test_a_model_is_asked_of_who_has_it():
    a, b = Server("a"), Server("b", OTHER)
    async with pool_of(a, b) as pool:
        for _ in range(3):
            b.play(*says("from b"))
            assert await text(pool, "other") == "from b"
    assert not a.requests


async def test_who_has_it_loaded_is_preferred_until_that_is_a_round_behind():
    a, b = Server("a", Model(name="m", loaded=False)), Server("b", Model(name="m", loaded=True))
    async with pool_of(a, b, weights=(2, 2)) as pool:
        leases = [await chosen(pool) for _ in range(4)]
        assert [lease.name for lease in leases] == ["b", "b", "b", "a"]
        leases.append(await pool.choose("m"))  # a loads it by now
        assert leases[-1].name == "a"
        for lease in leases:
            lease.leave()


async def test_a_model_that_nobody_has_is_not_found_and_nobody_is_asked():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        assert type(await error(pool, "nothing")) is ModelNotFound
    assert not a.requests
    assert not b.requests


async def test_an_answer_that_begins_at_a_server_without_the_model_in_memory_shows_that_it_is_there_now():
    a, b = Server("a", Model(name="m", loaded=False)), Server("b", OTHER)
    async with pool_of(a, b) as pool:
        await pool.list_models()
        a.serve(Model(name="m", loaded=True))
        await text(pool)
        await a.until(lambda a: a.listed == 2)
        assert states(pool)["a"].loaded == ("m",)
        await text(pool)
        assert a.listed == 2


# -- asking again ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [ModelServerUnreachable(), ModelServerFailed(), ModelServerOverloaded(retry_after=60), AnswerIncomplete()]
)
async def test_what_fails_before_its_first_delta_is_asked_of_another_at_once(fault: ModelServerError):
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        await pool.list_models()
        a.play(fault)
        b.play(*says("from b"))
        assert await text(pool) == "from b"
    assert (len(a.requests), len(b.requests)) == (1, 1)


async def test_what_fails_after_it_is_not():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        await pool.list_models()
        a.play(Delta(content="half"), ModelServerUnreachable())
        found = await collect(pool.chat_stream(ask()))
        assert (found.content, type(found.error)) == ("half", ModelServerUnreachable)
    assert not b.requests


async def test_what_the_request_itself_is_to_blame_for_is_asked_of_nobody_else():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        await pool.list_models()
        a.play(ContextTooLong())
        assert type(await error(pool)) is ContextTooLong
        assert states(pool)["a"].error is None
    assert not b.requests


async def test_a_model_that_is_gone_since_it_was_listed_is_asked_of_another():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        await pool.list_models()
        a.serve(OTHER)
        b.play(*says("from b"))
        assert await text(pool) == "from b"
        await a.until(lambda a: a.listed == 2)
        assert states(pool)["a"].models == ("other",)


async def test_that_one_does_not_have_it_says_less_than_that_another_is_busy():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b, retries=replace(PROMPT, attempts=2)) as pool:
        await pool.list_models()
        a.play(ModelServerOverloaded(retry_after=60))
        b.serve(OTHER)
        found = await error(pool)
        assert (type(found), found.retry_after) == (ModelServerOverloaded, 60)


async def test_whoever_said_when_to_come_back_is_not_asked_before():
    clock, a, b = Clock(), Server("a"), Server("b")
    async with pool_of(a, b, clock=clock) as pool:
        await pool.list_models()
        a.play(ModelServerOverloaded(retry_after=60))
        for _ in range(5):
            await text(pool)
        assert (len(a.requests), len(b.requests)) == (1, 5)
        clock.now += 60
        await text(pool)
        assert len(a.requests) == 2


async def test_when_all_rest_the_first_to_have_rested_is_waited_for():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b, clock=asyncio.get_running_loop().time) as pool:
        await pool.list_models()
        a.play(ModelServerOverloaded(retry_after=0.01))
        b.play(ModelServerOverloaded(retry_after=3_600))
        a.play(*says("from a, after all"))
        assert await text(pool) == "from a, after all"
    assert (len(a.requests), len(b.requests)) == (2, 1)


async def test_when_all_rest_for_too_long_the_answer_fails_and_says_for_how_long():
    clock, a, b = Clock(), Server("a"), Server("b")
    async with pool_of(a, b, clock=clock) as pool:
        await pool.list_models()
        a.play(ModelServerOverloaded(retry_after=50))
        b.play(ModelServerOverloaded(retry_after=40))
        assert type(await error(pool)) is ModelServerOverloaded
        refused = await error(pool)
        assert (type(refused), refused.retry_after) == (ModelServerOverloaded, 40)
    assert (len(a.requests), len(b.requests)) == (1, 1)


@pytest.mark.parametrize("attempts", [1, 2, 3, 7])
async def test_all_tries_together_are_as_many_as_the_policy_allows(attempts: int):
    servers = [Server(name) for name in "abc"]
    policy = replace(CALM, breaker=replace(CALM.breaker, failures=100))
    async with pool_of(*servers, policy=policy, retries=replace(PROMPT, attempts=attempts)) as pool:
        await pool.list_models()
        for server in servers:
            for _ in range(attempts):
                server.play(ModelServerUnreachable())
        assert type(await error(pool)) is ModelServerUnreachable
    tries = sorted(len(server.requests) for server in servers)
    assert sum(tries) == attempts
    assert tries[-1] - tries[0] <= 1


# -- breakers ----------------------------------------------------------------------------------------------------------


async def test_a_server_that_fails_again_and_again_is_left_out():
    clock, told, a, b = Clock(), list[tuple[str, str]](), Server("a"), Server("b")
    async with pool_of(a, b, clock=clock) as pool:
        with pool.watching(lambda name, state: told.append((name, state))):
            await pool.list_models()
            await fail(pool, a, *[ModelServerFailed()] * 3)
            assert (states(pool)["a"].state, states(pool)["a"].error) == ("open", ErrorCode.MODEL_SERVER_FAILED)
            clock.now += 9
            for _ in range(3):
                await text(pool)
            assert told == [("a", "open")]
    assert not a.requests


async def test_then_one_request_shows_whether_it_works_again():
    clock, told, a, b = Clock(), list[tuple[str, str]](), Server("a"), Server("b")
    async with pool_of(a, b, clock=clock) as pool:
        await pool.list_models()
        await fail(pool, a, *[ModelServerFailed()] * 3)
        await a.until(lambda a: a.listed == 2)  # it answers that, at least
        with pool.watching(lambda name, state: told.append((name, state))):
            clock.now += 10
            assert states(pool)["a"].state == "half_open"
            leases = [await pool.choose("m") for _ in range(3)]
            assert [lease.name for lease in leases] == ["a", "b", "b"]
            leases[0].begun()
            assert states(pool)["a"].state == "up"
            for lease in leases:
                lease.leave()
            assert told == [("a", "up")]


async def test_who_gives_that_request_up_leaves_it_to_the_next():
    clock, a, b = Clock(), Server("a"), Server("b")
    async with pool_of(a, b, clock=clock) as pool:
        await pool.list_models()
        await fail(pool, a, *[ModelServerFailed()] * 3)
        await a.until(lambda a: a.listed == 2)
        clock.now += 10
        (await pool.choose("m")).leave()
        lease = await pool.choose("m")
        assert lease.name == "a"
        lease.leave()


async def test_so_does_who_is_told_that_the_server_is_busy():
    clock, a, b = Clock(), Server("a"), Server("b")
    async with pool_of(a, b, clock=clock) as pool:
        await pool.list_models()
        await fail(pool, a, *[ModelServerFailed()] * 3)
        await a.until(lambda a: a.listed == 2)
        clock.now += 10
        await fail(pool, a, ModelServerOverloaded(retry_after=1))
        assert states(pool)["a"].state == "half_open"
        clock.now += 1
        lease = await pool.choose("m")
        assert lease.name == "a"
        lease.leave()


async def test_a_server_that_is_found_dead_in_the_background_is_not_asked_until_it_is_found_alive():
    a, b = Server("a"), Server("b")
    policy = replace(CALM, again=0.0)
    async with pool_of(a, b, policy=policy) as pool:
        await pool.list_models()
        a.list_fault = ModelServerUnreachable()
        await fail(pool, a, ModelServerUnreachable())
        await a.until(lambda a: a.listed >= 4)
        assert states(pool)["a"].state == "open"
        assert states(pool)["a"].models == ("m",)
        await text(pool)
        assert not a.requests
        a.list_fault = None
        opened = asyncio.Event()
        with pool.watching(lambda *_: opened.set()):
            await opened.wait()
        assert states(pool)["a"].state == "up"
        assert states(pool)["a"].error is None


async def test_a_server_that_cannot_list_is_asked_only_if_nobody_else_can():
    a, b = Server("a"), Server("b")
    a.list_fault = ModelServerOverloaded()
    async with pool_of(a, b) as pool:
        await pool.list_models()
        await text(pool)
        assert not a.requests
        b.play(ModelServerFailed())
        await text(pool)
        assert len(a.requests) == 1


async def test_when_whoever_has_the_model_fails_it_is_said_at_once():
    a, b = Server("a"), Server("b", OTHER)
    async with pool_of(a, b) as pool:
        await pool.list_models()
        await fail(pool, a, *[ModelServerFailed()] * 3)
        assert type(await error(pool)) is ModelServerUnreachable
    assert not a.requests
    assert not b.requests


@pytest.mark.parametrize("fault", [ContextTooLong(), ModelServerOverloaded(), ModelNotFound()])
async def test_what_is_no_fault_of_the_server_opens_nothing(fault: ModelServerError):
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        await pool.list_models()
        lease = await pool.choose("m", {"b"})
        for _ in range(9):
            lease.failed(fault)
        lease.leave()
        assert states(pool)["a"].state == "up"


async def test_an_answer_that_is_left_says_nothing_of_the_server():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        await pool.list_models()
        for _ in range(9):
            a.play(Delta(content="x"), asyncio.Event())
            b.play(Delta(content="x"), asyncio.Event())
            async with aclosing(pool.chat_stream(ask())) as events:
                await anext(events)
        assert {member.state for member in pool.members()} == {"up"}


# -- those that hang ---------------------------------------------------------------------------------------------------


async def test_a_server_that_hangs_from_the_start_delays_nobody():
    hung, b = Server("hung"), Server("b")
    hung.gate.clear()
    policy = replace(CALM, patience=0.01, look=3_600.0)
    async with pool_of(hung, b, policy=policy, clock=asyncio.get_running_loop().time) as pool:
        assert [model.name for model in await pool.list_models()] == ["m"]
        assert await pool.find("m") is not None
        await pool.check_health()
        b.play(*says("from b"))
        assert await text(pool) == "from b"
        assert states(pool)["hung"].age is None
        assert hung.listing == 1


async def test_a_server_that_hangs_later_delays_nobody_either():
    hung, b = Server("hung", OTHER), Server("b")
    policy = replace(CALM, look=3_600.0)
    async with pool_of(hung, b, policy=policy) as pool:
        await pool.list_models()
        hung.gate.clear()
        for member in pool._members.values():
            member.look_soon()
        await hung.until(lambda hung: hung.listing == 1)
        assert {model.name for model in await pool.list_models()} == {"m", "other"}
        await pool.check_health()
        await text(pool)


async def test_a_server_that_says_nothing_for_a_while_is_asked_only_if_nobody_else_can():
    clock, hung, b = Clock(), Server("hung"), Server("b")
    policy = replace(CALM, patience=1.0, look=3_600.0)
    async with pool_of(hung, b, policy=policy, clock=clock, weights=(9, 1)) as pool:
        await pool.list_models()
        hung.gate.clear()
        pool._members["hung"].look_soon()
        await hung.until(lambda hung: hung.listing == 1)
        first = await pool.choose("m")
        clock.now += 2
        second = await pool.choose("m")
        third = await pool.choose("m", {"b"})
        assert [first.name, second.name, third.name] == ["hung", "b", "hung"]
        for lease in (first, second, third):
            lease.leave()


async def test_silence_is_a_failure():
    hung, b = Server("hung"), Server("b")
    hung.gate.clear()
    policy = replace(CALM, look=0.001, again=0.0, patience=0.0)
    async with pool_of(hung, b, policy=policy) as pool:
        opened = asyncio.Event()
        with pool.watching(lambda *_: opened.set()):
            await pool.list_models()
            await opened.wait()
        assert (states(pool)["hung"].state, states(pool)["hung"].error) == (
            "open",
            ErrorCode.MODEL_SERVER_TIMED_OUT,
        )


async def test_what_a_dead_server_had_is_listed_for_a_while():
    clock, a, b = Clock(), Server("a", OTHER), Server("b")
    policy = replace(CALM, again=0.0, keep=60.0)
    async with pool_of(a, b, policy=policy, clock=clock) as pool:
        await pool.list_models()
        a.list_fault = ModelServerUnreachable()
        pool._members["a"].look_soon()
        await a.until(lambda a: a.listed == 3)
        clock.now += 60
        assert {model.name for model in await pool.list_models()} == {"m", "other"}
        assert states(pool)["a"].age == 60
        clock.now += 1
        pool._members["b"].look_soon()
        await b.until(lambda b: b.listed == 2)
        assert {model.name for model in await pool.list_models()} == {"m"}


async def test_when_nobody_can_list_the_error_is_that_of_the_first():
    a, b = Server("a"), Server("b")
    a.list_fault, b.list_fault = ModelServerOverloaded(retry_after=3), ModelServerUnreachable()
    async with pool_of(a, b) as pool:
        for _ in range(2):
            with pytest.raises(ModelServerOverloaded) as caught:
                await pool.list_models()
            assert caught.value.retry_after == 3
        b.list_fault = None
        assert [model.name for model in await pool.list_models()] == ["m"]


async def test_it_is_healthy_if_one_member_is():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        a.fault = ModelServerFailed()
        await pool.check_health()
        with pytest.raises(ModelServerFailed):
            await pool.check_member("a")
        b.fault = ModelServerUnreachable()
        with pytest.raises(ModelServerFailed):
            await pool.check_health()


async def test_a_member_that_is_left_out_is_not_asked_whether_it_is_well():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        await pool.list_models()
        await fail(pool, a, *[ModelServerFailed()] * 3)
        with pytest.raises(ModelServerUnreachable):
            await pool.check_member("a")


async def test_a_member_that_does_not_answer_in_time_is_not_well():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b, policy=replace(CALM, look=0.01)) as pool:
        await pool.list_models()
        a.gate.clear()
        with pytest.raises(ModelServerTimedOut):
            await pool.check_member("a")
        a.gate.set()


async def test_a_fault_of_the_providers_own_is_logged_and_keeps_nobody_from_asking_again(
    caplog: pytest.LogCaptureFixture,
):
    a, b = Server("a"), Server("b")
    a.list_fault = ZeroDivisionError("a fault")
    async with pool_of(a, b, policy=replace(CALM, again=0.0)) as pool:
        assert await text(pool)
        await a.until(lambda a: a.listed > 1)
        a.list_fault = None
        await a.until(lambda _: states(pool)["a"].error is None)
    assert "a: the models cannot be listed" in caplog.text


async def test_that_somebody_has_a_model_is_known_from_when_they_were_asked_last():
    a, b = Server("a"), Server("b", OTHER)
    async with pool_of(a, b) as pool:
        await pool.list_models()
        assert pool.lists("other")
        assert not pool.lists("nothing")


async def test_it_is_pointless_to_ask_whoever_has_failed_too_often_since_the_choice():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        await pool.list_models()
        lease = await pool.choose("m", {"b"})
        assert not lease.is_pointless
        await fail(pool, a, *[ModelServerFailed()] * 3)
        assert lease.is_pointless
        lease.leave()


async def test_it_stops_looking_when_nobody_uses_it_and_looks_again_when_somebody_does():
    clock, a, b = Clock(), Server("a"), Server("b")
    policy = replace(CALM, fresh=0.0, idle=60.0)
    async with pool_of(a, b, policy=policy, clock=clock) as pool:
        await pool.list_models()
        clock.now += 60
        await asyncio.wait([member._keeper for member in pool._members.values() if member._keeper is not None])
        before = a.listed
        await text(pool)
        await a.until(lambda a: a.listed > before)


# -- a pool of one -----------------------------------------------------------------------------------------------------


async def test_a_pool_of_one_asks_its_member_whatever_happened_and_nothing_besides():
    a = Server("a")
    async with pool_of(a, retries=RetryPolicy(attempts=1)) as pool:
        assert pool.name == "a"
        for _ in range(9):
            a.play(ModelServerFailed())
            assert type(await error(pool)) is ModelServerFailed
        assert states(pool)["a"].state == "open"
        assert await text(pool)
        assert states(pool)["a"].state == "up"
        assert type(await error(pool, "nothing")) is ModelNotFound
        pool.look_after_members()
        assert a.listed == 0


async def test_a_pool_of_one_asks_again_as_one_server_is_asked_again():
    a = Server("a")
    async with pool_of(a) as pool:
        a.play(ModelServerOverloaded(retry_after=0))
        a.play(ModelServerUnreachable())
        a.play(*says("at last"))
        assert await text(pool) == "at last"


# -- the rest ----------------------------------------------------------------------------------------------------------


async def test_operators_see_every_member():
    clock, a, b = Clock(), Server("a", Model(name="m", loaded=False), OTHER), Server("b")
    async with pool_of(a, b, clock=clock, weights=(1, 4)) as pool:
        lease = await chosen(pool)
        clock.now += 7
        assert pool.members() == (
            MemberState(
                name="a",
                state="up",
                weight=1,
                in_flight=0,
                models=("m", "other"),
                loaded=("other",),
                error=None,
                age=7,
            ),
            MemberState(name="b", state="up", weight=4, in_flight=1, models=("m",), loaded=("m",), error=None, age=7),
        )
        lease.leave()


async def test_cancelling_in_the_middle_of_moving_leaves_nothing_in_flight():
    a, b = Server("a"), Server("b")
    async with pool_of(a, b) as pool:
        await pool.list_models()
        a.play(ModelServerUnreachable())
        b.play(asyncio.Event())
        asking = asyncio.create_task(collect(pool.chat_stream(ask())))
        await b.wait_for_streams(1)
        asking.cancel()
        await asyncio.wait({asking})
        await b.wait_for_streams(0)
        assert [member.in_flight for member in pool.members()] == [0, 0]


async def test_closing_wakes_those_that_wait_for_a_list():
    a, b = Server("a"), Server("b")
    a.gate.clear()
    b.gate.clear()
    async with pool_of(a, b) as pool:
        asking, listing = asyncio.create_task(error(pool)), asyncio.create_task(pool.list_models())
        await b.until(lambda b: b.listing == 1)
        await pool.close()
        with pytest.raises(ModelServerUnreachable):
            await listing
        assert type(await asking) is ModelServerUnreachable


@pytest.mark.parametrize(
    "members",
    [
        [],
        [PoolMember(name="a", provider=Server()), PoolMember(name="a", provider=Server())],
        [PoolMember(name="a", provider=Server(), weight=0)],
    ],
)
def test_a_pool_needs_members_with_names_and_weights(members: list[PoolMember]):
    with pytest.raises(ValueError, match="member"):
        ModelPool(members)
