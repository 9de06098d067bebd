"""Everything that can go wrong on the wire is one error of the tree, and what came before it is kept."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from types import NoneType

import msgspec
import pytest

from deeper_core import (
    AnswerIncomplete,
    ContextTooLong,
    Delta,
    FinishReason,
    ModelNotFound,
    ModelOutOfMemory,
    ModelProtocolBroken,
    ModelServerError,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerRejected,
    ModelServerTimedOut,
    ModelServerUnreachable,
    Usage,
)
from deeper_model import WireLimits
from deeper_model.conformance import PATIENT, Peer, Play, Upstream, collect, running_upstream
from tests.model.conftest import Connect
from tests.model.dialects import Dialect, ask, outcome

IMPATIENT = msgspec.structs.replace(PATIENT, first_byte=0.1, idle=0.1, reply=0.1)


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream]:
    async with running_upstream() as server:
        yield server


async def test_a_whole_answer_has_its_text_its_counts_and_one_finish(
    upstream: Upstream, dialect: Dialect, connect: Connect
) -> None:
    async def play(peer: Peer) -> None:
        await dialect.begin(peer, "He", "llo")
        await peer.chunk(dialect.end())
        await peer.chunk(b"")

    upstream.plays = [play]
    found = await outcome(connect(upstream.url))
    assert found.content == "Hello"
    assert found.finish is not None
    assert found.finish.reason is FinishReason.STOP
    assert found.finish.usage == Usage(prompt_tokens=3, completion_tokens=2)
    timings = found.finish.timings
    assert timings.connect_ms is not None
    assert timings.first_token_ms is not None
    assert timings.total_ms is not None
    assert timings.connect_ms <= timings.first_token_ms <= timings.total_ms


async def test_what_one_read_brings_is_one_delta(upstream: Upstream, dialect: Dialect, connect: Connect) -> None:
    async def play(peer: Peer) -> None:
        await peer.stream_head(dialect.media_type)
        await peer.chunk(b"".join(map(dialect.content, "abcdef")) + dialect.end())
        await peer.wait_gone()

    upstream.plays = [play]
    found = await outcome(connect(upstream.url))
    assert [(delta.content, delta.pieces) for delta in found.deltas] == [("abcdef", 6)]


async def test_a_host_without_an_address_is_unreachable(connect: Connect) -> None:
    found = await outcome(connect("http://nowhere.invalid:1"))
    assert type(found.error) is ModelServerUnreachable


async def send_huge_header(peer: Peer) -> None:
    await peer.head(200, f"X-Long: {'x' * 100_000}")


async def send_gzip(peer: Peer) -> None:
    await peer.reply(200, gzip.compress(bytes(10_000_000)), "application/x-ndjson", "Content-Encoding: gzip")


async def send_html(peer: Peer) -> None:
    await peer.reply(200, b"<html>Please sign in</html>", "text/html; charset=utf-8")


BEFORE_THE_ANSWER: dict[Play, type[ModelServerError]] = {
    send_huge_header: ModelProtocolBroken,
    send_gzip: ModelProtocolBroken,
    send_html: ModelProtocolBroken,
}


@pytest.mark.parametrize("play", BEFORE_THE_ANSWER, ids=lambda play: play.__name__)
async def test_a_fault_before_the_answer_has_its_error(upstream: Upstream, connect: Connect, play: Play) -> None:
    upstream.plays = [play]
    found = await outcome(connect(upstream.url))
    assert type(found.error) is BEFORE_THE_ANSWER[play]
    assert found.deltas == []
    await upstream.until_left()


async def test_a_body_that_breaks_before_it_says_anything_may_be_asked_for_again(
    upstream: Upstream, dialect: Dialect, connect: Connect
) -> None:
    async def play(peer: Peer) -> None:
        await dialect.begin(peer)
        peer.reset()

    upstream.plays = [play]
    found = await outcome(connect(upstream.url))
    assert type(found.error) is ModelServerUnreachable


async def test_thirteen_megabytes_without_a_line_feed_are_no_answer(
    upstream: Upstream, dialect: Dialect, connect: Connect
) -> None:
    async def play(peer: Peer) -> None:
        await dialect.begin(peer)
        for _ in range(200):
            await peer.chunk(b"x" * 65_536)
        await peer.chunk(b"")

    upstream.plays = [play]
    found = await outcome(connect(upstream.url))
    assert isinstance(found.error, ModelServerError)
    assert not found.error.retryable


async def test_a_silent_connection_after_the_end_does_not_keep_the_finish_back(
    upstream: Upstream, dialect: Dialect, connect: Connect
) -> None:
    async def play(peer: Peer) -> None:
        await dialect.begin(peer, "Hello")
        await peer.chunk(dialect.end().replace(b"data: [DONE]\n\n", b""))
        await peer.wait_gone()

    upstream.plays = [play]
    found = await outcome(connect(upstream.url))
    assert found.finish is not None
    assert found.finish.usage == Usage(prompt_tokens=3, completion_tokens=2)
    await upstream.until_left()


async def test_a_connection_that_breaks_after_the_end_is_only_its_end(
    upstream: Upstream, dialect: Dialect, connect: Connect
) -> None:
    async def play(peer: Peer) -> None:
        await dialect.begin(peer, "Hello")
        await peer.chunk(dialect.end().replace(b"data: [DONE]\n\n", b""))
        await asyncio.sleep(0)

    upstream.plays = [play]
    assert (await outcome(connect(upstream.url))).finish is not None


REFUSALS = [
    (400, b'{"error":"tools are not supported by this model"}', ModelServerRejected),
    (400, b'{"error":{"code":400,"message":"no","type":"exceed_context_size_error"}}', ContextTooLong),
    (400, b'{"detail":"Unprocessable"}', ModelServerRejected),
    (401, b'{"error":"unauthorized","signin_url":"http://secret"}', ModelServerRejected),
    (403, b"", ModelServerRejected),
    (404, b'{"error":"model \'tiny\' not found"}', ModelNotFound),
    (404, b"404 page not found", ModelProtocolBroken),
    (405, b"405 method not allowed", ModelProtocolBroken),
    (429, b"slow down", ModelServerOverloaded),
    (500, b"", ModelServerFailed),
    (500, b'{"error":"model requires more system memory (9 GiB) than is available (1 GiB)"}', ModelOutOfMemory),
    (502, b"<html>bad gateway</html>", ModelServerUnreachable),
    (503, b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}', ModelServerOverloaded),
    (504, b"", ModelServerTimedOut),
    (599, b"\xff\xfe", ModelServerFailed),
]


@pytest.mark.parametrize(("status", "body", "error"), REFUSALS)
async def test_an_error_status_has_its_error(
    upstream: Upstream, connect: Connect, status: int, body: bytes, error: type[Exception]
) -> None:
    async def play(peer: Peer) -> None:
        await peer.reply(status, body, "text/plain")

    upstream.plays = [play]
    found = await outcome(connect(upstream.url))
    assert type(found.error) is error
    assert "secret" not in str(found.error)
    assert "GiB" not in str(found.error)


async def test_an_error_body_that_drips_for_ever_does_not_hold_the_error_back(
    upstream: Upstream, connect: Connect
) -> None:
    async def play(peer: Peer) -> None:
        await peer.stream_head("application/json")
        while True:
            await peer.chunk(b" ")
            await asyncio.sleep(0.01)

    async def fail(peer: Peer) -> None:
        await peer.head(500, "Transfer-Encoding: chunked")
        while True:
            await peer.chunk(b" ")
            await asyncio.sleep(0.01)

    upstream.plays = [fail]
    limits = msgspec.structs.replace(PATIENT, reply=0.1)
    found = await outcome(connect(upstream.url, limits))
    assert type(found.error) is ModelServerFailed
    upstream.plays = [play]
    with pytest.raises(ModelServerTimedOut):
        await connect(upstream.url, IMPATIENT).list_models()
    await upstream.until_left()


async def test_a_wait_that_is_over_before_there_is_a_connection_ends_with_it(
    upstream: Upstream, connect: Connect
) -> None:
    async def play(peer: Peer) -> None:
        await peer.wait_gone()

    upstream.plays = [play]
    hasty = msgspec.structs.replace(PATIENT, first_byte=1e-9, reply=1e-9)
    async with asyncio.timeout(30):
        found = await outcome(connect(upstream.url, hasty))
        with pytest.raises(ModelServerTimedOut):
            await connect(upstream.url, hasty).list_models()
    assert type(found.error) is ModelServerTimedOut


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("something broke", ModelServerFailed),
        ('{"error":{"code":400,"message":"too long","type":"exceed_context_size_error"}}', ContextTooLong),
        ("llama-server reported out-of-memory during startup: x", ModelOutOfMemory),
        ("server busy, please try again.  maximum pending requests exceeded", ModelServerOverloaded),
        ("model 'x' not found", ModelNotFound),
        ({"code": 503, "message": "Loading model"}, ModelServerOverloaded),
        ({"message": "CUDA out of memory"}, ModelOutOfMemory),
    ],
)
async def test_an_error_inside_a_good_stream_is_an_error_and_keeps_the_text(
    upstream: Upstream, dialect: Dialect, connect: Connect, message: object, error: type[Exception]
) -> None:
    async def play(peer: Peer) -> None:
        await dialect.begin(peer, "Hello")
        await peer.chunk(dialect.frame({"error": message}))
        await peer.chunk(b"")

    upstream.plays = [play]
    found = await outcome(connect(upstream.url))
    assert type(found.error) is error
    assert found.content == "Hello"


async def test_an_error_without_a_line_feed_at_the_end_is_seen(
    upstream: Upstream, dialect: Dialect, connect: Connect
) -> None:
    async def play(peer: Peer) -> None:
        await dialect.begin(peer)
        await peer.chunk(dialect.frame({"error": "boom"}).rstrip(b"\n"))
        await peer.chunk(b"")

    upstream.plays = [play]
    assert type((await outcome(connect(upstream.url))).error) is ModelServerFailed


async def hang_up(peer: Peer) -> None:
    peer.finish_sending()


async def say_nonsense(peer: Peer) -> None:
    await peer.send(b"this is no length\r\n")


@pytest.mark.parametrize(
    ("whole", "break_off", "error"),
    [
        (True, hang_up, NoneType),
        (False, hang_up, AnswerIncomplete),
        (False, say_nonsense, ModelProtocolBroken),
    ],
)
async def test_what_had_come_before_the_connection_broke_is_not_lost_to_a_slow_consumer(
    upstream: Upstream, dialect: Dialect, connect: Connect, whole: bool, break_off: Play, error: type
) -> None:
    reading = asyncio.Event()
    gone = asyncio.Event()

    async def play(peer: Peer) -> None:
        await dialect.begin(peer, "He")
        await reading.wait()
        await peer.chunk(dialect.content("llo") + (dialect.end() if whole else b""))
        await break_off(peer)
        await peer.wait_gone()
        gone.set()

    upstream.plays = [play]
    events = connect(upstream.url).chat_stream(ask())
    assert await anext(events) == Delta(content="He")
    reading.set()
    await gone.wait()
    found = await collect(events)
    assert found.content == "llo"
    assert type(found.error) is error
    assert (found.finish is not None) is whole


async def test_what_had_come_in_one_packet_with_the_head_and_a_malformed_chunk_is_read_before_the_error(
    upstream: Upstream, dialect: Dialect, connect: Connect
) -> None:
    async def play(peer: Peer) -> None:
        said = dialect.content("Hello")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {dialect.media_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        await peer.send(b"%s%x\r\n%s\r\nthis is no length\r\n" % (head.encode(), len(said), said))
        await peer.wait_gone()

    upstream.plays = [play]
    found = await outcome(connect(upstream.url))
    assert found.content == "Hello"
    assert type(found.error) is ModelProtocolBroken


async def test_every_limit_can_be_removed(upstream: Upstream, dialect: Dialect, connect: Connect) -> None:
    async def play(peer: Peer) -> None:
        await dialect.begin(peer, "Hello")
        await peer.chunk(dialect.end())
        await peer.chunk(b"")

    upstream.plays = [play]
    unlimited = WireLimits(
        connect=None,
        first_byte=None,
        idle=None,
        ending=None,
        reply=None,
        line_bytes=None,
        answer_bytes=None,
        reply_bytes=None,
    )
    assert (await outcome(connect(upstream.url, unlimited))).content == "Hello"
