"""The package's one door and its promises on paper."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import deeper_model
from deeper_model import (
    ModelProvider,
    OllamaProvider,
    OpenAICompatibleProvider,
    RetryingProvider,
    ScriptedProvider,
    conformance,
)

README = Path(__file__).parents[2] / "packages" / "model" / "README.md"


def test_the_public_names_are_there_and_said_once() -> None:
    # Their order is the linter's business.
    assert len(set(deeper_model.__all__)) == len(deeper_model.__all__)
    assert all(hasattr(deeper_model, name) for name in deeper_model.__all__)


def run_example(number: int) -> str:
    example = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[number]
    ran = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.returncode == 0
    assert "Why is the sky blue?" in ran.stdout
    return ran.stdout


def test_the_example_of_the_readme_runs() -> None:
    assert "stop" in run_example(0)


def test_the_pool_of_the_readme_runs() -> None:
    lines = run_example(1).splitlines()
    assert lines[0] == "['scripted']"
    assert [line.split()[:2] for line in lines[-3:]] == [["big", "up"], ["small", "up"], ["broken", "up"]]
    assert lines[-1].endswith("() model_server_unreachable")


def test_the_provider_of_the_readme_conforms(tmp_path: Path) -> None:
    example = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[2]
    (tmp_path / "test_local.py").write_text(example)
    arguments = ["-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio", "-p", "no:cacheprovider", "test_local.py"]
    # Else pytest closes the folder that all runs share to PostgreSQL's user.
    arguments += ["--basetemp", str(tmp_path / "temporary")]
    ran = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed is not None
    assert int(passed[1]) > 20


def test_the_suite_has_one_door_and_the_package_does_without_pytest() -> None:
    assert all(hasattr(conformance, name) for name in conformance.__all__)
    code = "import deeper_model, sys; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_imports_no_server_and_no_database() -> None:
    code = "import deeper_model, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    foreign = {"litestar", "granian", "psycopg", "psycopg_pool", "yoyo", "coredis", "click", "jose", "passlib"}
    assert not foreign & set(ran.stdout.split())


@pytest.mark.parametrize("name", ["a", "b"])
async def test_every_provider_is_one_and_tells_its_name(name: str) -> None:
    providers: list[ModelProvider] = [
        OllamaProvider("http://127.0.0.1:1", name=name),
        OpenAICompatibleProvider("http://127.0.0.1:1", name=name),
        ScriptedProvider(name=name),
        RetryingProvider(ScriptedProvider(name=name)),
    ]
    for provider in providers:
        assert provider.name == name
        await provider.close()
