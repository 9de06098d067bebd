"""``deeper dev``: everything on one machine."""

import asyncio
import json
import os
import re
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.cli.commands import Background, Deeper, Dev, Start, StartDev, listeners_of, postgres_of
from tests.fixtures.ollama import RunningOllama
from tests.fixtures.postgres import wait_until


def first_account(dev: Dev) -> tuple[str, str]:
    """E-mail address and password of the first account, as it was announced."""
    found = re.search(r"First account: (\S+), password (\S+)", dev.background.output())
    assert found
    return found[1], found[2]


def test_the_first_start_says_all_that_one_needs(seed: Path):
    [output] = seed.parent.glob("output-*")
    said = output.read_text()
    assert f"Making a PostgreSQL database in {seed / 'postgres'}" in said
    assert "Applying migration 0001." in said
    assert re.search(r"DeeperSensor is ready at http://127\.0\.0\.1:\d+\n", said)
    assert "No Ollama at http://127.0.0.1:9: a scripted demo model answers instead." in said
    assert re.search(r"First account: admin@example\.com, password \S{16}\n", said)
    assert "\x1b" not in said


def test_what_it_keeps_is_for_its_owner_only(seed: Path):
    kept = [seed / "jwt-secret", seed / "first-user.json"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600, 0o600]
    assert seed.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IRGRP | stat.S_IWGRP) == 0
    assert not list(seed.glob("*.unfinished"))


def test_its_secrets_are_not_what_it_announces(seed: Path):
    [output] = seed.parent.glob("output-*")
    assert (seed / "jwt-secret").read_text() not in output.read_text()


def test_after_ctrl_c_nothing_of_it_runs(start_dev: StartDev):
    dev = start_dev()
    assert postgres_of(dev.data)
    assert dev.interrupt() == 0
    assert postgres_of(dev.data) == []
    assert listeners_of(dev.data) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "a closed terminal"])
def test_other_ways_to_end_it_end_it_as_well(start_dev: StartDev, number: signal.Signals):
    dev = start_dev()
    dev.background.process.send_signal(number)
    assert dev.background.wait() == 0
    assert postgres_of(dev.data) == []


def test_the_second_start_finds_its_data_and_makes_nothing(start_dev: StartDev, data: Path):
    secret = (data / "jwt-secret").read_text()
    dev = start_dev()
    said = dev.background.output()
    assert "Making" not in said
    assert "Applying" not in said
    account = json.loads((data / "first-user.json").read_text())
    assert first_account(dev) == (account["email"], account["password"])
    assert dev.deeper("chat", "hi").code == 0
    assert (data / "jwt-secret").read_text() == secret


def test_two_at_once_on_one_folder_are_explained(dev: Dev, start_dev: StartDev):
    second = start_dev(dev.data, wait=False)
    assert second.background.wait() == 1
    said = second.background.output()
    assert f"is in use by another process (pid {dev.background.process.pid})" in said
    assert "--data-dir" in said
    assert dev.deeper("chat", "hi").code == 0


def test_after_kill_9_it_starts_again_on_the_same_port(start_dev: StartDev):
    dev = start_dev()
    os.kill(dev.background.process.pid, signal.SIGKILL)
    dev.background.process.wait()
    again = start_dev(dev.data, port=dev.port)
    assert again.deeper("chat", "hi").code == 0
    assert again.interrupt() == 0
    wait_until(lambda: postgres_of(dev.data) == [])


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def is_explained(ended: Background, port: int) -> bool:
    """Whether a command ended because of the port, and said so."""
    assert ended.wait() == 1
    assert "Choose another port with --port or DEEPER_SERVER_PORT." in ended.output()
    return f"Cannot listen on 127.0.0.1:{port}: Address already in use." in ended.output()


def test_a_taken_port_is_explained_and_leaves_no_database_running(start_dev: StartDev, taken_port: int):
    dev = start_dev(port=taken_port, wait=False)
    assert is_explained(dev.background, taken_port)
    assert postgres_of(dev.data) == []


def test_a_taken_port_is_explained_by_serve_as_well(background: Start, taken_port: int, database_url: str):
    given = {"DEEPER_DB_URL": database_url, "DEEPER_JWT_SECRET": "c7b5a1f09e3d482f66d0981b7a2e4c53"}
    assert is_explained(background("serve", "--port", str(taken_port), **given), taken_port)


async def test_an_ollama_that_answers_is_used_and_named(start_dev: StartDev, ollama_server: RunningOllama):
    dev = await asyncio.to_thread(start_dev, DEEPER_OLLAMA_URL=ollama_server.url)
    assert f"Models come from the Ollama at {ollama_server.url}." in dev.background.output()
    done = await asyncio.to_thread(dev.deeper, "chat", "hi")
    assert done.out == "This answer comes from a stand-in for Ollama . It says the same to everybody .\n"


async def test_several_model_servers_are_used_and_named(start_dev: StartDev, ollama_server: RunningOllama):
    servers = [
        {"name": "gpu-1", "kind": "ollama", "url": "http://127.0.0.1:9"},
        {"name": "gpu-2", "kind": "ollama", "url": ollama_server.url},
    ]
    dev = await asyncio.to_thread(start_dev, DEEPER_MODEL_SERVERS=json.dumps(servers))
    assert "Models come from gpu-1, gpu-2." in dev.background.output()
    done = await asyncio.to_thread(dev.deeper, "chat", "hi")
    assert done.out == "This answer comes from a stand-in for Ollama . It says the same to everybody .\n"


def test_another_database_may_be_used(start_dev: StartDev, empty_database_url: str, tmp_path: Path):
    dev = start_dev(tmp_path / "data", DEEPER_DB_URL=empty_database_url)
    assert not (dev.data / "postgres").exists()
    assert dev.deeper("chat", "hi").code == 0


def test_a_first_account_whose_password_was_changed_is_not_offered(start_dev: StartDev, tmp_path: Path):
    mine = start_dev(tmp_path / "data")
    changed = mine.deeper("user", "password", "admin@example.com", "--password-stdin", stdin="difference engine 1822\n")
    assert changed.code == 0
    assert mine.interrupt() == 0
    assert "First account" not in start_dev(mine.data).background.output()


def test_no_first_account_is_offered_where_there_are_others(start_dev: StartDev, data: Path):
    (data / "first-user.json").unlink()
    dev = start_dev()
    assert "First account" not in dev.background.output()


def test_a_folder_that_cannot_be_made_is_explained(deeper: Deeper):
    file = deeper.folder / "file"
    file.touch()
    done = deeper("dev", "--data-dir", str(file / "data"))
    assert done.code == 1
    assert f"Cannot keep data in {file / 'data'}" in done.said


def test_an_empty_secret_is_explained(start_dev: StartDev):
    dev = start_dev(wait=False, DEEPER_JWT_SECRET="")
    assert dev.background.wait() == 2
    assert "DEEPER_JWT_SECRET is missing" in dev.background.output()


def test_the_password_of_a_model_server_is_not_announced(start_dev: StartDev):
    said = start_dev(DEEPER_OLLAMA_URL="http://ada:engine1843@127.0.0.1:9").background.output()
    assert "No Ollama at http://ada:********@127.0.0.1:9: a scripted" in said


@pytest.mark.parametrize(("host", "shown"), [("::1", "[::1]"), ("localhost", "localhost"), ("::", "[::1]")])
def test_it_listens_where_it_is_told_to(start_dev: StartDev, host: str, shown: str):
    dev = start_dev(DEEPER_SERVER_HOST=host)
    address = f"http://{shown}:{dev.port}"
    assert f"DeeperSensor is ready at {address}\n" in dev.background.output()
    assert dev.deeper("chat", "hi", "--url", address).code == 0


def test_a_host_that_does_not_exist_is_explained(start_dev: StartDev):
    dev = start_dev(wait=False, DEEPER_SERVER_HOST="nowhere.invalid")
    assert dev.background.wait() == 1
    assert "Cannot listen on nowhere.invalid: there is no such address." in dev.background.output()
