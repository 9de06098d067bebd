"""Cases: what is asked of the upstream."""

from deeper_core import ChatMessage, ChatOptions, ChatRequest, ChatRole, FunctionDefinition, JsonObject, Tool
from deeper_model.conformance.cases import Case, case, collect, expect
from deeper_model.conformance.harnesses import MODEL, Ability, Harness
from deeper_model.conformance.streaming import HELLO

_SYSTEM = ChatMessage(role=ChatRole.SYSTEM, content="Besystematic")
_TALK = (
    ChatMessage(role=ChatRole.USER, content="Firstquestion"),
    ChatMessage(role=ChatRole.ASSISTANT, content="Firstanswer"),
    ChatMessage(role=ChatRole.USER, content="Secondquestion"),
)

_NO_OPTIONS = ChatOptions()


async def _heard(harness: Harness, *, tools: tuple[Tool, ...] = (), options: ChatOptions = _NO_OPTIONS) -> bytes:
    """Return what the upstream was asked."""
    request = ChatRequest(model=MODEL, messages=(_SYSTEM, *_TALK), tools=tools, options=options)
    async with harness.stage(HELLO) as stage:
        await collect(stage.provider.chat_stream(request))
        expect(stage.asked == 1, f"the upstream was asked {stage.asked} times")
        return stage.heard


async def the_whole_conversation_is_asked(harness: Harness) -> None:
    """The upstream is asked once: this model, with the system's words and all messages in their order."""
    heard = await _heard(harness)
    for word in (MODEL, _SYSTEM.content):
        expect(word.encode() in heard, f"{word!r} is missing in what was asked: {heard[:500]!r}")
    places = [heard.find(message.content.encode()) for message in _TALK]
    expect(-1 not in places, f"messages are missing in what was asked: {heard[:500]!r}")
    expect(places == sorted(places), f"messages are out of order in what was asked: {heard[:500]!r}")


async def tools_are_offered(harness: Harness) -> None:
    """The upstream is told of the tools, with their parameters."""
    parameters: JsonObject = {"type": "object", "properties": {"whichcity": {"type": "string"}}}
    function = FunctionDefinition(name="tellforecast", description="Tellsweather", parameters=parameters)
    heard = await _heard(harness, tools=(Tool(function=function),))
    for word in ("tellforecast", "Tellsweather", "whichcity"):
        expect(word.encode() in heard, f"{word!r} of a tool is missing in what was asked: {heard[:500]!r}")


async def options_are_passed_on(harness: Harness) -> None:
    """The upstream is told how long an answer may be, where it stops, and the seed."""
    heard = await _heard(harness, options=ChatOptions(max_tokens=54_321, seed=98_765, stop=("Fullstop",)))
    for word in ("54321", "98765", "Fullstop"):
        expect(word.encode() in heard, f"the option {word} is missing in what was asked: {heard[:500]!r}")


ASKING: tuple[Case, ...] = (
    case(the_whole_conversation_is_asked),
    case(tools_are_offered, Ability.TOOL_CALLS),
    case(options_are_passed_on, Ability.OPTIONS),
)
