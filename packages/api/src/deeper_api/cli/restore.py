"""``deeper restore``: put a backup into a database."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

from pathlib import Path

import rich_click as click

from deeper_api.cli.archives import check, find_tools, migrations_in, require_known, restore
from deeper_api.cli.databases import data_dir_option, database_url
from deeper_api.cli.explanations import explained
from deeper_api.cli.faults import read_config
from deeper_api.cli.seals import is_whole
from deeper_api.store.archives import Target, describe_target, gather_statistics
from deeper_api.store.schema import pending


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, readable=True))
@click.option("--replace", is_flag=True, help="Drop what the database has. Asks before.")
@click.option("--yes", is_flag=True, help="Do not ask before dropping.")
@data_dir_option
def command(file: Path, *, replace: bool, yes: bool, data_dir: Path) -> None:
    """Put the backup in FILE into the database: all of it, or nothing.

    The database has to be empty, unless what it has is to be replaced, and no server may be connected. A damaged file,
    and one of a newer version, is refused before anything changes.
    """
    config = read_config()
    with explained(), database_url(config, data_dir) as url:
        target = describe_target(url)
        tools = find_tools(target.version)
        click.echo("Reading the backup.", err=True)
        if is_whole(file) is None:
            click.echo("It has no seal of `deeper backup`: whether a byte of it is wrong cannot be told.", err=True)
        check(tools, file)
        migrations = migrations_in(tools, file)
        require_known(migrations, file)
        _require_room(target, replace=replace)
        if target.tables and not yes:
            click.confirm(f"Drop all {target.tables} tables of this database, with their data?", abort=True, err=True)
        click.echo("Restoring.", err=True)
        restore(tools, url, file, replace=replace)
        gather_statistics(url)
        missing = pending(url)
    click.echo(f"Restored {file}, schema {migrations[-1]}.")
    if missing:
        click.echo(f"It lacks {len(missing)} migration(s), from {missing[0]} on. Run `deeper migrate` before serving.")


def _require_room(target: Target, *, replace: bool) -> None:
    if target.servers:
        raise click.ClickException(
            f"Servers are connected to this database ({target.servers} connection(s)). End them first."
        )
    if target.tables and not replace:
        raise click.ClickException(
            f"This database has {target.tables} tables. Give an empty one, or drop what it has with --replace."
        )
