"""``deeper backup`` and ``deeper restore``, with PostgreSQL's own programs."""

import signal
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest
import rich_click as click
from psycopg import sql

from deeper_api.cli.archives import find_tools
from deeper_api.store import migrations
from deeper_api.store.schema import pending
from tests.api.cli.commands import DEEPER, Deeper, Done, environment, words
from tests.api.stores import open_pool
from tests.fakes.exchanges import Account, Client, Json, sign_up
from tests.fakes.http import open_client
from tests.fakes.measuring import measured
from tests.fixtures.postgres import OwnPostgres, ignore_progress, wait_until
from tests.fixtures.servers import StartServer

SECRET = "canary-4f1d"
QUESTION: Json = {
    "model": "scripted",
    "messages": [{"role": "user", "content": SECRET}],
    "store": True,
    "stream": False,
}

TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1"


def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with psycopg.connect(url) as connection:
        tables = [str(name) for (name,) in connection.execute(TABLES)]
        rows = "select to_json(each)::text from {} as each order by 1"
        return {name: connection.execute(sql.SQL(rows).format(sql.Identifier(name))).fetchall() for name in tables}


@pytest.fixture
def backup(deeper: Deeper, database_url: str) -> Path:
    """A backup of a database with a user in it."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into users (id, email, email_key, password_hash) values (%s, %s, %s, %s)",
            ("019a0000-0000-7000-8000-000000000000", "a@example.com", "a@example.com", SECRET),
        )
    file = deeper.folder / "backup"
    done = deeper("backup", str(file), DEEPER_DB_URL=database_url)
    assert (done.code, file.exists()) == (0, True), done
    return file


def refused(done: Done, reason: str) -> None:
    assert done.code == 1
    assert reason in done.said
    assert SECRET not in done.said


async def sign_in(client: Client, account: Account) -> Client:
    reply = await client.post("/v1/auth/login", {"email": account.email, "password": account.password})
    return client.as_user(reply.json()["access_token"])


async def test_a_running_server_is_saved_and_goes_on_elsewhere(
    deeper: Deeper, start_server: StartServer, database_url: str, empty_database_url: str
):
    scripted = {"DEEPER_MODEL_PROVIDER": "scripted"}
    first = start_server(**scripted)
    async with open_client(first.url) as client:
        account = await sign_up(client)
        key = (await account.client.post("/v1/api-keys", {"name": "x", "scopes": ["read"]})).json()["key"]
        assert (await account.client.post("/v1/chat", QUESTION)).status == 200
        done = deeper("backup", "saved", DEEPER_DB_URL=database_url)
        assert (done.code, "schema " + migrations.names()[-1] in done.out) == (0, True), done
        # What happens later is not in it.
        assert (await account.client.post("/v1/chat", QUESTION)).status == 200
    assert stat.S_IMODE((deeper.folder / "saved").stat().st_mode) == 0o600
    assert [file.name for file in deeper.folder.iterdir()] == ["saved"]

    done = deeper("restore", "saved", DEEPER_DB_URL=empty_database_url)
    assert (done.code, done.out) == (0, f"Restored saved, schema {migrations.names()[-1]}.\n"), done
    second = start_server(**scripted, DEEPER_DB_URL=empty_database_url)
    async with open_client(second.url) as client:
        again = await sign_in(client, account)
        assert (await again.get("/v1/me")).json() == account.user
        assert len((await again.get("/v1/conversations")).json()["items"]) == 1
        assert (await again.get(f"/v1/search?q={SECRET}")).json()["items"]
        assert (await client.as_user(key).get("/v1/me")).status == 200
        assert (await client.as_user(account.access_token).get("/v1/me")).status == 200


def test_every_row_comes_back(deeper: Deeper, backup: Path, database_url: str, empty_database_url: str):
    assert deeper("restore", str(backup), DEEPER_DB_URL=empty_database_url).code == 0
    assert everything(empty_database_url) == everything(database_url)
    assert pending(empty_database_url) == []


def test_it_is_an_archive_that_postgresql_reads_by_itself(backup: Path):
    tools = find_tools(18)
    done = subprocess.run(
        tools.command("pg_restore", "--list", str(backup)), capture_output=True, text=True, check=True
    )
    assert "TABLE DATA public users" in done.stdout


def test_a_file_that_is_there_is_replaced_only_by_force(deeper: Deeper, backup: Path, database_url: str):
    before = backup.read_bytes()
    refused(deeper("backup", str(backup), DEEPER_DB_URL=database_url), "is there already")
    assert backup.read_bytes() == before
    assert deeper("backup", str(backup), "--force", DEEPER_DB_URL=database_url).code == 0


def test_a_backup_that_fails_leaves_no_file(deeper: Deeper, database_url: str, empty_database_url: str):
    refused(deeper("backup", "saved", DEEPER_DB_URL=empty_database_url), "is no backup of this product")
    refused(deeper("backup", "nowhere/saved", DEEPER_DB_URL=database_url), "cannot be written: No such file")
    assert list(deeper.folder.iterdir()) == []


def test_a_disk_that_is_full_at_the_very_end_is_told_and_leaves_no_file(
    deeper: Deeper, backup: Path, database_url: str
):
    # Where the archive of PostgreSQL's own program ends, and the seal on it would begin.
    room = backup.read_bytes().rindex(b"\ndeeper-backup") + 20
    command = ["prlimit", f"--fsize={room}", DEEPER, "backup", "saved"]
    given = environment(deeper.folder, {"DEEPER_DB_URL": database_url})
    for name in measured():  # what counts lines has no room to say how many
        del given[name]
    done = subprocess.run(command, cwd=deeper.folder, env=given, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done
    assert "saved cannot be written: File too large." in words(done.stderr)
    assert [file.name for file in deeper.folder.iterdir()] == [backup.name]


def test_a_backup_that_is_ended_from_outside_leaves_neither_a_file_nor_a_program(deeper: Deeper, database_url: str):
    with psycopg.connect(database_url) as blocking, psycopg.connect(database_url, autocommit=True) as looking:

        def dumps() -> int:
            waiting = "select from pg_stat_activity where application_name = 'pg_dump' and wait_event_type = 'Lock'"
            return len(looking.execute(waiting).fetchall())

        blocking.execute("lock table users in access exclusive mode")
        given = environment(deeper.folder, {"DEEPER_DB_URL": database_url})
        with subprocess.Popen(
            [DEEPER, "backup", "saved"], cwd=deeper.folder, env=given, start_new_session=True
        ) as done:
            wait_until(lambda: dumps() == 1, within=60)
            done.terminate()
            assert done.wait(30) == 128 + signal.SIGTERM
        assert list(deeper.folder.iterdir()) == []
        wait_until(lambda: dumps() == 0)


def test_a_database_with_something_in_it_is_refused_unless_it_is_to_be_replaced(
    deeper: Deeper, backup: Path, database_url: str
):
    users = deeper.but(DEEPER_DB_URL=database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("delete from users")
        connection.execute("create table newer (user_id uuid references users (id))")
    refused(users("restore", str(backup)), "Give an empty one, or drop what it has with --replace.")
    assert users("restore", str(backup), "--replace", stdin="n\n").code == 1
    assert "a@example.com" not in users("user", "list").out
    assert users("restore", str(backup), "--replace", stdin="y\n").code == 0
    assert "a@example.com" in users("user", "list").out
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select to_regclass('newer')").fetchone() == (None,)


@pytest.mark.parametrize("harm", ["cut", "emptied", "flipped", "something else"])
def test_a_damaged_file_changes_nothing(deeper: Deeper, backup: Path, database_url: str, harm: str):
    content, before = backup.read_bytes(), everything(database_url)
    at = content.index(SECRET.encode()) if SECRET.encode() in content else len(content) // 2
    harmed = {
        "cut": content[: len(content) * 2 // 3],
        "emptied": b"",
        "flipped": content[:at] + b"X" + content[at + 1 :],
        "something else": b"PGDMP" + b"\0" * 10_000,
    }
    backup.write_bytes(harmed[harm])
    refused(deeper("restore", str(backup), "--replace", "--yes", DEEPER_DB_URL=database_url), "is damaged")
    assert everything(database_url) == before


def test_what_fails_half_way_changes_nothing(deeper: Deeper, backup: Path, database_url: str):
    # A table is a type, too: this one stays, and is in the way of the last of the tables.
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table users cascade")
        connection.execute("create type users as enum ('x')")
    before = everything(database_url)
    done = deeper("restore", str(backup), "--replace", "--yes", DEEPER_DB_URL=database_url)
    refused(done, "Nothing was restored or changed. psql:<stdin>")
    assert 'type "users" already exists' in done.said
    assert everything(database_url) == before


def test_a_backup_of_a_newer_version_is_refused(deeper: Deeper, database_url: str, empty_database_url: str):
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into _yoyo_migration (migration_hash, migration_id, applied_at_utc)"
            " values ('x', '9999.later', now())"
        )
    tools = find_tools(18)
    file = deeper.folder / "later"
    subprocess.run(tools.command("pg_dump", "--format=custom", f"--file={file}", database_url), check=True)
    refused(
        deeper("restore", str(file), DEEPER_DB_URL=empty_database_url), "is of a newer version, which knows 9999.later"
    )


def test_a_backup_of_an_older_version_says_that_it_lacks_migrations(
    deeper: Deeper, database_url: str, empty_database_url: str
):
    migrations.rollback(database_url, ignore_progress)
    assert deeper("backup", "older", DEEPER_DB_URL=database_url).code == 0
    done = deeper("restore", "older", DEEPER_DB_URL=empty_database_url)
    assert (done.code, done.out.splitlines()[1]) == (
        0,
        f"It lacks 1 migration(s), from {migrations.names()[-1]} on. Run `deeper migrate` before serving.",
    )
    assert deeper("migrate", DEEPER_DB_URL=empty_database_url).code == 0


async def test_while_a_server_is_connected_nothing_is_restored(deeper: Deeper, backup: Path, database_url: str):
    async with open_pool(database_url) as pool, pool.connection():
        done = deeper("restore", str(backup), "--replace", "--yes", DEEPER_DB_URL=database_url)
    refused(done, "Servers are connected to this database")


def test_a_password_is_on_no_command_line_and_in_no_output(deeper: Deeper, own_postgres: OwnPostgres, tmp_path: Path):
    migrations.apply(own_postgres.url, ignore_progress)
    with psycopg.connect(own_postgres.url) as connection:
        connection.execute(f"create user secretive superuser password '{SECRET}'")
    url = own_postgres.url.replace("postgresql://postgres@", f"postgresql://secretive:{SECRET}@")
    seen = tmp_path / "seen"
    seen.mkdir()
    tools = find_tools(18)
    for program in ("pg_dump", "pg_restore", "psql"):
        spy = seen / program
        spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{seen}/lines\nexec {tools.folder}/{program} "$@"\n')
        spy.chmod(0o755)
    done = deeper("backup", "saved", DEEPER_DB_URL=url, PATH=f"{seen}:/usr/bin:/bin")
    assert (done.code, SECRET in done.said) == (0, False)
    lines = (seen / "lines").read_text()
    assert "--format=custom" in lines
    assert SECRET not in lines


def test_newer_programs_than_the_server_restore_it(
    deeper: Deeper, backup: Path, empty_database_url: str, tmp_path: Path
):
    tools, newer = find_tools(18), tmp_path / "newer"
    newer.mkdir()
    invents = "sed 's/^SET lock_timeout = 0;/&\\nSET invented_timeout = 0;/'"
    for program in ("pg_dump", "pg_restore", "psql"):
        (newer / program).write_text(f'#!/bin/sh\n{tools.folder}/{program} "$@" | {invents}\n')
        (newer / program).chmod(0o755)
    given = {"DEEPER_DB_URL": empty_database_url, "PATH": f"{newer}:/usr/bin:/bin"}
    done = deeper("restore", str(backup), **given)
    assert (done.code, pending(empty_database_url)) == (0, []), done


def test_programs_that_do_not_know_a_file_are_passed_over(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    older = tmp_path / "older"
    older.mkdir()
    for program in ("pg_dump", "pg_restore", "psql"):
        (older / program).write_text(
            '#!/bin/sh\n[ "$1" = --version ] && echo "x (PostgreSQL) 17.1" && exit\n'
            "echo 'unsupported version (1.16) in file header' >&2; exit 1\n"
        )
        (older / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{older}:/usr/bin:/bin")
    assert (find_tools(17).version, find_tools(17, backup).version) == (17, 18)


def test_a_file_that_no_program_knows_may_be_a_newer_one(deeper: Deeper, empty_database_url: str):
    file = deeper.folder / "future"
    file.write_bytes(b"PGDMP" + bytes([1, 99, 0, 4, 8, 1]) + bytes(100))
    refused(deeper("restore", str(file), DEEPER_DB_URL=empty_database_url), "or was saved by a newer pg_dump")


def test_programs_of_the_version_of_the_server_are_taken_and_older_ones_refused():
    assert find_tools(18).version == 18
    with pytest.raises(click.ClickException, match="PostgreSQL 99 takes pg_dump, pg_restore and psql of version 99"):
        find_tools(99)
