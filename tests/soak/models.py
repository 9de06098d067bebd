"""The model server: what it says to a question follows from the question, and now and then it does something wrong."""

import asyncio
import random
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from deeper_core import Finish, FinishReason, Usage
from deeper_model.conformance import Peer, Play
from tests.faults.test_model_servers import AFTER, BEFORE, hang, reset
from tests.model.dialects import OPENAI

MODEL = "tiny"
PROMPT_TOKENS = 3
_LISTED = b'{"object": "list", "data": [{"id": "tiny", "object": "model"}]}'
_QUESTION = re.compile(r"question (\d+) of (\d+) words")
_PACES = (0.0, 0.005, 0.02, 0.05)  # seconds from one token to the next
# Of a hundred answers so many go wrong, before they begin or in the middle.
_FAULTS_IN_A_HUNDRED = 4
# For those who do not read: more than all buffers on the way hold.
_FLOOD_PIECES, _FLOOD_PIECE = 60, "x" * 20_000


@dataclass(frozen=True)
class Question:
    """Something to be asked once only, and how many tokens the whole answer has."""

    number: int
    tokens: int

    @property
    def text(self) -> str:
        """What is asked."""
        return f"question {self.number} of {self.tokens} words"

    @property
    def words(self) -> list[str]:
        """The tokens of the answer, which are like no other one's; each ends with the only blank in it."""
        return [f"<{self.number}.{place}> " for place in range(self.tokens)]

    @property
    def answer(self) -> str:
        """All of it."""
        return "".join(self.words)


class Model:
    """Answers at different paces; ``mood`` is what it does to all who ask and to all that it answers, if not None.

    ``begun`` counts by the questions' numbers how often the first token of their answers was sent.
    """

    def __init__(self, seed: int) -> None:
        self.begun: Counter[int] = Counter()
        self.mood: Play | None = None
        self._chance = random.Random(f"model {seed}")

    async def play(self, peer: Peer) -> None:
        """Serve one request."""
        if self.mood is not None:
            await self.mood(peer)
        elif peer.request.method == "GET":
            await peer.reply(200, _LISTED)
        elif (found := _QUESTION.fullmatch(_asked(peer))) is None:
            await _flood(peer)
        else:
            await self._answer(peer, Question(int(found[1]), int(found[2])))

    async def _answer(self, peer: Peer, question: Question) -> None:
        fails = self._chance.randrange(100) < _FAULTS_IN_A_HUNDRED
        if fails and self._chance.random() < 0.5:
            await self._chance.choice(list(BEFORE))(peer)
            return
        place = self._chance.randrange(question.tokens) if fails else None
        pace = self._chance.choice(_PACES)
        leaving = asyncio.create_task(peer.wait_gone())
        try:
            await OPENAI.begin(peer)
            await self._say(peer, question, place, pace, leaving)
        finally:
            gone = leaving.done()
            leaving.cancel()
            await asyncio.wait({leaving})
        if self.mood is not None and not gone:
            await self.mood(peer)
        elif fails and not gone:
            await self._chance.choice(list(AFTER))(peer)

    async def _say(
        self, peer: Peer, question: Question, end: int | None, pace: float, leaving: asyncio.Task[None]
    ) -> None:
        for number, word in enumerate(question.words):
            await asyncio.wait({leaving}, timeout=pace)
            if leaving.done() or number == end or self.mood is not None:
                return
            self.begun[question.number] += number == 0
            await peer.chunk(OPENAI.content(word))
        usage = Usage(prompt_tokens=PROMPT_TOKENS, completion_tokens=question.tokens)
        await peer.chunk(OPENAI.finish(Finish(reason=FinishReason.STOP, usage=usage)))
        await peer.chunk(b"")


MOODS: dict[str, Play] = {"hangs": hang, "resets": reset}


async def _flood(peer: Peer) -> None:
    with suppress(ConnectionError):
        await OPENAI.begin(peer)
        for _ in range(_FLOOD_PIECES):
            await peer.chunk(OPENAI.content(_FLOOD_PIECE))
        await peer.chunk(OPENAI.end())
        await peer.chunk(b"")


def _asked(peer: Peer) -> str:
    messages = cast("list[dict[str, str]]", peer.request.json()["messages"])
    return messages[-1]["content"]
