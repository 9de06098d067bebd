"""What the suite needs to know of a provider: how to make one, and how what stands behind it says each thing."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from deeper_core import (
    ChatMessage,
    ChatRequest,
    ChatRole,
    DeeperError,
    Delta,
    Finish,
)
from deeper_model.conformance.upstreams import Peer, Play, Request, Upstream, running_upstream
from deeper_model.limits import WireLimits
from deeper_model.provider import ModelProvider
from deeper_model.scripted import Step

Script = Sequence[Step]
"""What the model says to one request; a script that ends without a Finish or an error breaks off."""

MODEL = "tiny"
"""The one model that every harness has."""

UPSTREAM_WORDS = "/srv/upstream/words"
"""What every fault of an upstream says in addition: it must be in no message of an error."""

PATIENT = WireLimits(connect=5.0, first_byte=20.0, idle=20.0, ending=0.2, reply=10.0)
"""The limits of cases that are not about limits."""


class Ability(StrEnum):
    """What a provider or its upstream may be unable to do, and then has to say so in ``without``."""

    WIRE = "a socket to an upstream"
    THINKING = "thinking apart from the answer"
    TOOL_CALLS = "tool calls"
    FRAGMENTS = "tool calls in fragments"
    USAGE = "counts of tokens"
    TIMINGS = "timings"
    BLANKS = "frames that say nothing"
    STREAM_ERRORS = "errors inside a stream"
    PAIRS = "halves of surrogate pairs, as JSON can escape them"
    SIZE_LIMITS = "the limits of size in WireLimits"
    OPTIONS = "the options max_tokens, seed and stop"


Need = Ability | type[DeeperError]


class Stage(Protocol):
    """One provider, and what stands behind it with its scripts learnt."""

    @property
    def provider(self) -> ModelProvider:
        """The provider under test."""
        ...

    @property
    def asked(self) -> int:
        """How many requests for an answer have come so far."""
        ...

    @property
    def heard(self) -> bytes:
        """What the last request said, in whatever form; words and numbers are found in it as they were given."""
        ...

    async def until_asked(self, times: int = 1) -> None:
        """Return once that many requests for an answer have come."""
        ...

    async def until_left(self) -> None:
        """Return once no answer is being given: nobody waits for one, no connection is open."""
        ...


class Harness(Protocol):
    """What somebody who runs the suite supplies; `WireHarness` and `EngineHarness` do most of it.

    ``without`` says what the provider cannot do and why: an `Ability`, or an error of the tree that its upstream has no
    words for. Cases that need it are not run. ``soon`` is how many seconds the provider may take for what has to be
    done at once.
    """

    @property
    def without(self) -> Mapping[Need, str]:
        """What cannot be tested, and why."""
        ...

    @property
    def soon(self) -> float:
        """A bound in seconds."""
        ...

    def stage(self, *scripts: Script) -> AbstractAsyncContextManager[Stage]:
        """Make a provider; its requests are answered with ``scripts``, one each, and the last for all that follow.

        Leaving the context closes the provider.
        """
        ...


class HttpReply(Struct, frozen=True, kw_only=True):
    """A whole reply of an upstream; ``headers`` are lines such as ``"X-Queue: 3"``."""

    status: int = 200
    body: bytes = b""
    media_type: str = "application/json"
    headers: tuple[str, ...] = ()


class Dialect(Protocol):
    """How upstreams of one kind write, in bytes. All methods are pure."""

    @property
    def media_type(self) -> str:
        """The Content-Type of a streamed answer."""
        ...

    def delta(self, delta: Delta) -> bytes:
        """Return the frames for what ``delta`` holds: text, thinking or pieces of tool calls. Text is not escaped."""
        ...

    def finish(self, finish: Finish) -> bytes:
        """Return the frames that end an answer, with its reason, and with its usage unless that is None."""
        ...

    def failure(self, error: DeeperError, words: str) -> bytes:
        """Return the frame by which a stream that went well so far tells of ``error``; ``words`` are part of it."""
        ...

    def refusal(self, error: DeeperError, words: str) -> HttpReply:
        """Return the reply that means ``error``; ``words`` are part of it. Retry-After is added by the suite."""
        ...

    def nonsense(self) -> bytes:
        """Return a whole frame that nobody can understand."""
        ...

    def blank(self) -> bytes:
        """Return a frame that says nothing, such as a comment; not called without `Ability.BLANKS`."""
        ...

    def reply(self, request: Request, models: Sequence[str]) -> HttpReply | None:
        """Return what a healthy upstream with ``models`` replies; None if ``request`` asks for an answer."""
        ...


class WireStage:
    """The `Stage` of a provider that speaks to a socket; ``upstream`` is what it speaks to."""

    def __init__(self, provider: ModelProvider, upstream: Upstream) -> None:
        self.upstream = upstream
        self._provider = provider

    @property
    def provider(self) -> ModelProvider:
        """The provider under test."""
        return self._provider

    @property
    def asked(self) -> int:
        """How many requests have come."""
        return len(self.upstream.requests)

    @property
    def heard(self) -> bytes:
        """Path and body of the last request."""
        request = self.upstream.requests[-1]
        return request.path.encode() + b"\n" + request.body

    async def until_asked(self, times: int = 1) -> None:
        """Return once that many requests have come."""
        await self.upstream.until_asked(times)

    async def until_left(self) -> None:
        """Return once no client is connected."""
        await self.upstream.until_left()


class WireHarness(Struct, frozen=True):
    """The `Harness` of a provider that speaks HTTP/1.1 to an upstream.

    ``make`` returns a new provider for the base URL, which has no path, and the limits that it is given: seconds and
    bytes, see `WireLimits`.
    """

    make: Callable[[str, WireLimits], ModelProvider]
    dialect: Dialect
    without: Mapping[Need, str] = {}
    soon: float = 1.0

    @asynccontextmanager
    async def stage(self, *scripts: Script, limits: WireLimits = PATIENT) -> AsyncGenerator[WireStage, None]:
        """Make a provider and an upstream that plays ``scripts``."""
        plays = [self._playing(script) for script in scripts]
        async with self.acting(*plays, limits=limits) as stage:
            yield stage

    @asynccontextmanager
    async def acting(self, *plays: Play, limits: WireLimits = PATIENT) -> AsyncGenerator[WireStage, None]:
        """Make a provider and an upstream that does what ``plays`` say, byte by byte."""
        async with running_upstream(*plays) as upstream:
            async with self.open(upstream.url, limits) as provider:
                yield WireStage(provider, upstream)
            await upstream.until_left()

    @asynccontextmanager
    async def open(self, url: str, limits: WireLimits = PATIENT) -> AsyncGenerator[ModelProvider, None]:
        """Make a provider for ``url`` and close it at the end."""
        provider = self.make(url, limits)
        try:
            yield provider
        finally:
            await close_soon(provider, self.soon)

    def _playing(self, script: Script) -> Play:
        async def play(peer: Peer) -> None:
            reply = self.dialect.reply(peer.request, [MODEL])
            if reply is not None:
                await send_reply(peer, reply)
            else:
                await self._perform(peer, script)

        return play

    async def _perform(self, peer: Peer, script: Script) -> None:
        begun = False
        for step in script:
            if isinstance(step, asyncio.Event):
                if not await _passes(peer, step):
                    return
            elif isinstance(step, DeeperError) and not begun:
                await send_reply(peer, self.dialect.refusal(step, UPSTREAM_WORDS), step.retry_after)
                return
            else:
                if not begun:
                    await peer.stream_head(self.dialect.media_type)
                    begun = True
                await peer.chunk(self._frame(step))
        if not begun:
            await peer.stream_head(self.dialect.media_type)
        await peer.chunk(b"")

    def _frame(self, step: Delta | Finish | DeeperError) -> bytes:
        if isinstance(step, Delta):
            return self.dialect.delta(step)
        if isinstance(step, Finish):
            return self.dialect.finish(step)
        return self.dialect.failure(step, UPSTREAM_WORDS)


async def close_soon(provider: ModelProvider, soon: float) -> None:
    """Close ``provider``, which may take ``soon`` seconds."""
    try:
        async with asyncio.timeout(soon):
            await provider.close()
    except TimeoutError as error:
        raise AssertionError(f"close does not return ({soon:g} s)") from error


def question(text: str = "Hello") -> ChatRequest:
    """Return a request of one question to `MODEL`."""
    return ChatRequest(model=MODEL, messages=(ChatMessage(role=ChatRole.USER, content=text),))


async def send_reply(peer: Peer, reply: HttpReply, retry_after: float | None = None) -> None:
    """Send ``reply``, which says when to come back if it is known."""
    headers = reply.headers if retry_after is None else (*reply.headers, f"Retry-After: {retry_after:g}")
    await peer.reply(reply.status, reply.body, reply.media_type, *headers)


async def _passes(peer: Peer, gate: asyncio.Event) -> bool:
    """Return True once ``gate`` is open, or False once the client has left."""
    opened, gone = asyncio.ensure_future(gate.wait()), asyncio.ensure_future(peer.wait_gone())
    try:
        await asyncio.wait((opened, gone), return_when=asyncio.FIRST_COMPLETED)
        return not gone.done()
    finally:
        opened.cancel()
        gone.cancel()
        await asyncio.gather(opened, gone, return_exceptions=True)
