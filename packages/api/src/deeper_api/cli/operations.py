"""Commands that work on the database directly: opening it, and printing what is found for people or for programs."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec
import rich_click as click
from msgspec import Struct

from deeper_api.accounts.directory import Directory
from deeper_api.cli.databases import database_url
from deeper_api.cli.directories import open_pool, opened_directory
from deeper_api.cli.explanations import explained, not_migrated
from deeper_api.cli.faults import read_config
from deeper_api.store.overviews import OverviewStore
from deeper_api.store.schema import pending
from deeper_api.store.usages import UsageStore
from deeper_auth import parse_email
from deeper_core import NotFound, UserId

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Desk(Struct, frozen=True, kw_only=True):
    """What an operator works with."""

    directory: Directory
    overviews: OverviewStore
    usages: UsageStore

    async def user_id(self, email: str) -> UserId:
        """Return whose address it is.

        Raises:
            NotFound: nobody's.
        """
        found = await self.directory.users.find_by_email(parse_email(email))
        if found is None:
            raise NotFound("There is no account with this e-mail address.")
        return found.user.id


def at_desk(data_dir: Path, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Return what ``work`` returns, on the configured database or else on that of `deeper dev`."""
    config = read_config()

    async def run(url: str) -> T:
        async with open_pool(url) as pool, opened_directory(config, pool) as directory:
            return await work(Desk(directory=directory, overviews=OverviewStore(pool), usages=UsageStore(pool)))

    with explained(), database_url(config, data_dir) as url:
        missing = pending(url)
        if missing:
            raise not_migrated(missing)
        return asyncio.run(run(url))


def show(value: object) -> None:
    """Print ``value`` as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_rows(rows: Iterable[Struct], columns: Sequence[str], *, as_json: bool) -> None:
    """Print ``rows`` as JSON, or some columns of them with tabs between, which other programs split well."""
    rows = list(rows)
    if as_json:
        show(rows)
        return
    for row in rows:
        click.echo("\t".join(_text(getattr(row, column)) for column in columns))


def parsed_id(text: str) -> UUID:
    """Return the id that somebody typed."""
    try:
        return UUID(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no id.") from error


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return value.isoformat(timespec="seconds")
        case tuple():
            return ",".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]  - of scopes
        case _:
            # What people name may hold a tab.
            return str(value).replace("\t", " ")
