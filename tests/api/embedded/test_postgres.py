"""The embedded server: its data, its owner, and what it does after either came to harm."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from deeper_api.embedded.postgres import EmbeddedPostgresFailed, embedded_postgres
from tests.fixtures.postgres import OwnPostgres, ignore_progress, wait_until

# Owns the server in argv[1] until told to go.
OWN = """
import pathlib, sys
from deeper_api.embedded.postgres import embedded_postgres
with embedded_postgres(pathlib.Path(sys.argv[1]), lambda sentence: None) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(own_postgres: OwnPostgres) -> Path:
    """Folder with a cluster, on which nothing runs."""
    own_postgres.stop()
    return own_postgres.folder


@contextlib.contextmanager
def owner(folder: Path) -> Generator[subprocess.Popen[str]]:
    """Another process that owns the server, already running."""
    command = [sys.executable, "-c", OWN, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("postgresql://")
        yield process
        process.kill()


def postmaster(folder: Path) -> int:
    return int((folder / "cluster" / "postmaster.pid").read_text().split()[0])


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def ask(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return (cursor.fetchone() or (None,))[0] if cursor.description else None


def test_the_first_start_makes_the_database_and_says_so(postgres_folder: Path):
    told: list[str] = []
    folder = postgres_folder / "first" / "start"
    with embedded_postgres(folder, told.append) as url:
        assert ask(url, "select current_database()") == "deeper"
        assert ask(url, "select current_setting('fsync')") == "on"
        assert str(ask(url, "select version()")).startswith("PostgreSQL 18.")
    assert any(f"Making a PostgreSQL database in {folder}" in sentence for sentence in told)
    shutil.rmtree(folder)


def test_the_second_start_finds_the_data_at_the_same_url_and_says_nothing(own_postgres: OwnPostgres):
    ask(own_postgres.url, "create table kept as select 42 as answer")
    own_postgres.stop()
    told: list[str] = []
    with embedded_postgres(own_postgres.folder, told.append) as url:
        assert url == own_postgres.url
        assert ask(url, "select answer from kept") == 42
    assert told == []


def test_a_first_start_that_was_killed_begins_again(postgres_folder: Path):
    folder = postgres_folder / "unfinished"
    (folder / "unfinished-1" / "base").mkdir(parents=True)
    with embedded_postgres(folder, ignore_progress, settings={"fsync": "off"}) as url:
        assert ask(url, "select current_database()") == "deeper"
    assert not (folder / "unfinished-1").exists()
    shutil.rmtree(folder)


def test_settings_go_before_the_defaults(folder: Path):
    with embedded_postgres(folder, ignore_progress, settings={"fsync": "off", "timezone": "Asia/Tokyo"}) as url:
        assert ask(url, "select current_setting('fsync')") == "off"
        assert ask(url, "select current_setting('timezone')") == "Asia/Tokyo"


def test_the_server_stops_with_its_block(own_postgres: OwnPostgres):
    pid = postmaster(own_postgres.folder)
    own_postgres.stop()
    assert not is_alive(pid)


def test_the_server_stops_when_its_block_fails(folder: Path):
    pids: list[int] = []

    def fail() -> None:
        with embedded_postgres(folder, ignore_progress):
            pids.append(postmaster(folder))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [is_alive(pid) for pid in pids] == [False]


def test_the_server_stops_when_a_client_is_still_connected(folder: Path):
    with embedded_postgres(folder, ignore_progress) as url:
        client = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        client.execute("select 1")
    client.close()


def test_nobody_else_may_enter(own_postgres: OwnPostgres):
    sockets = own_postgres.folder / "socket"
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert ask(own_postgres.url, "select current_setting('listen_addresses')") == ""


@pytest.mark.parametrize("path", ["long" * 20 + "/" + "longer" * 20, 'it\'s a "folder" with %20 & ü', "one,two"])
def test_any_path_works_and_leaves_nothing_elsewhere(make_folder: Callable[[str], Path], path: str):
    folder = make_folder(path)
    with embedded_postgres(folder, ignore_progress) as url:
        sockets = Path(str(conninfo.conninfo_to_dict(url)["host"]))
        assert sockets.is_dir()
        assert ask(url, "select 1") == 1
    assert sockets == folder / "socket" or not sockets.exists()
    shutil.rmtree(folder)


def test_ctrl_c_is_for_the_owner_and_not_for_the_server(folder: Path):
    with owner(folder):
        pid = postmaster(folder)
        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) != os.getpgrp()


def test_a_second_owner_is_told_who_the_first_is(folder: Path):
    with owner(folder) as first, pytest.raises(EmbeddedPostgresFailed, match=rf"in use .* \(pid {first.pid}\)"):  # noqa: SIM117  - the order matters
        with embedded_postgres(folder, ignore_progress):
            pytest.fail("two owners")


def test_the_server_ends_with_an_owner_that_is_killed(folder: Path):
    with owner(folder) as first:
        pid = postmaster(folder)
        first.kill()
        wait_until(lambda: not is_alive(pid))


def test_the_next_start_works_at_once_after_the_owner_was_killed(folder: Path):
    with owner(folder) as first:
        first.kill()
        first.wait()
    with embedded_postgres(folder, ignore_progress) as url:
        assert ask(url, "select 1") == 1


def test_a_server_that_lost_its_owner_and_its_guard_is_stopped_and_replaced(folder: Path):
    with owner(folder) as first:
        orphan = postmaster(folder)
        os.kill(parent(orphan), signal.SIGKILL)
        first.kill()
        first.wait()
    assert is_alive(orphan)
    told: list[str] = []
    with embedded_postgres(folder, told.append) as url:
        assert not is_alive(orphan)
        assert ask(url, "select 1") == 1
    assert told == [f"Stopping a PostgreSQL (process {orphan}) that an earlier start left behind."]


def test_a_server_that_was_killed_itself_recovers_what_was_committed(folder: Path):
    with embedded_postgres(folder, ignore_progress) as url:
        ask(url, "create table kept as select 42 as answer")
        os.kill(postmaster(folder), signal.SIGKILL)
    with embedded_postgres(folder, ignore_progress) as url:
        assert ask(url, "select answer from kept") == 42


@pytest.mark.parametrize("pid", [os.getpid(), os.getppid(), 1], ids=["ours", "our parent's", "init's"])
def test_a_stale_pid_file_that_names_another_living_process_is_survived(folder: Path, pid: int):
    stale = folder / "cluster" / "postmaster.pid"
    stale.write_text(f"{pid}\n{folder / 'cluster'}\n1700000000\n5432\n{folder / 'socket'}\n\n  1 2\nready   \n")
    with embedded_postgres(folder, ignore_progress) as url:
        assert ask(url, "select 1") == 1
        assert postmaster(folder) != pid
    assert is_alive(pid)


@pytest.mark.parametrize("text", ["", "\n", "rubbish\n", "99999999999999999999\n", "-1\n"])
def test_a_pid_file_that_makes_no_sense_is_survived(folder: Path, text: str):
    (folder / "cluster" / "postmaster.pid").write_text(text)
    with embedded_postgres(folder, ignore_progress) as url:
        assert ask(url, "select 1") == 1


def test_a_server_that_does_not_start_is_explained_by_its_log(folder: Path):
    with (
        pytest.raises(EmbeddedPostgresFailed, match='invalid value for parameter "shared_buffers"'),
        embedded_postgres(folder, ignore_progress, settings={"shared_buffers": "plenty"}),
    ):
        pytest.fail("it started")
    with embedded_postgres(folder, ignore_progress) as url:
        assert ask(url, "select 1") == 1


def test_damaged_data_is_explained(folder: Path):
    (folder / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedPostgresFailed, match="pg_control"), embedded_postgres(folder, ignore_progress):
        pytest.fail("it started")


def test_data_of_another_version_is_left_alone(folder: Path):
    (folder / "cluster" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedPostgresFailed, match="belongs to PostgreSQL 16"), embedded_postgres(folder, print):
        pytest.fail("it started")


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(EmbeddedPostgresFailed, match="cannot be made"),
        embedded_postgres(tmp_path / "file" / "data", ignore_progress),
    ):
        pytest.fail("it started")


def test_a_log_that_grew_large_is_put_aside(folder: Path):
    log = folder / "postgres.log"
    with log.open("ab") as file:
        file.truncate(5 * 1024 * 1024)
    with embedded_postgres(folder, ignore_progress):
        assert log.stat().st_size < 100_000
    assert (folder / "postgres.log.old").exists()
