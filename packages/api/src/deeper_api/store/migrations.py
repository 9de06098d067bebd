"""Applying migrations, so that several processes may try at once and any of them may be killed.

Who migrates holds an advisory lock on the very connection that changes the schema, so the lock lasts exactly as long
as somebody changes something: a killed process leaves its server-side session behind, and the lock with it, until
PostgreSQL has ended it. yoyo's own lock is a row, which outlives its owner; whoever holds the advisory lock deletes it.

A migration and the note that it was applied are one transaction. Only a file that says ``-- transactional: false``
goes without: it must be written so that it can run twice.

The connection must reach PostgreSQL itself: a pooler that shares sessions between clients loses advisory locks.
"""

import contextlib
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import psycopg
from yoyo import exceptions

from deeper_api.store.schema import MIGRATIONS, MigrationFailed, names, pending
from deeper_api.store.yoyo_backend import Backend
from deeper_core import DatabaseUnavailable

__all__ = ["MIGRATIONS", "MigrationFailed", "apply", "names", "pending", "rollback"]

# Any number will do, as long as it stays: versions of this program that differ must shut one another out.
_LOCK_KEY: Final = 0x6465_6570_6572
_LOCK_POLL: Final = 0.1  # seconds

# Waiting in try_lock, and not in pg_advisory_lock, because a waiting statement holds a snapshot, for which
# ``create index concurrently`` in the lock's holder would wait in turn.
_TRY_LOCK = "select pg_try_advisory_lock(%s)"

# A change of a table that cannot get its lock blocks everybody behind it, so it gives up soon.
_SET_LOCK_TIMEOUT = "set lock_timeout = '5s'"
_SET_NO_STATEMENT_TIMEOUT = "set statement_timeout = 0"
# Ends the session of a killed process in the middle of a statement; without it that goes on to its end.
_SET_CONNECTION_CHECK = "set client_connection_check_interval = '1s'"


def apply(url: str, on_progress: Callable[[str], None], *, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is pending and return its names, oldest first; blocks, and waits for others that do the same.

    ``on_progress`` gets a sentence for each step. What another process applied meanwhile is not in the result.

    Raises:
        DatabaseUnavailable: There is no connection, or it broke.
        MigrationFailed: A file is wrong, or did not get its locks; what came before it stays applied.
    """
    if not pending(url, folder=folder):
        return []
    applied: list[str] = []
    with _migrating(url, on_progress) as backend:
        for name, migration in backend.unapplied(folder):
            on_progress(f"Applying migration {name}.")
            with _naming(name, backend):
                backend.apply_one(migration)
            applied.append(name)
    return applied


def rollback(url: str, on_progress: Callable[[str], None], *, folder: Path = MIGRATIONS) -> str | None:
    """Undo the newest migration that is applied and return its name, or None where none is. Its data is lost.

    Raises:
        DatabaseUnavailable: There is no connection, or it broke.
        MigrationFailed: There is no file that undoes it, or that file is wrong; nothing has changed then.
    """
    with _migrating(url, on_progress) as backend:
        for name, migration in backend.applied(folder):
            if not (folder / f"{name}.rollback.sql").is_file():
                raise MigrationFailed(f"Migration {name} cannot be undone: there is no file {name}.rollback.sql.")
            on_progress(f"Undoing migration {name}.")
            with _naming(name, backend):
                backend.rollback_one(migration)
            return name
    return None


@contextlib.contextmanager
def _migrating(url: str, on_progress: Callable[[str], None]) -> Generator[Backend]:
    """Yield a backend that no other process can have at the same time."""
    with Backend(url) as backend, _naming("(preparing)", backend):
        connection = backend.session
        _lock(connection, on_progress)
        connection.execute(_SET_LOCK_TIMEOUT)
        connection.execute(_SET_NO_STATEMENT_TIMEOUT)
        with contextlib.suppress(psycopg.DatabaseError):  # some systems cannot tell that a client is gone
            connection.execute(_SET_CONNECTION_CHECK)
        backend.create_lock_table()
        backend.break_lock()  # its row is a killed process's: a living one would hold the advisory lock
        backend.ensure_internal_schema_updated()
        with backend.lock():
            yield backend


def _lock(connection: psycopg.Connection, on_progress: Callable[[str], None]) -> None:
    told = False
    while connection.execute(_TRY_LOCK, [_LOCK_KEY]).fetchone() != (True,):
        if not told:
            on_progress("Waiting for another process that is migrating the database.")
            told = True
        time.sleep(_LOCK_POLL)


@contextlib.contextmanager
def _naming(name: str, backend: Backend) -> Generator[None]:
    """Turn what psycopg and yoyo raise into errors of ours that name the migration."""
    try:
        yield
    except (exceptions.BadMigration, exceptions.MigrationConflict, exceptions.LockTimeout) as error:
        raise MigrationFailed(f"Migration {name} failed: {error}") from error
    except psycopg.Error as error:
        if backend.session.broken:
            raise DatabaseUnavailable(retry_after=1) from error
        raise MigrationFailed(f"Migration {name} failed: {error.diag.message_primary or error}") from error
