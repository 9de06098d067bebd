"""Applying migrations, so that several processes may try at once and any of them may be killed.

Who migrates holds an advisory lock on the very connection that changes the schema, so the lock lasts exactly as long
as somebody changes something: a killed process leaves its server-side session behind, and the lock with it, until
PostgreSQL has ended it. yoyo's own lock is a row, which outlives its owner; whoever holds the advisory lock deletes it.

A migration and the note that it was applied are one transaction. Only a file that says ``-- transactional: false``
goes without: it must be written so that it can run twice.

The connection must reach PostgreSQL itself: a pooler that shares sessions between clients loses advisory locks.
"""

import contextlib
import glob
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
from yoyo import exceptions, read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, MigrationList, default_migration_table

from deeper_api.store.schema import MIGRATIONS, MigrationFailed, connect, names, pending
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
        for migration in backend.to_apply(_read(folder)):
            name = str(migration.id)
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
        for migration in backend.to_rollback(_read(folder)):
            name = str(migration.id)
            if not (folder / f"{name}.rollback.sql").is_file():
                raise MigrationFailed(f"Migration {name} cannot be undone: there is no file {name}.rollback.sql.")
            on_progress(f"Undoing migration {name}.")
            with _naming(name, backend):
                backend.rollback_one(migration)
            return name
    return None


class _Backend(PostgresqlPsycopgBackend):
    """yoyo on a single connection of ours.

    As it comes it opens a second connection for each migration and notes the result on the first, so that a process
    killed in between leaves a migration that is applied and not noted, which then fails for ever.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        # yoyo takes URLs apart itself, and knows less of them than libpq; it is given none.
        super().__init__(DatabaseURI("postgresql+psycopg", None, None, None, None, None, {}), default_migration_table)

    def connect(self, dburi: DatabaseURI) -> psycopg.Connection:
        return connect(self._url)

    def create_lock_table(self) -> None:
        if self.lock_table not in self.list_tables():
            super().create_lock_table()

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:
        with self._whole(migration):
            migration.process_steps(self, "apply")
            self.log_migration(migration, "apply")
            self.mark_one(migration, log=False)

    def rollback_one(self, migration: Migration, force: bool = False) -> None:
        with self._whole(migration):
            migration.process_steps(self, "rollback")
            self.log_migration(migration, "rollback")
            self.unmark_one(migration, log=False)

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, object]:
        # yoyo asks for the name of the system's user, which a container may lack, and the host's full name, which
        # may wait for a name server.
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration and migration.id,
            "migration_hash": migration and migration.hash,
            "username": self.connection.info.user,
            "hostname": f"{socket.gethostname()}:{os.getpid()}",
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }

    def _whole(self, migration: Migration) -> contextlib.AbstractContextManager[object]:
        migration.load()
        return self.transaction() if migration.use_transactions else contextlib.nullcontext()


def _read(folder: Path) -> MigrationList:
    try:
        return read_migrations(glob.escape(str(folder)))
    except exceptions.MigrationConflict as error:
        raise MigrationFailed(f"Two migrations have the same name: {error}.") from error


@contextlib.contextmanager
def _migrating(url: str, on_progress: Callable[[str], None]) -> Iterator[_Backend]:
    """Yield a backend that no other process can have at the same time."""
    with _Backend(url) as backend, _naming("(preparing)", backend):
        connection: psycopg.Connection = backend.connection
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
def _naming(name: str, backend: _Backend) -> Iterator[None]:
    """Turn what psycopg and yoyo raise into errors of ours that name the migration."""
    try:
        yield
    except (exceptions.BadMigration, exceptions.LockTimeout) as error:
        raise MigrationFailed(f"Migration {name} failed: {error}") from error
    except psycopg.Error as error:
        if backend.connection.broken:
            raise DatabaseUnavailable(retry_after=1) from error
        raise MigrationFailed(f"Migration {name} failed: {error.diag.message_primary or error}") from error
