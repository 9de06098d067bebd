"""What has been answered leaves nothing behind in the process that answered it."""

import asyncio
import gc
import logging
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

import pytest
from msgspec.structs import replace

from deeper_api.app import create_app
from deeper_api.config.sections import LimitsConfig
from deeper_api.telemetry.services import create_telemetry
from deeper_core import Delta, Finish, FinishReason, ModelServerFailed
from deeper_model import ScriptedProvider
from tests.api.routes.test_chat import QUESTION
from tests.fakes.asgi import running_application
from tests.fakes.exchanges import Account, sign_up
from tests.fixtures.applications import config_for

# After so many all that is kept ready is there: prepared statements, caches of what is asked again and again.
WARM: Final = 100
COUNTED: Final = 100
# What leaves something behind for ever leaves an object each time, at least.
MOST: Final = COUNTED * 0.75

_Cache: Final = type(lru_cache(len))
Act = Callable[[Account, ScriptedProvider], Awaitable[object]]


@pytest.fixture
async def caller(
    accounts_url: str, scripted: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[Account]:
    """An account at an application that counts and limits as a server does."""
    caplog.set_level(logging.CRITICAL + 1)  # what is logged is kept to be shown
    limits = LimitsConfig(anonymous_burst=10**6, user_burst=10**6, password_burst=10**6, user_tokens_per_day=10**9)
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        config = replace(config_for(accounts_url), limits=limits)
        app = create_app(config, provider=scripted, telemetry=create_telemetry(config, Path(folder)))
        async with running_application(app) as client:
            yield await sign_up(client)


async def read(account: Account, _: ScriptedProvider) -> None:
    for path in ("/v1/me", "/v1/models", "/v1/conversations", "/v1/auth/sessions"):
        assert (await account.client.get(path)).status == 200


async def be_refused(account: Account, _: ScriptedProvider) -> None:
    statuses = [
        (await account.client.get("/v1/nothing")).status,
        (await account.client.get("/v1/me?what")).status,
        (await account.client.post("/v1/chat", {"model": 1})).status,
        (await account.client.as_user("no token").get("/v1/me")).status,
    ]
    assert statuses == [404, 422, 422, 401]


async def ask(account: Account, scripted: ScriptedProvider) -> None:
    scripted.play(*(Delta(content="word ") for _ in range(5)), Finish(reason=FinishReason.STOP))
    assert (await account.client.post("/v1/chat", QUESTION)).status == 200


async def ask_in_vain(account: Account, scripted: ScriptedProvider) -> None:
    scripted.play(Delta(content="word "), ModelServerFailed())
    assert b'"error"' in (await account.client.post("/v1/chat", QUESTION)).body


async def keep_and_delete(account: Account, scripted: ScriptedProvider) -> None:
    scripted.play(Delta(content="word "), Finish(reason=FinishReason.STOP))
    reply = await account.client.post("/v1/chat", {**QUESTION, "store": True})
    start = reply.body.partition(b'"conversation_id":"')[2]
    path = f"/v1/conversations/{start[:36].decode()}"
    assert (await account.client.get(f"{path}/export")).status == 200
    assert (await account.client.delete(path)).status == 204


async def leave(account: Account, scripted: ScriptedProvider) -> None:
    scripted.play(Delta(content="word "), Delta(content="more "), Finish(reason=FinishReason.STOP))
    async with account.client.open("POST", "/v1/chat", QUESTION) as exchange:
        await exchange.head()
        exchange.leave()
        with suppress(AssertionError):
            await exchange.rest()


def forget_paths() -> None:
    """Litestar remembers the last thousand, each with an id of what is gone."""
    for each in gc.get_objects():
        if isinstance(each, _Cache) and each.__module__.startswith("litestar"):
            each.cache_clear()


async def forget_timers() -> None:
    """Asyncio forgets those that were cancelled when most are."""
    loop = asyncio.get_running_loop()
    for _ in range(5_000):
        loop.call_later(60, gc.collect).cancel()
    await asyncio.sleep(0)


@pytest.mark.parametrize("act", [read, be_refused, ask, ask_in_vain, keep_and_delete, leave])
async def test_nothing_stays_behind_of(act: Act, caller: Account, scripted: ScriptedProvider):
    async def blocks_after(count: int) -> int:
        for _ in range(count):
            await act(caller, scripted)
        scripted.requests.clear()
        forget_paths()
        await forget_timers()
        gc.collect()
        return sys.getallocatedblocks()

    # What goes on beside it, or comes first in its process, may move one of them.
    counts = [await blocks_after(count) for count in (WARM, COUNTED, COUNTED, COUNTED)]
    assert median(after - before for before, after in pairwise(counts)) < MOST
