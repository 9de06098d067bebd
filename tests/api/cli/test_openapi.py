"""``deeper openapi``, and the document that is checked in."""

from tests.api.cli.commands import Deeper
from tests.api.contract.test_document import CHECKED_IN

_COMMAND = "uv run deeper openapi > packages/api/openapi.json"


def test_it_prints_the_document_that_is_checked_in(deeper: Deeper):
    done = deeper("openapi")
    assert (done.code, done.err) == (0, "")
    assert done.out == CHECKED_IN.read_text("utf-8"), f"The API has changed. Say so in the changelog, then: {_COMMAND}"
