"""Numbering the tool calls of a stream whose server numbers them badly."""

from deeper_core import FunctionCallDelta, ToolCallDelta, new_id


class CallNumbering:
    """Gives each tool call of one answer an index of its own, an id, and its name once.

    OpenAI sends an index with every fragment and the id with the first. Servers that imitate it leave out the index,
    give every call the same one, repeat id or name in each fragment, or send no id at all.
    """

    def __init__(self) -> None:
        self._current: dict[int, int] = {}
        self._ids: list[str | None] = []
        self._named: list[bool] = []

    def number(self, index: int | None, call_id: str | None, name: str | None, arguments: str) -> ToolCallDelta:
        """Return the fragment in our form."""
        key = 0 if index is None else index
        ours = self._current.get(key)
        if ours is None or self._starts_anew(ours, call_id):
            ours = len(self._ids)
            self._current[key] = ours
            self._ids.append(call_id)
            self._named.append(bool(name))
            function = FunctionCallDelta(name=name or None, arguments=arguments)
            return ToolCallDelta(index=ours, id=call_id or f"call_{new_id().hex}", function=function)
        named, self._named[ours] = self._named[ours], self._named[ours] or bool(name)
        return ToolCallDelta(
            index=ours, function=FunctionCallDelta(name=None if named else name or None, arguments=arguments)
        )

    def _starts_anew(self, ours: int, call_id: str | None) -> bool:
        return bool(call_id) and call_id != self._ids[ours]
