"""Five hundred who sign in at the same moment, and one who reads an answer meanwhile."""

import asyncio
import statistics
import time
from collections import Counter

from tests.api.durability.models import DictatedModel
from tests.api.durability.viewers import asking, question
from tests.benchmarks.processes import memory_kib
from tests.fakes.exchanges import Account, Reply, sign_up
from tests.fakes.http import open_client
from tests.fixtures.servers import StartServer

CROWD = 500
# Seconds from the model to the reader, who gets the pieces one by one. Where a password kept the event loop busy, each
# piece would wait for all that came since the last one.
USUAL = 0.25
# MiB. Two passwords at a time take 19 each; a crowd that was let in as it came would take ten thousand.
MEMORY = 128


async def log_in(account: Account) -> Reply:
    given = {"email": account.email, "password": account.password}
    return await account.client.as_user(None).post("/v1/auth/login", given)


async def test_a_crowd_that_signs_in_is_turned_away_soon_and_holds_up_no_answer(start_server: StartServer):
    server, model = start_server(), DictatedModel()
    [worker] = server.process.workers()
    async with server.model(model.play), open_client(server.url) as client:
        account = await sign_up(client)
        async with asking(account.client, question("?")) as viewer:
            answer = await model.asked("?")
            before, waits = memory_kib(worker) / 1_024, list[float]()
            crowd = asyncio.gather(*(log_in(account) for _ in range(CROWD)))
            while not crowd.done():
                assert (await client.get("/health/ready")).status == 200
                said = time.monotonic()
                await answer.say(f"<{len(waits)}>")
                await viewer.until_said(f"<{len(waits)}>")
                waits.append(time.monotonic() - said)
            replies = await crowd
            grown = memory_kib(worker) / 1_024 - before
            await answer.end()
            assert (await viewer.until_last()).text == answer.text
        statuses = Counter(reply.status for reply in replies)
        assert statuses.keys() == {200, 503}
        for reply in replies:
            if reply.status == 503:  # too many wait for a thread, or for a connection to the database
                assert reply.json()["error"]["code"] == "overloaded"
                assert reply.header("retry-after") == "1"
        assert statistics.median(waits) < USUAL
        assert grown < MEMORY
        assert (await log_in(account)).status == 200
        assert server.process.workers() == [worker]
