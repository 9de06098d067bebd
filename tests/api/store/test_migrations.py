"""Applying, undoing and counting migrations."""

import hashlib
import importlib.resources
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from deeper_api.store import migrations
from deeper_core import DatabaseUnavailable
from tests.fixtures.postgres import OwnPostgres, ignore_progress, wait_until

NAMES = [
    "0001.accounts",
    "0002.conversations",
    "0003.api-keys",
    "0004.audit",
    "0005.traces",
    "0006.administration",
    "0007.usage-by-day",
]

# Applies what is pending in argv[2] to argv[1], and prints the names.
MIGRATE = """
import pathlib, sys
from deeper_api.store import migrations
print(*migrations.apply(sys.argv[1], lambda sentence: None, folder=pathlib.Path(sys.argv[2])))
"""

DIE_WHEN_NOTING = """
    create function die() returns trigger language plpgsql as
    'begin perform pg_terminate_backend(pg_backend_pid()); return new; end';
    create trigger die before insert on _yoyo_log execute function die()
"""

DESCRIBE = """
    select table_name, column_name, ordinal_position, data_type, is_nullable, column_default,
           col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position), null
    from information_schema.columns where table_schema = 'public' and table_name not like '%yoyo%'
    union all
    select conrelid::regclass::text, conname, 0, pg_get_constraintdef(oid), null, null, null, contype::text
    from pg_constraint where connamespace = 'public'::regnamespace and conrelid::regclass::text not like '%yoyo%'
    union all
    select tablename, indexname, 0, indexdef, null, null, null, null
    from pg_indexes where schemaname = 'public' and tablename not like '%yoyo%'
    order by 1, 2, 3, 4
"""


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def migrate(url: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MIGRATE, url, str(folder)], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes migrations, given as name=sql, and returns their folder."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.sql").write_text(text)
        return tmp_path

    return write


def test_everything_is_pending_on_an_empty_database(empty_database_url: str):
    assert migrations.pending(empty_database_url) == NAMES


def test_nothing_is_pending_after_applying(empty_database_url: str):
    migrations.apply(empty_database_url, ignore_progress)
    assert migrations.pending(empty_database_url) == []


def test_applying_returns_the_names_and_tells_of_each(empty_database_url: str):
    told: list[str] = []
    assert migrations.apply(empty_database_url, told.append) == NAMES
    assert told == [f"Applying migration {name}." for name in NAMES]


def test_applying_twice_does_nothing_the_second_time(empty_database_url: str):
    migrations.apply(empty_database_url, ignore_progress)
    assert migrations.apply(empty_database_url, ignore_progress) == []


def test_undoing_and_applying_again_gives_the_same_schema(empty_database_url: str):
    migrations.apply(empty_database_url, ignore_progress)
    before = query(empty_database_url, DESCRIBE)
    for name in reversed(NAMES):
        assert migrations.rollback(empty_database_url, ignore_progress) == name
    assert query(empty_database_url, DESCRIBE) == []
    assert migrations.pending(empty_database_url) == NAMES
    migrations.apply(empty_database_url, ignore_progress)
    assert query(empty_database_url, DESCRIBE) == before


def test_undoing_nothing_returns_none(empty_database_url: str):
    assert migrations.rollback(empty_database_url, ignore_progress) is None


def test_a_migration_without_a_way_back_is_not_undone(empty_database_url: str, write: Callable[..., Path]):
    folder = write(one="create table one (id int)")
    migrations.apply(empty_database_url, ignore_progress, folder=folder)
    with pytest.raises(migrations.MigrationFailed, match=r"one\.rollback\.sql"):
        migrations.rollback(empty_database_url, ignore_progress, folder=folder)
    assert migrations.pending(empty_database_url, folder=folder) == []


def test_a_failing_migration_is_named_and_leaves_nothing(empty_database_url: str, write: Callable[..., Path]):
    folder = write(a="create table a (id int)", b="create table b (id int); select 1 / 0", c="create table c (id int)")
    with pytest.raises(migrations.MigrationFailed, match="Migration b failed: division by zero"):
        migrations.apply(empty_database_url, ignore_progress, folder=folder)
    assert migrations.pending(empty_database_url, folder=folder) == ["b", "c"]
    assert query(empty_database_url, "select to_regclass('a') is null, to_regclass('b') is null") == [(False, True)]


def test_a_migration_outside_a_transaction_is_noted_too(empty_database_url: str, write: Callable[..., Path]):
    folder = write(
        a="create table a (id int)",
        b="-- transactional: false\ncreate index concurrently a_id_idx on a (id)",
    )
    assert migrations.apply(empty_database_url, ignore_progress, folder=folder) == ["a", "b"]
    assert migrations.pending(empty_database_url, folder=folder) == []


def test_a_migration_gives_up_on_a_table_that_stays_locked(empty_database_url: str, write: Callable[..., Path]):
    folder = write(a="set local lock_timeout = '50ms'; alter table busy add column more int")
    with psycopg.connect(empty_database_url) as other:
        other.execute("create table busy (id int)")
        other.commit()
        other.execute("lock table busy in access share mode")
        with pytest.raises(migrations.MigrationFailed, match="lock timeout"):
            migrations.apply(empty_database_url, ignore_progress, folder=folder)


def test_losing_the_connection_rolls_the_migration_back(empty_database_url: str, write: Callable[..., Path]):
    folder = write(a="create table a (id int); select pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(DatabaseUnavailable):
        migrations.apply(empty_database_url, ignore_progress, folder=folder)
    assert migrations.pending(empty_database_url, folder=folder) == ["a"]
    assert query(empty_database_url, "select to_regclass('a') is null") == [(True,)]


def test_dying_between_a_migration_and_its_note_leaves_neither(empty_database_url: str, write: Callable[..., Path]):
    folder = write(a="create table a (id int)")
    migrations.apply(empty_database_url, ignore_progress, folder=folder)
    query(empty_database_url, DIE_WHEN_NOTING)
    write(b="create table b (id int)")
    with pytest.raises(DatabaseUnavailable):
        migrations.apply(empty_database_url, ignore_progress, folder=folder)
    assert query(empty_database_url, "select to_regclass('b') is null") == [(True,)]
    query(empty_database_url, "drop trigger die on _yoyo_log")
    assert migrations.apply(empty_database_url, ignore_progress, folder=folder) == ["b"]


def test_a_start_killed_in_mid_migration_heals_by_itself_and_three_more_apply_once(
    empty_database_url: str, write: Callable[..., Path]
):
    query(empty_database_url, "create table slow as select true as yes")
    sleep = "create table slept as select pg_sleep(60)::text where exists (select from slow)"
    folder = write(a="create table a (id int)", b=f"create table b (id int); {sleep}", c="create table c (id int)")
    with migrate(empty_database_url, folder) as killed:
        sleeping = f"select count(*) > 0 from pg_stat_activity where query like '{sleep}' and state = 'active'"  # noqa: S608  - fixed words
        wait_until(lambda: query(empty_database_url, sleeping) == [(True,)])
        killed.kill()
    assert query(empty_database_url, "select count(*) from yoyo_lock") == [(1,)]
    query(empty_database_url, "truncate slow")

    starts = [migrate(empty_database_url, folder) for _ in range(3)]
    said = [start.communicate()[0].split() for start in starts]

    assert [start.returncode for start in starts] == [0, 0, 0]
    assert sorted(name for names in said for name in names) == ["b", "c"]
    applied = "select migration_id from _yoyo_log where operation = 'apply' order by 1"
    assert query(empty_database_url, applied) == [("a",), ("b",), ("c",)]
    assert query(empty_database_url, "select count(*) from yoyo_lock") == [(0,)]


def test_many_starts_at_once_on_an_empty_database_apply_once(empty_database_url: str):
    starts = [migrate(empty_database_url, migrations.MIGRATIONS) for _ in range(3)]
    said = [start.communicate()[0].split() for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0]
    assert sorted(said) == [[], [], NAMES]


def test_who_waits_for_another_process_says_so(empty_database_url: str):
    told: list[str] = []

    def tell(sentence: str) -> None:
        told.append(sentence)
        other.close()  # ends the session that is waited for

    other = psycopg.connect(empty_database_url, autocommit=True)
    other.execute("select pg_advisory_lock(%s)", [migrations._LOCK_KEY])
    migrations.apply(empty_database_url, tell)
    assert told[0] == "Waiting for another process that is migrating the database."


def test_a_database_that_is_down_is_unavailable(own_postgres: OwnPostgres):
    own_postgres.stop()
    with pytest.raises(DatabaseUnavailable):
        migrations.pending(own_postgres.url)
    with pytest.raises(DatabaseUnavailable):
        migrations.apply(own_postgres.url, ignore_progress)


def test_a_url_that_cannot_be_read_is_not_quoted_in_the_error():
    with pytest.raises(migrations.MigrationFailed) as caught:
        migrations.pending("host=localhost password=two words")
    assert "words" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_url_with_awkward_characters_works(own_postgres: OwnPostgres):
    query(own_postgres.url, """create user "o'neill@x" superuser password 'p@ss/w:rd?%'""")
    query(own_postgres.url, 'create database "a b/c?d" owner "o\'neill@x"')
    host = own_postgres.url.partition("?")[2]
    url = f"postgresql://o'neill%40x:p%40ss%2Fw%3Ard%3F%25@/a%20b%2Fc%3Fd?{host}"
    assert migrations.apply(url, ignore_progress) == NAMES
    assert migrations.pending(url) == []


def test_a_migration_that_was_applied_is_never_edited():
    """Write a new migration instead; for a new one add its line (sha256sum migrations/*.sql)."""
    listed = dict(line.split()[::-1] for line in (migrations.MIGRATIONS / "checksums.txt").read_text().splitlines())
    present = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in migrations.MIGRATIONS.glob("*.sql")}
    assert present == listed


def test_every_migration_can_be_undone():
    missing = [name for name in migrations.names() if not (migrations.MIGRATIONS / f"{name}.rollback.sql").is_file()]
    assert missing == []


def test_the_package_carries_the_migrations():
    folder = importlib.resources.files("deeper_api") / "migrations"
    assert sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql")) == [
        "0001.accounts.rollback.sql",
        "0001.accounts.sql",
        "0002.conversations.rollback.sql",
        "0002.conversations.sql",
        "0003.api-keys.rollback.sql",
        "0003.api-keys.sql",
        "0004.audit.rollback.sql",
        "0004.audit.sql",
        "0005.traces.rollback.sql",
        "0005.traces.sql",
        "0006.administration.rollback.sql",
        "0006.administration.sql",
        "0007.usage-by-day.rollback.sql",
        "0007.usage-by-day.sql",
    ]


def test_every_column_and_table_has_a_comment(database_url: str):
    bare = """
        select relname, attname from pg_class
        join pg_attribute on attrelid = pg_class.oid and attnum >= 0 and not attisdropped
        where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like '%yoyo%'
        and (col_description(pg_class.oid, attnum) is null or obj_description(pg_class.oid) is null)
    """
    assert query(database_url, bare) == []


def test_every_foreign_key_has_an_index_to_cascade_along(database_url: str):
    bare = """
        select conname from pg_constraint where contype = 'f' and not exists (
            select from pg_index where indrelid = conrelid and indpred is null and indkey[0] = conkey[1]
        )
    """
    assert query(database_url, bare) == []
