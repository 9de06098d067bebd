"""Joining what one read of the socket brought into one Delta."""

from msgspec.structs import replace

from deeper_core import Delta, FunctionCallDelta, ToolCallDelta
from deeper_model.text import TextMender, mend


class DeltaGatherer:
    """Gathers pieces of an answer until `take`, so that a fast model server costs a step for each read, not each token.

    Thinking, content and tool calls are kept apart; their order among each other within one read is lost, and nobody
    shows it.
    """

    def __init__(self) -> None:
        self.called_tools = False
        self._content: list[str] = []
        self._thinking: list[str] = []
        self._calls: list[ToolCallDelta] = []
        self._pieces = 0
        self._content_mender = TextMender()
        self._thinking_mender = TextMender()

    def add_text(self, content: str | None, thinking: str | None) -> None:
        """Add what one message of the stream carried; one that carries nothing is no piece."""
        if thinking:
            self._thinking.append(thinking)
            self._pieces += 1
        if content:
            self._content.append(content)
            # A message that carries both is the step from one to the other: still one token or two, counted as two.
            self._pieces += 1

    def add_call(self, call: ToolCallDelta) -> None:
        """Add a piece of a tool call, or a whole one."""
        self.called_tools = True
        function = FunctionCallDelta(
            name=None if call.function.name is None else mend(call.function.name),
            arguments=mend(call.function.arguments),
        )
        self._calls.append(replace(call, id=None if call.id is None else mend(call.id), function=function))
        self._pieces += 1

    def take(self) -> Delta | None:
        """Return what was gathered since the last time."""
        if not self._pieces:
            return None
        delta = Delta(
            content=self._content_mender.feed("".join(self._content)),
            thinking=self._thinking_mender.feed("".join(self._thinking)),
            tool_calls=tuple(self._calls),
            pieces=self._pieces,
        )
        self._clear()
        return delta

    def take_last(self) -> Delta | None:
        """Return what was gathered since the last time and what waited for a second half that never came."""
        delta = self.take()
        content, thinking = self._content_mender.close(), self._thinking_mender.close()
        if not content and not thinking:
            return delta
        delta = delta or Delta(pieces=0)
        return replace(delta, content=delta.content + content, thinking=delta.thinking + thinking)

    def _clear(self) -> None:
        self._content.clear()
        self._thinking.clear()
        self._calls.clear()
        self._pieces = 0
