"""What was to be gone is gone."""

from pathlib import Path

import pytest

from tests.distributions.changelogs import version_of
from tests.distributions.deprecations import deprecations, overdue
from tests.distributions.doors import PACKAGES, folder_of

SOURCE = """
from deeper_core import deprecated, deprecated_names

class New:
    @deprecated("Since 0.2.0, gone in 0.4.0: call look")
    def see(self): ...

__getattr__ = deprecated_names(
    __name__, {"Old": (New, "Since 0.3.0, gone in 0.10.0: use New"), "A": (1, "Since 0.3.0, gone in 1.0.0: write 1")}
)
"""


@pytest.mark.parametrize("distribution", PACKAGES)
def test_nothing_is_there_that_was_to_be_gone_by_now(distribution: str):
    assert overdue(folder_of(distribution) / "src", version_of(distribution)) == []


@pytest.mark.parametrize(("version", "count"), [("0.3.9", 0), ("0.4.0", 1), ("0.9.0", 1), ("0.10.0", 2), ("1.0.0", 3)])
def test_what_stays_too_long_is_found(version: str, count: int, tmp_path: Path):
    (tmp_path / "module.py").write_text(SOURCE)
    found = overdue(tmp_path, version)
    assert len(found) == count
    if count:
        assert found[0] == "module.py:5 is to be gone in 0.4.0: delete it (call look)"


@pytest.mark.parametrize("message", ["MESSAGE", '"It is old"', 'f"Since {x}"'])
def test_what_nobody_can_read_here_is_refused(message: str, tmp_path: Path):
    (tmp_path / "module.py").write_text(f"@deprecated({message})\ndef old(): ...\n")
    with pytest.raises(ValueError, match="Expected"):
        list(deprecations(tmp_path))
