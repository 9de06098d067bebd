"""Whatever a model server does wrong, its user gets one error of the closed list, and keeps what had come."""

import asyncio
import gzip
from collections.abc import Iterator

import psycopg
import pytest

from deeper_core import ErrorCode
from deeper_model.conformance import Peer, Play
from tests.api.durability.records import message
from tests.api.durability.viewers import asking, question
from tests.fakes.exchanges import sign_up
from tests.fakes.http import open_client
from tests.fixtures.postgres import _database
from tests.fixtures.servers import Backend, start_backend
from tests.model.dialects import OPENAI

# What no client may see of a model server.
SECRET = "sk-canary-0815"


async def hang(peer: Peer) -> None:
    await peer.wait_gone()


async def reset(peer: Peer) -> None:
    peer.reset()


async def hang_up(_: Peer) -> None:
    pass


async def hang_after_the_head(peer: Peer) -> None:
    await OPENAI.begin(peer)
    await peer.wait_gone()


async def lead_elsewhere(peer: Peer) -> None:
    await peer.reply(302, SECRET.encode(), "text/html", f"Location: http://127.0.0.1:9/{SECRET}")


async def fail_in_words(peer: Peer) -> None:
    await peer.reply(500, f"Traceback: {SECRET}".encode(), "text/plain")


async def send_a_bomb(peer: Peer) -> None:
    await peer.reply(200, gzip.compress(bytes(10_000_000)), "text/event-stream", "Content-Encoding: gzip")


async def drip_comments(peer: Peer) -> None:
    gone = asyncio.create_task(peer.wait_gone())
    while not gone.done():
        await peer.chunk(OPENAI.blank())
        await asyncio.wait({gone}, timeout=0.05)


async def end_without_a_finish(peer: Peer) -> None:
    await peer.chunk(b"")


async def talk_nonsense(peer: Peer) -> None:
    await peer.chunk(f"data: {{{SECRET}\n\n".encode())
    await peer.wait_gone()


async def break_a_chunk(peer: Peer) -> None:
    await peer.send(f"{SECRET}\r\n".encode())
    await peer.wait_gone()


async def say_a_line_without_end(peer: Peer) -> None:
    for _ in range(200):
        await peer.chunk(b"x" * 65_536)
    await peer.wait_gone()


async def fail(peer: Peer) -> None:
    await peer.chunk(b'data: {"error": {"message": "%s", "code": 500}}\n\n' % SECRET.encode())
    await peer.wait_gone()


# What the model server does before it says anything, and in the middle of an answer; and which errors may be told.
BEFORE: dict[Play, set[ErrorCode]] = {
    hang: {ErrorCode.MODEL_SERVER_TIMED_OUT},
    hang_after_the_head: {ErrorCode.MODEL_SERVER_TIMED_OUT},
    reset: {ErrorCode.MODEL_SERVER_UNREACHABLE},
    hang_up: {ErrorCode.MODEL_SERVER_UNREACHABLE},
    lead_elsewhere: {ErrorCode.MODEL_PROTOCOL_BROKEN},
    fail_in_words: {ErrorCode.MODEL_SERVER_FAILED},
    send_a_bomb: {ErrorCode.MODEL_PROTOCOL_BROKEN},
}
AFTER: dict[Play, set[ErrorCode]] = {
    hang: {ErrorCode.MODEL_SERVER_TIMED_OUT},
    drip_comments: {ErrorCode.MODEL_SERVER_TIMED_OUT},
    reset: {ErrorCode.ANSWER_INCOMPLETE},
    hang_up: {ErrorCode.ANSWER_INCOMPLETE},
    end_without_a_finish: {ErrorCode.ANSWER_INCOMPLETE},
    talk_nonsense: {ErrorCode.MODEL_PROTOCOL_BROKEN},
    break_a_chunk: {ErrorCode.MODEL_PROTOCOL_BROKEN},
    # A line that says nothing is silence to a busy machine.
    say_a_line_without_end: {ErrorCode.MODEL_PROTOCOL_BROKEN, ErrorCode.MODEL_SERVER_TIMED_OUT},
    fail: {ErrorCode.MODEL_SERVER_FAILED},
}


@pytest.fixture(scope="module")
def impatient(
    postgres_server: psycopg.Connection, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    """A server that waits for a second at most."""
    settings = {"DEEPER_MODEL_FIRST_TOKEN_TIMEOUT": "1", "DEEPER_MODEL_IDLE_TIMEOUT": "1"}
    with _database(postgres_server, template_database) as url:
        backend = start_backend(tmp_path_factory.mktemp("impatient"), url, settings)
        try:
            yield backend
        finally:
            backend.process.kill()


async def require_one_error(backend: Backend, fault: Play, said: str, codes: set[ErrorCode]) -> None:
    """Ask, have ``fault`` happen once what was ``said`` is seen, and fail unless that is kept with one error."""
    shown = asyncio.Event()

    async def play(peer: Peer) -> None:
        if said:
            await OPENAI.begin(peer, said)
            await shown.wait()
        await fault(peer)

    async with open_client(backend.url) as client, backend.model(play) as model:
        user = (await sign_up(client)).client
        async with asking(user, question("?", store=True)) as viewer:
            await viewer.until_said(said)
            shown.set()
            seen = await viewer.until_last()
        await model.until_left()
        assert seen.outcome in codes
        kept = await message(user, seen.start or {})
        assert (kept["state"], kept["content"], seen.text.content) == ("failed", said, said)
        assert kept["error"]["code"] == seen.outcome
        assert SECRET not in f"{seen.frames} {kept}"
    assert SECRET not in backend.process.output()


@pytest.mark.parametrize("fault", BEFORE, ids=lambda fault: fault.__name__)
async def test_before_an_answer_it_is_one_error(impatient: Backend, fault: Play):
    await require_one_error(impatient, fault, "", BEFORE[fault])


@pytest.mark.parametrize("fault", AFTER, ids=lambda fault: fault.__name__)
async def test_in_the_middle_of_an_answer_it_is_one_error_and_what_had_come_is_kept(impatient: Backend, fault: Play):
    await require_one_error(impatient, fault, "what had come", AFTER[fault])
