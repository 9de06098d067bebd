"""Which database a command works on: the configured one, or else that of ``deeper dev``."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import platformdirs
import rich_click as click

from deeper_api.config import AppConfig
from deeper_api.embedded.postgres import EmbeddedPostgresFailed, embedded_postgres, has_cluster, running_url


def default_data_dir() -> Path:
    """Return the folder that holds the data of ``deeper dev`` unless another is named (XDG base directories)."""
    return platformdirs.user_data_path("deepersensor", appauthor=False)


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="DEEPER_DATA_DIR",
    default=default_data_dir,
    show_default="~/.local/share/deepersensor",
    help="Folder that holds the data of `deeper dev`.  [env: DEEPER_DATA_DIR]",
)


@contextmanager
def database_url(config: AppConfig, data_dir: Path) -> Generator[str]:
    """Yield the address of the database: the configured one, else that of `deeper dev`, started if it does not run.

    Never makes one: where an operator forgot the address, accounts would go to a database that nobody serves.
    """
    if config.db.url:
        yield config.db.url
    elif (url := running_url(data_dir / "postgres")) is not None:
        yield url
    elif not has_cluster(data_dir / "postgres"):
        raise click.ClickException(
            f"DEEPER_DB_URL is not set, and `deeper dev` has not made a database in {data_dir} yet. "
            "Set the one, or start the other."
        )
    else:
        with own_database(data_dir, partial(click.echo, err=True)) as url:
            yield url


@contextmanager
def own_database(data_dir: Path, on_progress: Callable[[str], None]) -> Generator[str]:
    """Run the embedded PostgreSQL in ``data_dir`` and yield its address; its failures end the command in words."""
    try:
        with embedded_postgres(data_dir / "postgres", on_progress) as url:
            yield url
    except EmbeddedPostgresFailed as error:
        raise click.ClickException(str(error)) from error
