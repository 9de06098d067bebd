"""``deeper migrate``: bring the database up to this version."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

from pathlib import Path

import rich_click as click

from deeper_api.cli.databases import data_dir_option, database_url
from deeper_api.cli.explanations import explained
from deeper_api.cli.faults import read_config
from deeper_api.store.migrations import apply, pending, rollback


@click.command("migrate")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a migration is missing.")
@click.option("--rollback", "undo", is_flag=True, help="Undo the newest migration. Its data is lost.")
@click.option("--yes", is_flag=True, help="Do not ask before undoing.")
@data_dir_option
def command(*, check: bool, undo: bool, yes: bool, data_dir: Path) -> None:
    """Apply what the database lacks, in order; safe to run from several places at once, and again after a crash.

    Works on the database of `DEEPER_DB_URL`, or else on that of `deeper dev`.
    """
    config = read_config()
    with explained(), database_url(config, data_dir) as url:
        if not config.db.url:
            click.echo(f"DEEPER_DB_URL is not set: this is about the database of `deeper dev` in {data_dir}.", err=True)
        if check:
            _check(url)
        elif undo:
            _undo(url, yes=yes)
        else:
            applied = apply(url, click.echo)
            click.echo(f"Applied {len(applied)}." if applied else "The database is up to date.")


def _check(url: str) -> None:
    missing = pending(url)
    if missing:
        raise click.ClickException("The database lacks: " + ", ".join(missing) + ".")
    click.echo("The database is up to date.")


def _undo(url: str, *, yes: bool) -> None:
    if not yes:
        click.confirm("Undo the newest migration and lose its data?", abort=True)
    undone = rollback(url, click.echo)
    click.echo(f"Undone: {undone}." if undone else "There is nothing to undo.")
