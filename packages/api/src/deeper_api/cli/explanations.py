"""How commands end when the database or an account is at fault. Apart from faults, because it takes longer to load."""

from collections.abc import Generator
from contextlib import contextmanager

import rich_click as click

from deeper_api.store.reasons import why_unreachable
from deeper_api.store.schema import MigrationFailed
from deeper_core import DatabaseUnavailable, DeeperError


def not_migrated(missing: list[str]) -> click.ClickException:
    """Return the error that says which migrations are missing, and how to apply them."""
    return click.ClickException(
        f"The database lacks {len(missing)} migration(s), from {missing[0]} on. Run `deeper migrate` first."
    )


@contextmanager
def explained() -> Generator[None]:
    """End the command with the message of an error of ours, not with a traceback."""
    try:
        yield
    except DatabaseUnavailable as error:
        raise click.ClickException(
            f"The database cannot be used: {why_unreachable(error)}. `deeper config` shows its address, DEEPER_DB_URL."
        ) from error
    except DeeperError as error:
        # The message of a refused value speaks of a request, of which nobody at a terminal knows.
        lines = [detail.message for detail in error.details] or [error.message]
        raise click.ClickException("\n".join(lines)) from error
    except MigrationFailed as error:
        raise click.ClickException(str(error)) from error
