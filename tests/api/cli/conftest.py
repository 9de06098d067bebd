"""Folders and servers for commands."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.api.cli.commands import Background, Deeper, Dev, Start, StartDev


@pytest.fixture(scope="session")
def cli_folder() -> Iterator[Path]:
    """A folder with a short path, for sockets, that PostgreSQL's account can reach (pytest's own are closed to it)."""
    folder = Path(tempfile.mkdtemp(prefix="deeper-cli-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def seed(cli_folder: Path) -> Path:
    """A data folder that `deeper dev` has made and left, to copy."""
    home = cli_folder / "seed"
    home.mkdir()
    dev = Dev(home / "data")
    try:
        dev.wait_until_ready()
        assert dev.interrupt() == 0
    finally:
        dev.kill()
    return dev.data


@pytest.fixture
def data(seed: Path, cli_folder: Path) -> Iterator[Path]:
    """A data folder of the test's own, with an account in it, on which nothing runs."""
    home = Path(tempfile.mkdtemp(dir=cli_folder))
    home.chmod(0o711)
    subprocess.run(["cp", "-a", str(seed), str(home / "data")], check=True)
    yield home / "data"
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def start_dev(data: Path) -> Iterator[StartDev]:
    """Starts `deeper dev` and waits until it is ready, unless told not to."""
    started: list[Dev] = []

    def start(
        folder: Path = data,
        *,
        wait: bool = True,
        port: int | None = None,
        web: Sequence[str] = ("--no-web",),
        **given: str,
    ) -> Dev:
        started.append(Dev(folder, port=port, web=web, given=given))
        return started[-1].wait_until_ready() if wait else started[-1]

    yield start
    for dev in started:
        dev.kill()


@pytest.fixture(scope="session")
def dev(seed: Path, cli_folder: Path) -> Iterator[Dev]:
    """A running `deeper dev` with the scripted model that the tests share."""
    home = cli_folder / "shared"
    home.mkdir()
    subprocess.run(["cp", "-a", str(seed), str(home / "data")], check=True)
    dev = Dev(home / "data")
    try:
        yield dev.wait_until_ready()
        assert dev.background.process.poll() is None
    finally:
        dev.kill()


@pytest.fixture
def deeper(tmp_path: Path) -> Deeper:
    """The command in an empty folder, without a server or a database."""
    return Deeper(tmp_path, {"DEEPER_DATA_DIR": str(tmp_path / "none")})


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Start]:
    """Starts commands that run on: ``background("serve", DEEPER_DB_URL=…)``."""
    started: list[Background] = []

    def start(*arguments: str, **given: str) -> Background:
        started.append(Background(tmp_path, *arguments, given=given))
        return started[-1]

    yield start
    for each in started:
        each.kill()
