"""The tests of each library, run where there is nothing of this repository but its wheel and they themselves."""

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.distributions.builds import Built, install, uv
from tests.distributions.doors import ROOT, folder_of

_TOOLS = ("hypothesis", "pytest", "pytest-asyncio", "pytest-randomly", "pytest-timeout")
_SETTINGS = """\
[pytest]
strict = true
addopts = -q
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
timeout = 100
filterwarnings = error
"""
# What holds for a few values is looked for in many in the workspace: here the question is whether anything is missing.
_CONFTEST = """\
import hypothesis

hypothesis.settings.register_profile("alone", max_examples=5)
hypothesis.settings.load_profile("alone")
"""
# Tests that need more than the library: a model server, another event loop. And those of the conformance suites
# themselves, which run them dozens of times over; and servers that hang at random, which takes its time.
_NOT_ALONE = {
    "deeper-auth": {"test_session_store_faults.py"},
    "deeper-model": {
        "test_llama.py",
        "test_ollama_stand_in.py",
        "test_ollama_wire.py",
        "test_uvloop.py",
        "test_mutants.py",
        "test_random_faults.py",
    },
}

pytestmark = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")


@pytest.mark.timeout(300)  # some thousand tests, one after the other
@pytest.mark.parametrize("distribution", ["deeper-core", "deeper-model", "deeper-auth"])
def test_the_tests_of_a_library_pass_where_it_is_alone(built: Built, distribution: str, tmp_path: Path):
    installed = install(built, distribution, tmp_path / "environment")
    tools = [f"{tool}=={version(tool)}" for tool in _TOOLS]
    uv("pip", "install", "--quiet", "--python", str(installed.folder), *tools)
    place = tmp_path / "place"
    name = distribution.removeprefix("deeper-")
    shutil.copytree(ROOT / "tests" / name, place / "tests" / name, ignore=_ignored(distribution))
    (place / "tests" / "__init__.py").touch()
    (place / "pytest.ini").write_text(_SETTINGS)
    (place / "conftest.py").write_text(_CONFTEST)
    readme = place / "packages" / name / "README.md"
    readme.parent.mkdir(parents=True)
    shutil.copy(folder_of(distribution) / "README.md", readme)
    # Without a folder of its own for temporary files, pytest closes the one that all runs share to PostgreSQL's user.
    folders = ["--rootdir", str(place), "-c", str(place / "pytest.ini"), "--basetemp", str(tmp_path / "temporary")]
    said = installed.run("python", "-P", "-m", "pytest", *folders, str(place / "tests"))
    assert " passed" in said
    assert "failed" not in said


def _ignored(distribution: str):
    names = {"__pycache__", *_NOT_ALONE.get(distribution, ())}
    return lambda _folder, held: names.intersection(held)
