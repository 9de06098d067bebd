"""What an answer says, joined."""

from dataclasses import dataclass, field

from tests.fakes.exchanges import Json


@dataclass
class Text:
    """An answer: what was thought, what was said, and the tool calls by their index, with their arguments joined."""

    content: str = ""
    thinking: str = ""
    calls: dict[int, Json] = field(default_factory=dict[int, Json])

    def add_call(self, piece: Json) -> None:
        """Add a piece of a tool call."""
        function = piece.get("function", {})
        call = self.calls.setdefault(
            piece["index"], {"id": piece.get("id"), "name": function.get("name"), "arguments": ""}
        )
        call["arguments"] += function.get("arguments", "")

    def sizes(self) -> dict[str, int]:
        """The number of characters in each part: content, thinking, and the arguments of each call."""
        calls = {f"call {index}": len(call["arguments"]) for index, call in self.calls.items()}
        return {"content": len(self.content), "thinking": len(self.thinking)} | calls

    def begins(self, whole: "Text") -> bool:
        """Whether ``whole`` begins with this."""
        return (
            whole.content.startswith(self.content)
            and whole.thinking.startswith(self.thinking)
            and all(_begins(call, whole.calls.get(index)) for index, call in self.calls.items())
        )


def text_of(message: Json) -> Text:
    """The text of a message as the API shows it."""
    calls = enumerate(message.get("tool_calls", []))
    return Text(
        content=message.get("content", ""),
        thinking=message.get("thinking") or "",
        calls={
            index: {"id": call["id"], "name": call["function"]["name"], "arguments": call["function"]["arguments"]}
            for index, call in calls
        },
    )


def _begins(call: Json, whole: Json | None) -> bool:
    if whole is None:
        return False
    named = (call["id"], call["name"]) == (whole["id"], whole["name"])
    return named and whole["arguments"].startswith(call["arguments"])
