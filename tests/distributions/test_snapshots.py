"""The public names change only together with the changelog."""

import pytest

from tests.distributions import snapshots
from tests.distributions.changelogs import newest
from tests.distributions.doors import PACKAGES, doors, folder_of
from tests.distributions.snapshots import COMMAND, Unsaid, parse, public_names, render, renewed

OLD = render("deeper-core", "class deeper_core.Old\n", "before")
NAMES = "class deeper_core.New\n"


@pytest.mark.parametrize("distribution", PACKAGES)
def test_the_public_names_are_those_of_the_file(distribution: str):
    text = (folder_of(distribution) / "public-names.txt").read_text("utf-8")
    assert renewed(distribution, text, public_names(distribution), newest(distribution).digest()) == text, (
        f"The public names have changed. Run: {COMMAND}"
    )


def test_names_that_change_without_a_word_are_refused_with_what_to_do():
    with pytest.raises(Unsaid) as refused:
        renewed("deeper-core", OLD, NAMES, "before")
    said = str(refused.value)
    assert "- class deeper_core.Old\n+ class deeper_core.New\n" in said
    assert "packages/core/CHANGELOG.md" in said
    assert COMMAND in said


def test_names_that_change_with_a_word_are_written_together_with_what_was_said():
    written = renewed("deeper-core", OLD, NAMES, "after")
    assert parse(written) == snapshots.Snapshot(NAMES, "after")


def test_a_word_about_something_else_changes_nothing():
    assert renewed("deeper-core", OLD, "class deeper_core.Old\n", "after") == OLD


def test_a_file_that_was_changed_by_hand_is_refused():
    with pytest.raises(ValueError, match="by hand"):
        parse(OLD.replace("Old", "New"))
    with pytest.raises(ValueError, match="by hand"):
        parse(NAMES)


def test_signatures_fields_bases_and_members_are_part_of_a_name():
    lines = (public_names("deeper-model") + public_names("deeper-core")).splitlines()
    assert "class deeper_core.ModelServerTimedOut(ModelServerError)" in lines
    assert "deeper_core.ChatMessage.content: str = ''" in lines
    assert "deeper_core.Role.ADMIN = 'admin'" in lines
    assert "async def deeper_model.ModelProvider.list_models() -> Sequence[Model]" in lines
    assert "deeper_model.conformance.Case.name: str" in lines
    assert [line for line in lines if "._" in line and ".__" not in line] == []


def test_every_module_of_the_libraries_that_hands_out_names_is_a_door():
    assert [door.path for door in doors("deeper-model")] == [
        "deeper_model",
        "deeper_model.conformance",
        "deeper_model.pool",
    ]
    assert doors("deeper-core")[0].path == "deeper_core"
    assert [door.path for door in doors("deeper-api")] == ["deeper_api.app", "deeper_api.config"]
