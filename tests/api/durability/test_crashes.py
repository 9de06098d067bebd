"""Servers and workers that are killed in the middle of an answer, and those that end in good order."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from tests.api.durability.models import DictatedModel, Dictation
from tests.api.durability.records import TAKEN_OVER_SECONDS, generation, message, totals, until_kept, until_nothing_runs
from tests.api.durability.texts import Text, text_of
from tests.api.durability.users import signed_in
from tests.api.durability.viewers import Transcript, asking, following, question
from tests.fakes.exchanges import Client
from tests.fixtures.servers import Backend, StartServer

INTERRUPTED = "interrupted"


def marks(count: int, first: int = 0) -> list[str]:
    return [f"<{number}> " for number in range(first, first + count)]


@asynccontextmanager
async def writing(answer: Dictation) -> AsyncGenerator[None]:
    """Have the model write one mark after another for as long as the context lasts."""

    async def write() -> None:
        number = 100
        while True:
            await answer.say(*marks(1, number))
            number += 1
            await asyncio.sleep(0.005)  # a model's pace

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def worker_that_asked(server: Backend, answer: Dictation) -> int:
    """The worker that holds the other end of the connection by which ``answer`` goes out."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    # Others may use the same port for connections to elsewhere.
    ends = f":{answer.port:04X}", f":{server.model_port:04X}"
    [inode] = [each[9] for each in map(str.split, lines) if (each[1][-5:], each[2][-5:]) == ends]
    wanted = f"socket:[{inode}]"
    (worker,) = [pid for pid in server.process.workers() if wanted in _open_files(pid)]
    return worker


def _open_files(pid: int) -> set[str]:
    found: set[str] = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(file.readlink()))
    return found


async def require_interrupted(client: Client, seen: Transcript, answer: Dictation, shown: str) -> None:
    """Fail unless the answer is kept as interrupted, with at least what was ``shown`` of it."""
    view = await generation(client, seen.generation_id)
    assert (view["state"], view["error"]["code"]) == (INTERRUPTED, INTERRUPTED)
    assert seen.start is not None
    kept = await message(client, seen.start)
    assert (kept["state"], kept["error"]["code"]) == (INTERRUPTED, INTERRUPTED)
    text = text_of(kept)
    assert text_of(view["message"]) == text
    assert text.begins(answer.text)
    assert shown in text.content
    # Each mark was a piece, and ends with a blank.
    assert kept["usage"]["completion_tokens"] == text.content.count(" ")
    assert kept["usage"]["estimated"]
    ledger = await totals(client)
    assert (ledger["requests"], ledger["failed_requests"]) == (1, 1)
    assert ledger["completion_tokens"] == kept["usage"]["completion_tokens"]


async def test_who_follows_at_another_server_is_told_of_a_crash_with_all_that_was_shown(start_server: StartServer):
    doomed = start_server()
    heir = start_server(beside=doomed)
    model = DictatedModel()
    async with doomed.model(model.play), signed_in(doomed, heir) as (here, there):
        async with asking(here, question("?", store=True)) as asked:
            start = await asked.until_begun()
            answer = await model.asked("?")
            async with following(there, start.generation_id) as viewer:
                await answer.say(*marks(20))
                async with writing(answer):
                    await viewer.until_said("<130> ")
                    shown = viewer.seen.text.content
                    doomed.process.kill()
                    killed = time.monotonic()
                    theirs = await viewer.until_last()
                    assert time.monotonic() - killed < TAKEN_OVER_SECONDS
                ours = await asked.until_closed()
        assert theirs.outcome == INTERRUPTED
        assert text_of((await generation(there, theirs.generation_id))["message"]) == theirs.text
        await require_interrupted(there, theirs, answer, shown)
        # Whoever has seen more than was kept is told of the end as well.
        assert ours.last is None
        assert ours.text.begins(answer.text)
        async with following(there, start.generation_id, ours) as viewer:
            assert (await viewer.until_last()).outcome == INTERRUPTED
    assert len(model.answers["?"]) == 1


async def test_after_a_crash_the_next_start_of_a_single_server_leaves_nothing_running(start_server: StartServer):
    doomed = start_server()
    model = DictatedModel()
    async with doomed.model(model.play), AsyncExitStack() as stack:
        (before,) = await stack.enter_async_context(signed_in(doomed))
        async with asking(before, question("?", store=True)) as asked:
            seen = await asked.until_begun()
            answer = await model.asked("?")
            await answer.say(*marks(20))
            await asked.until_said("<19> ")
            # A second viewer at the only server reads from memory, so the journal is asked instead.
            await until_kept(doomed.database_url, "<19> ")
            doomed.process.kill()
            await asked.until_closed()
        after = before.at(start_server(beside=doomed).url)
        await until_nothing_runs(after)
        await require_interrupted(after, seen, answer, "<19> ")


async def test_a_worker_that_is_killed_leaves_its_answers_to_the_others(start_server: StartServer):
    server = start_server(DEEPER_SERVER_WORKERS="2")
    model = DictatedModel()
    async with server.model(model.play), signed_in(server) as (client,):
        async with asking(client, question("?", store=True)) as asked:
            seen = await asked.until_begun()
            answer = await model.asked("?")
            await answer.say(*marks(20))
            await until_kept(server.database_url, "<19> ")
            os.kill(worker_that_asked(server, answer), signal.SIGKILL)
            await asked.until_closed()
        killed = time.monotonic()
        async with following(client, seen.generation_id, seen) as viewer:
            assert (await viewer.until_last()).outcome == INTERRUPTED
        assert time.monotonic() - killed < TAKEN_OVER_SECONDS
        await require_interrupted(client, seen, answer, "<19> ")


async def test_a_server_that_ends_in_good_order_leaves_nothing_to_others(start_server: StartServer):
    leaving = start_server(DEEPER_SERVER_DRAIN_SECONDS="0.5")
    staying = start_server(beside=leaving)
    model = DictatedModel()
    asked = [f"question {number}" for number in range(8)]
    async with leaving.model(model.play), signed_in(leaving, staying) as (here, there), AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(asking(here, question(text, store=True))) for text in asked]
        for text, viewer in zip(asked, viewers, strict=True):
            await viewer.until_begun()
            await (await model.asked(text)).say(*marks(20))
            await viewer.until_said("<19> ")
        leaving.process.terminate()
        ended = [await viewer.until_last() for viewer in viewers]
        assert await asyncio.to_thread(leaving.process.wait) == 0
        for seen in ended:
            assert (seen.outcome, seen.text) == ("shutting_down", Text(content="".join(marks(20))))
            assert seen.start is not None
            kept = await message(there, seen.start)
            assert (kept["state"], kept["error"]["code"]) == (INTERRUPTED, "shutting_down")
            assert (text_of(kept), kept["usage"]["completion_tokens"]) == (seen.text, 20)
        assert (await totals(there))["requests"] == len(asked)
    assert staying.process.log("deeper.reaper") == []
