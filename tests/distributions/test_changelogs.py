"""CHANGELOG.md of each distribution, and the version of which it tells."""

import re
import tomllib
from importlib.metadata import version

import pytest

from tests.distributions import changelogs
from tests.distributions.changelogs import newest, version_of
from tests.distributions.doors import PACKAGES, folder_of

GOOD = """\
# Changelog

Words.

## [0.2.0] - unreleased

### Added

- One thing,
  and more of it.

### Deprecated

- Another.

## [0.1.0] - 2026-11-23

### Added

- Everything.
"""


@pytest.mark.parametrize("distribution", PACKAGES)
def test_the_newest_part_is_about_the_version_of_the_distribution(distribution: str):
    assert newest(distribution).version == version_of(distribution)


@pytest.mark.parametrize("distribution", PACKAGES)
def test_what_is_installed_has_the_version_of_its_pyproject(distribution: str):
    assert version(distribution) == version_of(distribution)


@pytest.mark.parametrize("distribution", PACKAGES)
def test_what_it_needs_of_ours_is_of_a_version_that_breaks_nothing(distribution: str):
    needed = tomllib.loads((folder_of(distribution) / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for requirement in needed:
        if requirement.startswith("deeper-"):
            name, bound = re.split(r"(?===)", requirement)
            major, minor, _ = version_of(name).split(".")
            assert bound == (f"=={major}.{minor}.*" if major == "0" else f"=={major}.*")


def test_a_changelog_is_read():
    new, old = changelogs.parse(GOOD)
    assert (new.version, new.released, old.version, str(old.released)) == ("0.2.0", None, "0.1.0", "2026-11-23")
    assert new.changes == {"Added": ["One thing,"], "Deprecated": ["Another."]}
    assert changelogs.parse(GOOD.replace("and more", "and less"))[0].digest() != new.digest()
    assert changelogs.parse(GOOD.replace("Everything", "Nothing"))[0].digest() == new.digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# Changelog", "# What is new"),
        ("[0.2.0]", "0.2.0"),
        ("[0.2.0]", "[0.2]"),
        ("[0.2.0]", "[0.02.0]"),
        ("[0.2.0]", "[0.1.0]"),
        ("[0.2.0]", "[0.0.9]"),
        ("2026-11-23", "unreleased"),
        ("2026-11-23", "2026-13-23"),
        ("### Deprecated", "### Forgotten"),
        ("### Deprecated", "### Added"),
        ("- Another.", ""),
        ("- Another.", "Another."),
        ("### Added\n\n- One thing,\n  and more of it.\n\n### Deprecated\n\n- Another.\n", ""),
    ],
)
def test_what_is_in_another_form_is_refused(old: str, new: str):
    with pytest.raises(ValueError, match=r"Expected|month"):
        changelogs.parse(GOOD.replace(old, new))
