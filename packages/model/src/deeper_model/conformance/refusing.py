"""Cases: what a server says of itself, and the errors by which it refuses."""

from collections.abc import Awaitable, Callable

from deeper_core import (
    ContextTooLong,
    Delta,
    ModelNotFound,
    ModelOutOfMemory,
    ModelProtocolBroken,
    ModelServerError,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerRejected,
)
from deeper_model.conformance.cases import Case, ask, case, expect, expect_error, fails, wire, within
from deeper_model.conformance.harnesses import (
    MODEL,
    UPSTREAM_WORDS,
    Ability,
    Harness,
    HttpReply,
    WireHarness,
    send_reply,
)
from deeper_model.conformance.streaming import HELLO
from deeper_model.conformance.upstreams import Peer

_SAID = (
    ModelNotFound,
    ModelServerRejected,
    ContextTooLong,
    ModelOutOfMemory,
    ModelServerOverloaded,
    ModelServerFailed,
)
_SAID_IN_STREAMS = (ContextTooLong, ModelOutOfMemory, ModelServerOverloaded, ModelServerFailed)


async def the_models_are_listed(harness: Harness) -> None:
    """``list_models`` names the models that can be asked."""
    async with harness.stage(HELLO) as stage:
        names = [model.name for model in await stage.provider.list_models()]
        expect(names == [MODEL], f"the models were {names}")


@wire
async def all_models_are_listed(harness: WireHarness) -> None:
    """``list_models`` names every model once."""
    given = ["other", MODEL, "third:8b"]

    async def play(peer: Peer) -> None:
        reply = harness.dialect.reply(peer.request, given)
        await send_reply(peer, reply or HttpReply(status=404))

    async with harness.acting(play) as stage:
        names = sorted(model.name for model in await stage.provider.list_models())
        expect(names == sorted(given), f"the models were {names}")


@wire
async def a_list_that_is_nonsense_is_a_broken_protocol(harness: WireHarness) -> None:
    """A list that nobody can understand is ModelProtocolBroken."""

    async def play(peer: Peer) -> None:
        await send_reply(peer, HttpReply(body=f"<{UPSTREAM_WORDS}>".encode()))

    async with harness.acting(play) as stage:
        await fails(stage.provider.list_models(), ModelProtocolBroken)


async def it_has_a_name(harness: Harness) -> None:
    """A provider has a name, by which logs call it."""
    async with harness.stage(HELLO) as stage:
        expect(stage.provider.name, "the name is missing")


async def a_healthy_server_is_healthy(harness: Harness) -> None:
    """``check_health`` returns when the server answers."""
    async with harness.stage(HELLO) as stage:
        await within(harness, stage.provider.check_health(), "check_health does not return")


def _refused(kind: type[ModelServerError | ModelNotFound]) -> Callable[[Harness], Awaitable[None]]:
    async def run(harness: Harness) -> None:
        """Each way of refusing is its error, and its message is ours."""
        async with harness.stage((kind(),)) as stage:
            found = await ask(stage.provider)
            expect_error(found, kind)
            expect(not found.deltas, "a refusal is no text")
            expect(found.error and found.error.retry_after is None, "nobody said when to come back")
            await within(harness, stage.until_left(), "a refusal was not let go")

    return run


def _failed(kind: type[ModelServerError]) -> Callable[[Harness], Awaitable[None]]:
    async def run(harness: Harness) -> None:
        """An error inside a stream that went well so far is its error, after the text that came."""
        async with harness.stage((Delta(content="Hello"), kind())) as stage:
            found = await ask(stage.provider)
            expect_error(found, kind)
            expect(found.content == "Hello", "the text before the error was lost")
            await within(harness, stage.until_left(), "the connection stays open")

    return run


async def a_busy_server_says_when_to_come_back(harness: Harness) -> None:
    """``retry_after`` is what the upstream said, in seconds."""
    async with harness.stage((ModelServerOverloaded(retry_after=77),)) as stage:
        error = expect_error(await ask(stage.provider), ModelServerOverloaded)
        expect(error.retry_after == 77, f"retry_after was {error.retry_after}")


@wire
async def refusals_of_a_list_are_errors(harness: WireHarness) -> None:
    """``list_models`` and ``check_health`` raise what the upstream refused with."""
    reply = harness.dialect.refusal(ModelServerFailed(), UPSTREAM_WORDS)

    async def play(peer: Peer) -> None:
        await peer.reply(reply.status, reply.body, reply.media_type)

    async with harness.acting(play) as stage:
        await fails(stage.provider.list_models(), ModelServerFailed)
        await fails(stage.provider.check_health(), ModelServerError)


REFUSING: tuple[Case, ...] = (
    case(it_has_a_name),
    case(the_models_are_listed),
    case(all_models_are_listed, Ability.WIRE),
    case(a_list_that_is_nonsense_is_a_broken_protocol, Ability.WIRE),
    case(a_healthy_server_is_healthy),
    *(case(_refused(kind), kind, name=f"a_refusal_is_{kind.__name__}") for kind in _SAID),
    *(
        case(_failed(kind), kind, Ability.STREAM_ERRORS, name=f"a_failure_in_mid_stream_is_{kind.__name__}")
        for kind in _SAID_IN_STREAMS
    ),
    case(a_busy_server_says_when_to_come_back, ModelServerOverloaded),
    case(refusals_of_a_list_are_errors, Ability.WIRE),
)
