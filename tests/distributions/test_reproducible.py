"""Whoever builds a release gets the same bytes."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from tests.distributions.builds import NEEDS, Built, uv
from tests.distributions.doors import ROOT

_SOURCES = ("packages", "migrations", "pyproject.toml", "uv.lock", "README.md", ".gitignore")
_LONG_AGO = 1_000_000_000

pytestmark = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")


def digests(folder: Path) -> dict[str, str]:
    found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def copy_of_the_sources(folder: Path) -> Path:
    """The same sources elsewhere, written at another time by somebody who lets nobody else read them."""
    for name in _SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)
            os.utime(path, (_LONG_AGO, _LONG_AGO))
    return folder


def test_a_build_elsewhere_at_another_time_and_without_the_detour_by_the_source_is_the_same(
    built: Built, tmp_path: Path
):
    sources = copy_of_the_sources(tmp_path / "some" / "where" / "else")
    uv("build", "--all-packages", "--sdist", "--wheel", "--quiet", "--out-dir", str(tmp_path / "out"), folder=sources)
    found = digests(tmp_path / "out")
    assert len(found) == 2 * len(NEEDS)
    assert found == digests(built.folder)
