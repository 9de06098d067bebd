"""Looking at PostgreSQL: whether it is there, migrated and writable, and whether processes hear each other by it."""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from deeper_api.config import AppConfig
from deeper_api.diagnoses.findings import Examination, Finding, failed, ok, skipped, warning
from deeper_api.store.examinations import Refused, Server, connect, describe, hears_notifications, try_to_write
from deeper_api.store.reasons import why_unreachable
from deeper_api.store.schema import CREATE_DATABASE, ENCODING, MigrationFailed, WrongEncoding, pending, unknown
from deeper_core import DatabaseUnavailable

_SECONDS: Final = 10.0
_NAME: Final = "PostgreSQL"
_OLDEST: Final = 15
# Besides its pool, each worker listens on a connection of its own.
_LISTENERS: Final = 1
# A clock that is off by so much ends tokens too early or too late; by less, nobody notices.
_CLOCK_WARNING, _CLOCK_FAULT = 2.0, 60.0
_DISK_WARNING, _DISK_FAULT = 5 * 1024**3, 256 * 1024**2  # bytes that are free


def examinations_of_database(config: AppConfig, url: str) -> list[Examination]:
    """Return what to look at in the database at ``url``."""
    looks = {
        _NAME: partial(_look, config, url),
        "migrations": partial(_look_at_schema, url),
        "LISTEN/NOTIFY": partial(_look_at_notifications, url),
    }
    return [Examination(name=name, look=look, seconds=_SECONDS) for name, look in looks.items()]


async def _look(config: AppConfig, url: str) -> Sequence[Finding]:
    try:
        line = await connect(url)
    except DatabaseUnavailable as error:
        advice = "See whether it runs, and whether DEEPER_DB_URL is its address (`deeper config` shows it)."
        return [failed(_NAME, why_unreachable(error), advice)]
    except Refused as error:
        return [failed(_NAME, str(error), "Correct DEEPER_DB_URL.")]
    async with line:
        server = await describe(line)
        found = list(_judge(config, server))
        if not server.is_replica:
            try:
                await try_to_write(line)
            except Refused as error:
                advice = "Migrate it (`deeper migrate`), and let this user write to its tables."
                found.append(failed("writing", f"PostgreSQL refuses: {error}", advice))
            else:
                found.append(ok("writing", "works"))
    return found


def _judge(config: AppConfig, server: Server) -> Iterator[Finding]:
    yield _version(server)
    if server.is_replica:
        yield failed("writing", "this is a replica, which only reads", "Set DEEPER_DB_URL to the primary.")
    if server.encoding != ENCODING:
        said = f"the database keeps text as {server.encoding}, and {ENCODING} is needed"
        yield failed("encoding", said, f"Make another one, and set DEEPER_DB_URL to it: {CREATE_DATABASE};")
    yield _clock(server)
    yield _connections(config, server)
    if not server.is_local:
        if server.is_encrypted:
            yield ok("encryption", "the way to PostgreSQL is encrypted")
        elif server.is_plain:
            yield ok("encryption", "the way to PostgreSQL is not encrypted, as DEEPER_DB_URL wants it")
        else:
            said = "the way to PostgreSQL is not encrypted, and it is on another machine"
            advice = (
                "Add ?sslmode=verify-full to DEEPER_DB_URL, or sslmode=disable where nobody is on the way to listen."
            )
            yield warning("encryption", said, advice)
    yield _disk(server)


def _version(server: Server) -> Finding:
    major, minor = divmod(server.version, 10_000)
    said = f"version {major}.{minor} answers in {server.round_trip * 1_000:.1f} ms"
    if major < _OLDEST:
        return failed(_NAME, said, f"At least version {_OLDEST} is needed.")
    return ok(_NAME, said)


def _clock(server: Server) -> Finding:
    off = max(0.0, abs(server.ahead) - server.round_trip)
    said = f"PostgreSQL's clock is {off:.1f} s {'ahead of' if server.ahead > 0 else 'behind'} this machine's"
    advice = "Let both keep time by NTP: tokens and sessions end by different clocks."
    if off > _CLOCK_FAULT:
        return failed("clock", said, advice)
    if off > _CLOCK_WARNING:
        return warning("clock", said, advice)
    return ok("clock", "PostgreSQL and this machine agree")


def _connections(config: AppConfig, server: Server) -> Finding:
    wanted = config.server.workers * (config.db.pool_size + _LISTENERS)
    said = (
        f"{config.server.workers} worker(s) may take {wanted} connections of {server.connections}; "
        f"{server.in_use} are in use now"
    )
    if wanted > server.connections:
        advice = "Lower DEEPER_DB_POOL_SIZE or DEEPER_SERVER_WORKERS, or raise max_connections of PostgreSQL."
        return warning("connections", said, advice)
    return ok("connections", said)


def _disk(server: Server) -> Finding:
    size = f"the database has {_gibibytes(server.size)}"
    if server.folder is None or not Path(server.folder).exists():
        return skipped("disk", f"{size}; how much is free cannot be seen from here")
    try:
        free = shutil.disk_usage(server.folder).free
    except OSError:
        return skipped("disk", f"{size}; how much is free cannot be seen from here")
    said, advice = f"{size}, and {_gibibytes(free)} are free", "Make room before PostgreSQL can write no more."
    if free < _DISK_FAULT:
        return failed("disk", said, advice)
    return warning("disk", said, advice) if free < _DISK_WARNING else ok("disk", said)


def _gibibytes(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB"


async def _look_at_schema(url: str) -> Sequence[Finding]:
    try:
        missing, newer = await asyncio.to_thread(pending, url), await asyncio.to_thread(unknown, url)
    except DatabaseUnavailable:
        return [skipped("migrations", "there is no connection to PostgreSQL")]
    except WrongEncoding:
        return [skipped("migrations", "they are for a database with another encoding")]
    except MigrationFailed as error:
        return [failed("migrations", str(error), "Correct DEEPER_DB_URL.")]
    if missing:
        said = f"the database lacks {', '.join(missing)}"
        return [failed("migrations", said, "Run `deeper migrate`, with a user who may change the schema.")]
    if newer:
        said = f"the database knows {', '.join(newer)}, of a newer version"
        return [warning("migrations", said, "That is fine while versions change. If it stays, update this one.")]
    return [ok("migrations", "the database is up to date")]


async def _look_at_notifications(url: str) -> Sequence[Finding]:
    name = "LISTEN/NOTIFY"
    try:
        hears = await hears_notifications(url)
    except (DatabaseUnavailable, Refused):
        return [skipped(name, "there is no connection to PostgreSQL")]
    if hears:
        return [ok(name, "what one process says reaches another")]
    return [
        failed(
            name,
            "what one process says does not reach another: a pooler gives the connection to others between statements",
            "Connect to PostgreSQL itself, or let the pooler keep sessions (PgBouncer: pool_mode = session).",
        )
    ]
