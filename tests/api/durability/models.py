"""A model server that writes what a test dictates, piece by piece, and remembers what it wrote."""

import asyncio
import json
from contextlib import suppress
from typing import cast

from deeper_model.conformance import Peer, Request
from tests.api.durability.texts import Text
from tests.fakes.exchanges import Json
from tests.model.dialects import OPENAI

PATIENCE = 30  # seconds, for what comes at once on a machine that is not busy


class Dictation:
    """One answer of the model while it is written; ``text`` is all of it."""

    def __init__(self, peer: Peer) -> None:
        self.text = Text()
        self.left = asyncio.Event()  # the server that asked has closed its connection
        self._peer = peer
        self._ended = asyncio.Event()
        self._ends: dict[str, list[int]] = {}  # of each part of the text, its size after each piece

    @property
    def pieces(self) -> int:
        """How many pieces were written."""
        return sum(map(len, self._ends.values()))

    def pieces_of(self, text: Text) -> range:
        """How many pieces it took to write a beginning of the text.

        Half of a character is a piece of which nothing can be seen; so there may be more than one number.
        """
        least = most = 0
        for part, size in text.sizes().items():
            ends = self._ends.get(part, [])
            assert not size or size in ends, "a piece was cut"
            least += ends.index(size) + 1 if size else 0
            most += sum(end <= size for end in ends)
        return range(least, most + 1)

    @property
    def port(self) -> int:
        """The port of the server that asked."""
        return self._peer.port

    async def say(self, *texts: str) -> None:
        """Write a piece of content for each of ``texts``."""
        for text in texts:
            self.text.content += text
            await self._write("content", {"content": text})

    async def say_halves(self, character: str) -> None:
        """Write a character beyond the Basic Multilingual Plane as two pieces of one UTF-16 unit each."""
        units = character.encode("utf-16-le")
        await self._write("content", {"content": units[:2].decode("utf-16-le", "surrogatepass")})
        self.text.content += character
        await self._write("content", {"content": units[2:].decode("utf-16-le", "surrogatepass")})

    async def think(self, text: str) -> None:
        """Write a piece of thinking."""
        self.text.thinking += text
        await self._write("thinking", {"reasoning_content": text})

    async def call(self, index: int, arguments: str) -> None:
        """Write a piece of the tool call at ``index``; the first one names the tool."""
        piece: Json = {"index": index, "function": {"arguments": arguments}}
        if index not in self.text.calls:
            piece |= {"id": f"call-{index}", "function": {"name": f"tool_{index}", "arguments": arguments}}
        self.text.add_call(piece)
        await self._write(f"call {index}", {"tool_calls": [piece]})

    async def end(self, completion_tokens: int | None = None) -> None:
        """Write the end of the answer, and how many tokens it had if that is given."""
        await self._send({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if completion_tokens is not None:
            await self._send({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": completion_tokens}})
        with suppress(ConnectionError):
            await self._peer.chunk(OPENAI.frame(b"[DONE]"))
            await self._peer.chunk(b"")
        self._ended.set()

    async def until_left(self) -> None:
        """Return when the server that asked has closed its connection."""
        async with asyncio.timeout(PATIENCE):
            await self.left.wait()

    async def serve(self) -> None:
        """Return when the answer has ended, or the server that asked has left."""
        leaving = asyncio.create_task(self._peer.wait_gone())
        ending = asyncio.create_task(self._ended.wait())
        await asyncio.wait({leaving, ending}, return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            self.left.set()
        leaving.cancel()
        ending.cancel()

    async def _write(self, part: str, delta: Json) -> None:
        self._ends.setdefault(part, []).append(self.text.sizes().get(part, 0))
        await self._send({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    async def _send(self, message: Json) -> None:
        if not self.left.is_set():
            with suppress(ConnectionError):  # the server was killed a moment ago
                await self._peer.chunk(OPENAI.frame(json.dumps(message).encode()))


class DictatedModel:
    """The model server: `play` is for `Backend.model`. Questions are told apart by their text."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Dictation]] = {}
        self._changed = asyncio.Condition()

    async def play(self, peer: Peer) -> None:
        """Answer one request as the test dictates."""
        await OPENAI.begin(peer)
        dictation = Dictation(peer)
        async with self._changed:
            self.answers.setdefault(_question(peer.request), []).append(dictation)
            self._changed.notify_all()
        await dictation.serve()

    async def asked(self, question: str) -> Dictation:
        """Return the answer to ``question``, once the model is asked it; fail if it was asked more than once."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: question in self.answers)
        (dictation,) = self.answers[question]
        return dictation


def _question(request: Request) -> str:
    messages = cast("list[dict[str, str]]", request.json()["messages"])
    return messages[-1]["content"]
