"""PostgreSQL's own programs for backups: finding those that fit, and running them without a secret in sight."""

import re
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import rich_click as click
from msgspec import Struct

from deeper_api.cli.seals import is_whole
from deeper_api.config.environments import environment_with
from deeper_api.embedded.errors import EmbeddedPostgresFailed
from deeper_api.embedded.folders import binaries
from deeper_api.store.archives import DROP_ALL, Address, UnfitAddress, address_of
from deeper_api.store.schema import names

_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_PROGRAMS: Final = ("pg_dump", "pg_restore", "psql")
_VERSION_SECONDS: Final = 10
# How much of what a program complained of is shown.
_LINES: Final = 5
_BLOCK: Final = 1024 * 1024
_BEGIN: Final = "begin; set local lock_timeout = '10s'; set local client_min_messages = warning;"
_COMPLAINT: Final = re.compile("ERROR|FATAL|error:")


class Tools(Struct, frozen=True, kw_only=True):
    """The programs of one PostgreSQL, of this major version."""

    folder: Path
    version: int

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line of one of them."""
        return [str(self.folder / program), *arguments]


def find_tools(server: int) -> Tools:
    """Return the programs that fit a server of this major version: of the same one, or else of the next above.

    Raises:
        click.ClickException: there are none on PATH, and those that came with us are too old.
    """
    found = {tools.version: tools for tools in map(_tools_in, _folders()) if tools is not None}
    fitting = sorted(version for version in found if version >= server)
    if not fitting:
        have = f" Those that are here are of {', '.join(map(str, sorted(found)))}." if found else ""
        raise click.ClickException(
            f"PostgreSQL {server} takes pg_dump, pg_restore and psql of version {server} or newer.{have} "
            f"Install them (on Debian: postgresql-client-{server})."
        )
    return found[fitting[0]]


def _folders() -> Iterable[Path]:
    # In reverse order of importance: of equal versions, the later one is taken.
    with suppress(EmbeddedPostgresFailed):  # for some machines there are none
        yield binaries()
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("pg_dump")
    if on_path is not None:
        yield Path(on_path).parent


def _tools_in(folder: Path) -> Tools | None:
    versions = {_version_of(folder / program) for program in _PROGRAMS}
    version = versions.pop()
    return None if versions or version is None else Tools(folder=folder, version=version)


def _version_of(program: Path) -> int | None:
    try:
        done = subprocess.run(  # noqa: S603  - a program of PostgreSQL
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(done.stdout)
    return None if found is None else int(found[1])


def dump(tools: Tools, url: str, file: Path, on_progress: Callable[[str], None]) -> None:
    """Write the database into ``file``; raises click.ClickException with what pg_dump says."""
    address = _address(url)
    command = tools.command("pg_dump", "--format=custom", "--verbose", f"--file={file}", f"--dbname={address.dsn}")
    with _running(command, address) as process:
        complaints: list[str] = []
        for said in process.stderr or ():
            line = said.decode(errors="replace")
            table = re.search(r'dumping contents of table "(?:public\.)?(\w+)"', line)
            if table is not None:
                on_progress(f"Saving {table[1]}.")
            elif "error" in line or "fatal" in line.lower() or "DETAIL" in line or "HINT" in line:
                complaints.append(line.strip())
        if process.wait():
            raise click.ClickException("\n".join(["The database could not be saved.", *complaints[-_LINES:]]))


def check(tools: Tools, file: Path) -> None:
    """Read all of an archive; raises click.ClickException if it is none, or is damaged."""
    if is_whole(file) is False:
        raise click.ClickException(f"{file} is damaged: it is not what was saved.")
    for options in (["--list"], ["--file=/dev/null"]):
        done = subprocess.run(  # noqa: S603  - a program of PostgreSQL
            tools.command("pg_restore", *options, str(file)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = "\n".join(done.stderr.strip().splitlines()[-_LINES:])
            raise click.ClickException(f"{file} is damaged, or no backup.\n{reason}")


def migrations_in(tools: Tools, file: Path) -> list[str]:
    """Return the migrations that the database of an archive had, oldest first."""
    options = ["--data-only", "--table=_yoyo_migration", "--file=-"]
    done = subprocess.run(  # noqa: S603  - a program of PostgreSQL
        tools.command("pg_restore", *options, str(file)), capture_output=True, text=True, check=True
    )
    rows = re.search(r"^COPY [\w.]+ \(([^)]*)\) FROM stdin;\n(.*?)^\\\.$", done.stdout, re.MULTILINE | re.DOTALL)
    if rows is None:
        return []
    column = [name.strip() for name in rows[1].split(",")].index("migration_id")
    return sorted(line.split("\t")[column] for line in rows[2].splitlines())


def require_known(migrations: Sequence[str], file: Path) -> None:
    """Refuse a backup that is not of this product, or of a newer version of it."""
    if not migrations:
        raise click.ClickException(f"{file} is no backup of this product: nothing says which version it has.")
    newer = sorted(set(migrations) - set(names()))
    if newer:
        raise click.ClickException(
            f"{file} is of a newer version, which knows {', '.join(newer)}. Restore it with that version."
        )


def restore(tools: Tools, url: str, file: Path, *, replace: bool) -> None:
    """Put the archive into the database, whole or not at all; raises click.ClickException with what PostgreSQL says.

    What is there is dropped before, in the same transaction, if it is to be replaced.
    """
    address = _address(url)
    options = ["--no-owner", "--no-privileges", "--file=-"]
    say = tools.command(
        "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-", f"--dbname={address.dsn}"
    )
    with (
        subprocess.Popen(  # noqa: S603  - a program of PostgreSQL
            tools.command("pg_restore", *options, str(file)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as source,
        _running(say, address) as target,
    ):
        try:
            script, said = _open(target.stdin), _open(source.stdout)
            script.write(f"{_BEGIN}\n{DROP_ALL if replace else ''}\n".encode())
            shutil.copyfileobj(said, script, _BLOCK)
            if source.wait() == 0:
                # Only now: whoever dies before leaves a transaction that is rolled back.
                script.write(b"\ncommit;\n")
            script.flush()
        except BrokenPipeError:
            pass  # psql has said why
        finally:
            source.kill()
        _, complaints = target.communicate()
        if target.returncode or source.returncode:
            # What else it says may hold a row.
            lines = [line for line in complaints.decode(errors="replace").splitlines() if _COMPLAINT.search(line)]
            raise click.ClickException("\n".join(["Nothing was restored or changed.", *lines[-_LINES:]]))


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("it was started with a pipe")
    return pipe


def _address(url: str) -> Address:
    try:
        return address_of(url)
    except UnfitAddress as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _running(command: Sequence[str], address: Address) -> Generator[subprocess.Popen[bytes]]:
    """Run a program that connects to the database; ends it if the context ends before."""
    secret = {} if address.password is None else {"PGPASSWORD": address.password}
    with subprocess.Popen(  # noqa: S603  - a program of PostgreSQL
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment_with({"LC_ALL": "C", **secret}),
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
