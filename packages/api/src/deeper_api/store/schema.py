"""Which migrations there are, and which of them a database lacks.

Every worker asks this at its start, so nothing here imports the migration tool; deeper_api.store.migrations does.
"""

from pathlib import Path
from typing import Final

import psycopg
from psycopg import conninfo

from deeper_api.store.reasons import UNREADABLE
from deeper_core import DatabaseUnavailable

# A link to the top-level folder in a checkout, a folder of its own in a wheel.
MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"

# Where the tool notes what it has applied. The name is its own (yoyo.migrations.default_migration_table).
_APPLIED = "select migration_id from _yoyo_migration"

_CONNECT_TIMEOUT = 5

ENCODING: Final = "UTF8"
CREATE_DATABASE: Final = f"create database deeper encoding '{ENCODING}' locale 'C.UTF-8' template template0"


class MigrationFailed(Exception):
    """A migration, or the database or its address, is at fault. For operators: the text holds what PostgreSQL said."""


class WrongEncoding(MigrationFailed):
    """Not all text fits into the database."""


def names(folder: Path = MIGRATIONS) -> list[str]:
    """Return the names of all migrations in the order in which they apply, such as ``0001.accounts``."""
    return sorted(path.stem for path in folder.glob("*.sql") if not path.name.endswith(".rollback.sql"))


def pending(url: str, *, folder: Path = MIGRATIONS) -> list[str]:
    """Return the names of the migrations that this database lacks, oldest first; one short query.

    Migrations that only the database knows are a newer version's, and no reason to complain.

    Raises:
        DatabaseUnavailable: There is no connection.
        MigrationFailed: The URL cannot be read, or not all text fits into the database.
    """
    applied = _applied(url)
    return [name for name in names(folder) if name not in applied]


def unknown(url: str, *, folder: Path = MIGRATIONS) -> list[str]:
    """Return the names of the migrations that this database has and this version does not know, oldest first.

    Raises:
        DatabaseUnavailable: There is no connection.
        MigrationFailed: The URL cannot be read, or not all text fits into the database.
    """
    return sorted(_applied(url) - set(names(folder)))


def _applied(url: str) -> set[str]:
    with connect(url) as connection:
        try:
            return {str(name) for (name,) in connection.execute(_APPLIED)}
        except psycopg.errors.UndefinedTable:
            return set()
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(retry_after=1) from error


def connect(url: str) -> psycopg.Connection:
    """Open a connection in autocommit mode; 5 s at most, unless the URL (or key-value DSN) says otherwise.

    Raises:
        DatabaseUnavailable: There is no connection.
        MigrationFailed: The URL cannot be read.
        WrongEncoding: Not all text fits into the database.
    """
    try:
        timeout = conninfo.conninfo_to_dict(url).get("connect_timeout") or _CONNECT_TIMEOUT
        connection = psycopg.connect(url, autocommit=True, connect_timeout=timeout)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(retry_after=1) from error
    except psycopg.ProgrammingError:
        # libpq quotes the part that it does not understand, which may be the password: say nothing of it.
        raise MigrationFailed(f"The address of the database, DEEPER_DB_URL, {UNREADABLE}.") from None
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != ENCODING:
        connection.close()
        raise WrongEncoding(
            f"The database keeps text as {encoding}, and {ENCODING} is needed. Make another one: {CREATE_DATABASE};"
        )
    return connection
