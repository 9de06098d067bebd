"""yoyo on a single connection of ours. The only module that knows yoyo's insides; everything it hands out is typed."""
# yoyo has no type hints, so what it returns is unknown to the checker until it leaves this module.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import contextlib
import glob
import os
import socket
import uuid
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, MigrationList, default_migration_table

from deeper_api.store.schema import connect


class Backend(PostgresqlPsycopgBackend):
    """A connection that migrations are applied on and noted on, each in one transaction.

    yoyo as it comes applies a migration on a second connection and notes the result on the first, so that a process
    killed in between leaves one that is applied and not noted, which then fails for ever.
    """

    def __init__(self, url: str) -> None:
        self.session: psycopg.Connection = connect(url)
        # yoyo takes URLs apart itself, and knows less of them than libpq; it is given none.
        super().__init__(DatabaseURI("postgresql+psycopg", None, None, None, None, None, {}), default_migration_table)

    def unapplied(self, folder: Path) -> list[tuple[str, Migration]]:
        """Return what the database lacks, with its names, oldest first."""
        return [(str(migration.id), migration) for migration in self.to_apply(_read(folder))]

    def applied(self, folder: Path) -> list[tuple[str, Migration]]:
        """Return what the database has, with its names, newest first."""
        return [(str(migration.id), migration) for migration in self.to_rollback(_read(folder))]

    def connect(self, dburi: DatabaseURI) -> psycopg.Connection:  # noqa: ARG002  - yoyo's signature
        """Give yoyo the connection that there is."""
        return self.session

    def create_lock_table(self) -> None:
        """Make yoyo's table unless it exists, which yoyo finds out by an error in the server's log."""
        if self.lock_table not in self.list_tables():
            super().create_lock_table()

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:  # noqa: ARG002  - yoyo's
        """Apply a migration and note it."""
        with self._whole(migration):
            migration.process_steps(self, "apply")
            self.log_migration(migration, "apply")
            self.mark_one(migration, log=False)

    def rollback_one(self, migration: Migration, force: bool = False) -> None:  # noqa: ARG002  - yoyo's signature
        """Undo a migration and note it."""
        with self._whole(migration):
            migration.process_steps(self, "rollback")
            self.log_migration(migration, "rollback")
            self.unmark_one(migration, log=False)

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, object]:
        """Describe a step for yoyo's log.

        yoyo itself asks for the name of the system's user, which a container may lack, and for the host's full name,
        which may wait for a name server.
        """
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration and migration.id,
            "migration_hash": migration and migration.hash,
            "username": self.session.info.user,
            "hostname": f"{socket.gethostname()}:{os.getpid()}",
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }

    def _whole(self, migration: Migration) -> contextlib.AbstractContextManager[object]:
        migration.load()
        return self.transaction() if migration.use_transactions else contextlib.nullcontext()


def _read(folder: Path) -> MigrationList:
    return read_migrations(glob.escape(str(folder)))
