"""What backup and restore have to know of a database, and have to do in it themselves."""

from typing import Final, cast

from msgspec import Struct
from psycopg import conninfo

from deeper_api.store.schema import connect

# What a server of ours calls itself; see `deeper_api.app` and `deeper_api.store.listeners`.
_SERVERS: Final = "deeper-api%"
_DESCRIBE: Final = """
    select current_setting('server_version_num')::integer / 10000,
           (
               select count(*) from pg_class
               join pg_namespace on pg_namespace.oid = relnamespace
               where relkind in ('r', 'p') and nspname !~ '^pg_' and nspname <> 'information_schema'
           ),
           (
               select count(*) from pg_stat_activity
               where datname = current_database() and application_name like %s
           )
"""

# Everything of ours is tables and what hangs on them. What others made in the database stays: of extensions, nothing
# is dropped.
DROP_ALL: Final = """
    do $$
    declare
        name text;
    begin
        for name in
            select format('%I.%I', nspname, relname) from pg_class
            join pg_namespace on pg_namespace.oid = relnamespace
            where relkind in ('r', 'p') and nspname = 'public'
                and not exists (
                    select from pg_depend
                    where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
                )
        loop
            execute 'drop table if exists ' || name || ' cascade';
        end loop;
    end
    $$;
"""


class UnfitAddress(Exception):
    """The address of the database holds something that cannot be handed to PostgreSQL's own programs."""


class Target(Struct, frozen=True, kw_only=True):
    """A database: its major version, how many tables it has, and how many connections servers of ours have to it."""

    version: int
    tables: int
    servers: int


class Address(Struct, frozen=True, kw_only=True):
    """The address of a database, for a command line, with the password apart, which does not belong there."""

    dsn: str
    password: str | None

    def __repr__(self) -> str:
        return "<Address>"


def describe_target(url: str) -> Target:
    """Return what there is.

    Raises:
        DatabaseUnavailable: There is no connection.
        MigrationFailed: The URL cannot be read.
    """
    with connect(url) as connection:
        row = connection.execute(_DESCRIBE, [_SERVERS]).fetchone()
    version, tables, servers = cast("tuple[int, int, int]", row)
    return Target(version=version, tables=tables, servers=servers)


def address_of(url: str) -> Address:
    """Return the address in its parts.

    Raises:
        UnfitAddress: it holds another secret than the password.
    """
    parts = conninfo.conninfo_to_dict(url)
    if "sslpassword" in parts:
        raise UnfitAddress("The address of the database has an sslpassword, which would be seen on a command line.")
    password = parts.pop("password", None)
    return Address(dsn=conninfo.make_conninfo("", **parts), password=None if password is None else str(password))


def gather_statistics(url: str) -> None:
    """Let PostgreSQL look at what was restored, without which it plans badly at first.

    Raises:
        DatabaseUnavailable: There is no connection.
    """
    with connect(url) as connection:
        connection.execute("analyze")
