"""``deeper backup``: save the whole database into one file."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import rich_click as click

from deeper_api.cli.archives import check, dump, find_tools, migrations_in, require_known
from deeper_api.cli.databases import data_dir_option, database_url
from deeper_api.cli.explanations import explained
from deeper_api.cli.faults import read_config
from deeper_api.cli.seals import seal
from deeper_api.store.archives import describe_target


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@data_dir_option
def command(file: Path, *, force: bool, data_dir: Path) -> None:
    """Save the whole database into FILE, while servers run; only its owner can read it.

    FILE is an archive of pg_dump, in its custom format, as of one moment. It holds everything but the secrets of the
    configuration: keep DEEPER_JWT_SECRET elsewhere. It is read back before it gets its name.
    """
    if file.exists() and not force:
        raise click.ClickException(f"{file} is there already. Choose another name, or replace it with --force.")
    config = read_config()
    with explained(), database_url(config, data_dir) as url:
        target = describe_target(url)
        tools = find_tools(target.version)
        with _becoming(file) as unfinished:
            dump(tools, url, unfinished, partial(click.echo, err=True))
            seal(unfinished)
            click.echo("Reading it back.", err=True)
            check(tools, unfinished)
            migrations = migrations_in(tools, unfinished)
            require_known(migrations, unfinished)
    size = file.stat().st_size / 1024**2
    click.echo(f"Saved to {file}: {size:.1f} MiB, PostgreSQL {target.version}, schema {migrations[-1]}.")


@contextmanager
def _becoming(file: Path) -> Generator[Path]:
    """Yield a file beside ``file``, for its owner only, that becomes it if all goes well, and else is gone."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
        os.close(number)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    unfinished = Path(name)
    try:
        yield unfinished
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
