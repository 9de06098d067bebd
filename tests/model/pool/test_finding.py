"""What a pool knows of a model, for those who need its context."""

import asyncio

import pytest
from msgspec.structs import replace

from deeper_core import DeeperError, Model, ModelNotFound, ModelServerUnreachable
from deeper_model.pool import ModelPool
from tests.model.pool.pools import CALM, Clock, Server, pool_of


async def context(pool: ModelPool, model: str = "tiny") -> int | None:
    known = await pool.find(model)
    return None if known is None else known.context_length


def tiny(length: int | None = 512, *, loaded: bool | None = True) -> Model:
    return Model(name="tiny", context_length=length, loaded=loaded)


async def test_the_first_to_ask_waits_for_the_list_and_all_who_ask_then_share_it():
    a = Server("a", tiny())
    a.gate.clear()
    async with pool_of(a) as pool:
        asking = [asyncio.create_task(context(pool)) for _ in range(10)]
        await a.until(lambda a: a.listing == 1)
        a.gate.set()
        assert await asyncio.gather(*asking) == [512] * 10
        assert a.listed == 1


async def test_what_is_known_is_told_from_memory():
    a = Server("a", tiny(), Model(name="other:latest", context_length=7))
    async with pool_of(a) as pool:
        for _ in range(3):
            assert await context(pool) == 512
            assert await context(pool, "other") == 7
            assert await context(pool, "nothing") is None
        assert a.listed == 1


async def test_of_several_servers_it_is_the_smallest():
    async with pool_of(Server("a", tiny(4_096)), Server("b", tiny(512)), Server("c", tiny(None))) as pool:
        await pool.list_models()
        assert await context(pool) == 512


async def test_nobody_waits_longer_than_the_patience_of_the_pool():
    a = Server("a", tiny())
    a.gate.clear()
    policy = replace(CALM, patience=0.01)
    async with pool_of(a, policy=policy, clock=asyncio.get_running_loop().time) as pool:
        assert await context(pool) is None
        assert await context(pool) is None
        a.gate.set()
        await a.until(lambda a: a.listed == 1)
        assert await context(pool) == 512


@pytest.mark.parametrize("fault", [ModelServerUnreachable(), ModelNotFound()])
async def test_a_server_that_fails_is_no_error_and_is_asked_again_soon(fault: DeeperError):
    a = Server("a", tiny())
    a.list_fault = fault
    async with pool_of(a, policy=replace(CALM, fresh=0.0, again=0.0)) as pool:
        assert await context(pool) is None
        a.list_fault = None
        failed = a.listed
        await a.until(lambda a: a.listed > failed + 1)
        assert await context(pool) == 512


async def test_what_is_known_outlasts_a_failure():
    a = Server("a", tiny())
    async with pool_of(a, policy=replace(CALM, fresh=0.0, again=0.0)) as pool:
        await context(pool)
        a.list_fault = ModelServerUnreachable()
        before = a.listed
        await a.until(lambda a: a.listed > before + 1)
        assert await context(pool) == 512


async def test_the_context_of_a_model_is_known_as_soon_as_it_is_loaded():
    a = Server("a", tiny(None, loaded=False))
    async with pool_of(a) as pool:
        assert await context(pool) is None
        a.serve(tiny(4_096))
        assert await context(pool) == 4_096
        a.serve(tiny(None, loaded=False))
        pool._members["a"].look_soon()
        looks = a.listed
        await a.until(lambda a: a.listed > looks)
        assert await context(pool) == 4_096  # it will be loaded with that again


async def test_a_server_that_never_tells_contexts_is_not_asked_each_time():
    a = Server("a", tiny(None, loaded=None))
    async with pool_of(a) as pool:
        for _ in range(3):
            assert await context(pool) is None
        assert a.listed == 1


async def test_who_stops_waiting_does_not_stop_the_list():
    a = Server("a", tiny())
    a.gate.clear()
    async with pool_of(a) as pool:
        impatient = asyncio.create_task(pool.find("tiny"))
        await a.until(lambda a: a.listing == 1)
        impatient.cancel()
        await asyncio.wait({impatient})
        patient = asyncio.create_task(context(pool))
        a.gate.set()
        assert await patient == 512
        assert a.listed == 1


async def test_closing_leaves_no_task_and_asks_no_more():
    a, clock = Server("a", tiny()), Clock()
    a.gate.clear()
    async with pool_of(a, clock=clock) as pool:
        waiting = asyncio.create_task(context(pool))
        await a.until(lambda a: a.listing == 1)
        await pool.close()
        assert await waiting is None
        assert await context(pool) is None
        assert a.listed == 1
