"""Cases: wherever the bytes are cut, the text is the same."""

import asyncio

from deeper_core import Delta
from deeper_model.conformance.cases import Case, ask, case, expect, wire
from deeper_model.conformance.harnesses import Ability, WireHarness
from deeper_model.conformance.streaming import STOP, WORDS, expect_pieces
from deeper_model.conformance.upstreams import Peer


@wire
async def text_is_the_same_wherever_the_bytes_are_cut(harness: WireHarness) -> None:
    """Reads end anywhere: in the middle of a frame, or of a character."""
    dialect = harness.dialect
    data = dialect.delta(Delta(content="é😀")) + dialect.delta(Delta(content="!")) + dialect.finish(STOP)
    places = iter(range(1, len(data)))

    async def play(peer: Peer) -> None:
        place = next(places)
        await peer.stream_head(dialect.media_type)
        await peer.chunk(data[:place])
        # The client reads in the same event loop, and so before the next chunk is sent.
        for _ in range(8):
            await asyncio.sleep(0)
        await peer.chunk(data[place:])
        await peer.chunk(b"")

    async with harness.acting(play) as stage:
        for place in range(1, len(data)):
            found = await ask(stage.provider)
            expect(found.content == "é😀!", f"cut after {place} bytes, the text was {found.content!r}")
            expect(found.finish, f"cut after {place} bytes, the answer failed: {found.error!r}")


@wire
async def text_is_the_same_byte_by_byte(harness: WireHarness) -> None:
    """Every read may bring one byte."""
    dialect = harness.dialect
    data = dialect.delta(Delta(content="é😀")) + dialect.finish(STOP)

    async def play(peer: Peer) -> None:
        await peer.stream_head(dialect.media_type)
        for place in range(len(data)):
            await peer.chunk(data[place : place + 1])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await peer.chunk(b"")

    async with harness.acting(play) as stage:
        found = await ask(stage.provider)
        expect(found.finish and found.content == "é😀", f"byte by byte, the text was {found.content!r}")


@wire
async def text_is_the_same_all_at_once(harness: WireHarness) -> None:
    """One read may bring a whole answer."""
    dialect = harness.dialect
    data = b"".join(dialect.delta(Delta(content=word)) for word in WORDS) + dialect.finish(STOP)

    async def play(peer: Peer) -> None:
        await peer.stream_head(dialect.media_type)
        await peer.chunk(data)
        await peer.chunk(b"")

    async with harness.acting(play) as stage:
        found = await ask(stage.provider)
        expect(found.finish and found.content == "".join(WORDS), f"at once, the text was {found.content!r}")
        expect_pieces(found, len(WORDS))


@wire
async def halves_of_pairs_become_characters(harness: WireHarness) -> None:
    """Text can be encoded and stored: pairs that were cut between deltas are joined, the rest and NUL are U+FFFD."""
    script = (Delta(content="a\ud83d"), Delta(content="\ude00b\x00\ud83d"), STOP)
    async with harness.stage(script) as stage:
        found = await ask(stage.provider)
        expect(found.content == "a😀b\ufffd\ufffd", f"the text was {found.content!r}")


READING: tuple[Case, ...] = (
    case(text_is_the_same_wherever_the_bytes_are_cut, Ability.WIRE),
    case(text_is_the_same_byte_by_byte, Ability.WIRE),
    case(text_is_the_same_all_at_once, Ability.WIRE),
    case(halves_of_pairs_become_characters, Ability.WIRE, Ability.PAIRS),
)
