"""``deeper migrate``, and a server that finds its database unmigrated."""

from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from deeper_api.store.schema import CREATE_DATABASE, names, pending
from tests.api.cli.commands import Deeper, postgres_of

SECRET = "0f9b4c7d2e8a61537092bd4e8f6c1a35"


@pytest.fixture
def empty(deeper: Deeper, empty_database_url: str) -> Deeper:
    """The command on a database without a schema."""
    return deeper.but(DEEPER_DB_URL=empty_database_url)


@pytest.fixture
def migrated(deeper: Deeper, database_url: str) -> Deeper:
    """The command on a database with its schema."""
    return deeper.but(DEEPER_DB_URL=database_url)


def test_it_brings_a_database_up_to_date(empty: Deeper):
    done = empty("migrate")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == f"Applied {len(names())}."
    assert all(f"Applying migration {name}." in done.out for name in names())
    assert pending(empty.given["DEEPER_DB_URL"]) == []


def test_what_is_up_to_date_stays_as_it_is(migrated: Deeper):
    assert migrated("migrate").out == migrated("migrate", "--check").out == "The database is up to date.\n"


def test_a_check_names_what_is_missing_and_changes_nothing(empty: Deeper):
    done = empty("migrate", "--check")
    assert done.code == 1
    assert f"The database lacks: {', '.join(names())}." in done.said
    assert pending(empty.given["DEEPER_DB_URL"]) == names()


def test_the_newest_migration_is_undone(migrated: Deeper):
    done = migrated("migrate", "--rollback", "--yes")
    assert (done.code, done.out.splitlines()[-1]) == (0, f"Undone: {names()[-1]}.")
    assert pending(migrated.given["DEEPER_DB_URL"]) == names()[-1:]


@pytest.mark.parametrize("answer", ["", "n\n"])
def test_nothing_is_undone_without_a_yes(migrated: Deeper, answer: str):
    assert migrated("migrate", "--rollback", stdin=answer).code == 1
    assert pending(migrated.given["DEEPER_DB_URL"]) == []


def test_there_may_be_nothing_to_undo(empty: Deeper):
    assert empty("migrate", "--rollback", "--yes").out == "There is nothing to undo.\n"


def test_the_database_of_dev_is_meant_where_no_other_is_named(data: Path):
    done = Deeper(data.parent, {})("migrate", "--check", "--data-dir", str(data))
    assert (done.code, done.out) == (0, "The database is up to date.\n")
    assert f"DEEPER_DB_URL is not set: this is about the database of `deeper dev` in {data}." in done.said
    assert postgres_of(data) == []


@pytest.mark.parametrize(
    "arguments", [("migrate",), ("migrate", "--check"), ("user", "list"), ("serve",)], ids=" ".join
)
def test_a_database_that_does_not_keep_all_text_is_refused(
    deeper: Deeper, ascii_database_url: str, arguments: tuple[str, ...]
):
    done = deeper(*arguments, DEEPER_DB_URL=ascii_database_url, DEEPER_JWT_SECRET=SECRET)
    assert done.code == 1
    assert "The database keeps text as SQL_ASCII, and UTF8 is needed." in done.said
    assert CREATE_DATABASE in done.said


def test_a_database_that_was_made_as_it_says_is_migrated(deeper: Deeper, postgres_server: psycopg.Connection):
    postgres_server.execute(CREATE_DATABASE.replace("deeper", "as_told", 1).encode())
    try:
        url = conninfo.make_conninfo(postgres_server.info.dsn, dbname="as_told")
        assert deeper("migrate", DEEPER_DB_URL=url).code == 0
    finally:
        postgres_server.execute("drop database as_told")


@pytest.mark.parametrize(
    "arguments", [("serve",), ("user", "list"), ("user", "disable", "a@example.com")], ids=" ".join
)
def test_what_needs_the_schema_says_how_to_get_it(empty: Deeper, arguments: tuple[str, ...]):
    done = empty(*arguments, DEEPER_JWT_SECRET=SECRET)
    assert done.code == 1
    assert f"The database lacks {len(names())} migration(s), from {names()[0]} on. Run `deeper migrate`" in done.said


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://me:se%40cret@127.0.0.1:1/deeper", "nothing listens at its address"),
        ("postgresql://me:se@cret@127.0.0.1:1/deeper", "its host is not known"),
        ("postgresql://me:se%40cret@/deeper?host=/nowhere", "there is no socket at its address"),
        ("postgresql://me:se%40cret@127.0.0.1:99999/deeper", "its address has a port that is none"),
        ("postgresql://me:se%40cret@127.0.0.1/deeper?sslmode=on", "its address has an sslmode that is none"),
        ("postgresql://me:se%40cret@127.0.0.1/deeper?keepalives=x", "its address has an option that is no number"),
    ],
)
def test_why_a_database_cannot_be_used_is_said_without_its_password(deeper: Deeper, url: str, reason: str):
    done = deeper("migrate", DEEPER_DB_URL=url)
    assert done.code == 1
    assert f"The database cannot be used: {reason}." in done.said
    assert "cret" not in done.said


@pytest.mark.parametrize("end", ["@h/deeper?nonsense=1", " cret@h/deeper", "%zzcret@h/deeper"])
def test_an_address_that_cannot_be_read_is_named_with_how_to_write_one(deeper: Deeper, end: str):
    done = deeper("migrate", DEEPER_DB_URL=f"postgresql://me:cretZk29xPmq{end}")
    assert done.code == 1
    assert "The address of the database, DEEPER_DB_URL, is neither a PostgreSQL URL nor a key-value DSN" in done.said
    assert "cret" not in done.said


def test_a_database_that_does_not_exist_is_said_not_to(migrated: Deeper):
    url = conninfo.make_conninfo(migrated.given["DEEPER_DB_URL"], dbname="nonsense")
    assert (
        "The database cannot be used: it has no database of this name." in migrated("migrate", DEEPER_DB_URL=url).said
    )
