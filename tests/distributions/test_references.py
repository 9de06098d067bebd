"""API.md of each distribution."""

import pytest

from tests.distributions.doors import PACKAGES, doors, folder_of, names
from tests.distributions.references import reference
from tests.distributions.snapshots import COMMAND


@pytest.mark.parametrize("distribution", PACKAGES)
def test_it_is_what_the_docstrings_say(distribution: str):
    written = (folder_of(distribution) / "API.md").read_text("utf-8")
    assert written == reference(distribution), f"packages/*/API.md are stale. Run: {COMMAND}"


@pytest.mark.parametrize("distribution", PACKAGES)
def test_every_public_name_is_in_it_and_is_explained(distribution: str):
    text = reference(distribution)
    for door in doors(distribution):
        public = names(door)
        assert public
        for name, what in public.items():
            assert f"#### `{name}`\n" in text
            assert what.docstring or not (what.is_class or what.is_function), f"{what.path} says nothing of itself"
