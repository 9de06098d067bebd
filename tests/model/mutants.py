"""Providers with one fault each. They show that the conformance suite can fail."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from msgspec.structs import replace

from deeper_core import (
    AnswerIncomplete,
    ChatEvent,
    ChatOptions,
    ChatRequest,
    DeeperError,
    Delta,
    Finish,
    FinishReason,
    Model,
    ModelProtocolBroken,
    ModelServerError,
    ModelServerFailed,
    ModelServerTimedOut,
    Timings,
    Usage,
)
from deeper_model import ModelProvider, WireLimits
from deeper_model.conformance import UPSTREAM_WORDS
from tests.model.test_third_provider import ParrotProvider, _read

Events = AsyncGenerator[ChatEvent, None]
kept: set[object] = set()


class Faultless:
    """Does what the provider within does; each mutant differs from it in one thing."""

    def __init__(self, provider: ModelProvider) -> None:
        self._provider = provider

    @property
    def name(self) -> str:
        return self._provider.name

    async def list_models(self) -> Sequence[Model]:
        return await self._provider.list_models()

    def chat_stream(self, request: ChatRequest) -> Events:
        return self.changed(self._provider.chat_stream(request))

    async def changed(self, events: Events) -> Events:
        async with aclosing(events):
            async for event in events:
                for one in self.change(event):
                    yield one

    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [event]

    async def check_health(self) -> None:
        await self._provider.check_health()

    async def close(self) -> None:
        await self._provider.close()


class FinishesTwice(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [event, event] if isinstance(event, Finish) else [event]


class NeverFinishes(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [] if isinstance(event, Finish) else [event]


class StripsText(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [replace(event, content=event.content.strip()) if isinstance(event, Delta) else event]


class ThinksAloud(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        if isinstance(event, Delta):
            return [replace(event, thinking="", content=event.thinking + event.content)]
        return [event]


class MixesCallsUp(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        if isinstance(event, Delta):
            return [replace(event, tool_calls=tuple(replace(call, index=0) for call in event.tool_calls))]
        return [event]


class ForgetsCounts(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [replace(event, usage=None) if isinstance(event, Finish) else event]


class ForgetsTimes(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [replace(event, timings=Timings()) if isinstance(event, Finish) else event]


class AlwaysStops(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [replace(event, reason=FinishReason.STOP) if isinstance(event, Finish) else event]


class GivesNobodyATurn(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [event] * 60_000


class MiscountsPieces(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [replace(event, pieces=2) if isinstance(event, Delta) else event]


class InventsCounts(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        return [replace(event, usage=event.usage or Usage()) if isinstance(event, Finish) else event]


class KeepsOldCounts(Faultless):
    _usage: Usage | None = None

    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        if not isinstance(event, Finish):
            return [event]
        self._usage = event.usage or self._usage
        return [replace(event, usage=self._usage)]


class InventsTimes(Faultless):
    def change(self, event: ChatEvent) -> Sequence[ChatEvent]:
        timings = Timings(first_token_ms=0, total_ms=0)
        return [replace(event, timings=timings) if isinstance(event, Finish) else event]


class AsksOtherwise(Faultless):
    """Asks not what it was asked."""

    def chat_stream(self, request: ChatRequest) -> Events:
        return self._provider.chat_stream(self.other(request))

    def other(self, request: ChatRequest) -> ChatRequest:
        return request


class ForgetsTheConversation(AsksOtherwise):
    def other(self, request: ChatRequest) -> ChatRequest:
        return replace(request, messages=request.messages[-1:])


class TurnsTheConversationRound(AsksOtherwise):
    def other(self, request: ChatRequest) -> ChatRequest:
        return replace(request, messages=request.messages[::-1])


class AsksAnotherModel(AsksOtherwise):
    def other(self, request: ChatRequest) -> ChatRequest:
        return replace(request, model="other")


class ForgetsTools(AsksOtherwise):
    def other(self, request: ChatRequest) -> ChatRequest:
        return replace(request, tools=())


class ForgetsOptions(AsksOtherwise):
    def other(self, request: ChatRequest) -> ChatRequest:
        return replace(request, options=ChatOptions())


class HoldsTextBack(Faultless):
    async def changed(self, events: Events) -> Events:
        for event in [event async for event in events]:
            yield event


class SwallowsCancellation(Faultless):
    async def changed(self, events: Events) -> Events:
        async with aclosing(events):
            try:
                async for event in events:
                    yield event
            except asyncio.CancelledError:
                raise AnswerIncomplete from None


class OutlivesCancellation(Faultless):
    async def changed(self, events: Events) -> Events:
        queue: asyncio.Queue[ChatEvent | ModelServerError] = asyncio.Queue(1)

        async def pump() -> None:
            try:
                async for event in events:
                    await queue.put(event)
            except ModelServerError as error:
                await queue.put(error)

        task = asyncio.ensure_future(pump())
        kept.add(task)
        task.add_done_callback(kept.discard)
        while True:
            event = await queue.get()
            if isinstance(event, ModelServerError):
                raise event
            yield event
            if isinstance(event, Finish):
                return


class ReadsAhead(Faultless):
    async def changed(self, events: Events) -> Events:
        queue: asyncio.Queue[ChatEvent] = asyncio.Queue()

        async def pump() -> None:
            async for event in events:
                await queue.put(event)

        task = asyncio.ensure_future(pump())
        try:
            while True:
                yield await queue.get()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class LeavesStreamsOpen(Faultless):
    async def changed(self, events: Events) -> Events:
        kept.add(events)
        async for event in events:
            yield event
        kept.discard(events)


class LeavesTasks(Faultless):
    async def changed(self, events: Events) -> Events:
        task = asyncio.ensure_future(asyncio.Event().wait())
        kept.add(task)
        task.add_done_callback(kept.discard)
        async with aclosing(events):
            async for event in events:
                yield event


class AnswersFewAtATime(Faultless):
    def __init__(self, provider: ModelProvider) -> None:
        super().__init__(provider)
        self._turns = asyncio.Semaphore(10)

    async def changed(self, events: Events) -> Events:
        async with self._turns, aclosing(events):
            async for event in events:
                yield event


class CallsTheReaderSilent(Faultless):
    async def changed(self, events: Events) -> Events:
        loop = asyncio.get_running_loop()
        async with aclosing(events):
            async for event in events:
                before = loop.time()
                yield event
                if loop.time() - before > 0.4:
                    raise ModelServerTimedOut


class Rethrows(Faultless):
    """Raises `other` errors in the place of those that come."""

    async def changed(self, events: Events) -> Events:
        async with aclosing(events):
            try:
                async for event in events:
                    yield event
            except DeeperError as error:
                raise self.other(error) from error

    def other(self, error: DeeperError) -> Exception:
        return error


class RepeatsTheServersWords(Rethrows):
    def other(self, error: DeeperError) -> Exception:
        return type(error)(f"The server said: {UPSTREAM_WORDS}")


class LetsForeignErrorsOut(Rethrows):
    def other(self, error: DeeperError) -> Exception:  # noqa: ARG002  - the same for all
        return OSError("connection refused")


class KnowsOneError(Rethrows):
    def other(self, error: DeeperError) -> Exception:  # noqa: ARG002  - the same for all
        return ModelServerFailed()


class ForgetsWhenToComeBack(Rethrows):
    def other(self, error: DeeperError) -> Exception:
        return type(error)()


class InventsWhenToComeBack(Rethrows):
    def other(self, error: DeeperError) -> Exception:
        return type(error)(retry_after=error.retry_after or 77)


class TakesAnyEndForTheEnd(Faultless):
    async def changed(self, events: Events) -> Events:
        async with aclosing(events):
            try:
                async for event in events:
                    yield event
            except AnswerIncomplete:
                yield Finish(reason=FinishReason.STOP)


class AsksAgainInMidStream(Faultless):
    async def _twice(self, request: ChatRequest) -> Events:
        try:
            async for event in self._provider.chat_stream(request):
                yield event
        except AnswerIncomplete:
            async for event in self._provider.chat_stream(request):
                yield event

    def chat_stream(self, request: ChatRequest) -> Events:
        return self._twice(request)


class ClosesOnce(Faultless):
    _closed = False

    async def close(self) -> None:
        if self._closed:
            raise RuntimeError("closed already")
        self._closed = True
        await self._provider.close()


class FindsNothing(Faultless):
    async def list_models(self) -> Sequence[Model]:
        return []


class FindsOne(Faultless):
    async def list_models(self) -> Sequence[Model]:
        return (await self._provider.list_models())[:1]


class FindsNonsense(Faultless):
    async def list_models(self) -> Sequence[Model]:
        try:
            return await self._provider.list_models()
        except ModelProtocolBroken:
            raise ValueError("Expecting value") from None


class FinishesLists(Faultless):
    async def list_models(self) -> Sequence[Model]:
        task = asyncio.ensure_future(self._provider.list_models())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            return await task


class HasNoName(Faultless):
    @property
    def name(self) -> str:
        return ""


class AlwaysHealthy(Faultless):
    async def check_health(self) -> None:
        pass


class LosesBytes(ParrotProvider):
    """Forgets the piece of a line at the end of a read."""

    async def chat_stream(self, request: ChatRequest) -> Events:
        async with self._request("POST", "/parrot", request.model.encode()) as reply:
            async for part in reply.parts(None):
                for line in part.split(b"\n"):
                    if line.endswith(b"}"):
                        event = _read(line)
                        yield event
                        if isinstance(event, Finish):
                            return


class BreaksCharacters(ParrotProvider):
    """Decodes each read by itself."""

    async def chat_stream(self, request: ChatRequest) -> Events:
        async with self._request("POST", "/parrot", request.model.encode()) as reply:
            held = ""
            async for part in reply.parts(None):
                *lines, held = (held + part.decode("utf-8", "replace")).split("\n")
                for line in lines:
                    event = _read(line.encode())
                    yield event
                    if isinstance(event, Finish):
                        return


class WaitsForEver(ParrotProvider):
    """Waits for ever, whatever the limits say."""

    def __init__(self, base_url: str, _: WireLimits) -> None:
        super().__init__(base_url, WireLimits(connect=None, first_byte=None, idle=None, reply=None))


class NeverCloses(ParrotProvider):
    async def close(self) -> None:
        await asyncio.Event().wait()


class ForgetsToClose(ParrotProvider):
    async def close(self) -> None:
        pass
