"""What model servers call their tool calls."""

import pytest

from deeper_core import ToolCallDelta
from deeper_model.deltas import DeltaGatherer


@pytest.mark.parametrize("unfit", ["\x00", "\ud800"])
def test_the_id_of_a_call_is_fit_to_be_stored(unfit: str):
    gatherer = DeltaGatherer()
    gatherer.add_call(ToolCallDelta(index=0, id=f"a{unfit}b"))
    delta = gatherer.take()
    assert delta is not None
    assert [call.id for call in delta.tool_calls] == ["a\N{REPLACEMENT CHARACTER}b"]
