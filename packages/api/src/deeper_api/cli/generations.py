"""``deeper generations``: what models are writing now, for everybody, on every server."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

from pathlib import Path
from typing import Final

import rich_click as click

from deeper_api.cli.databases import data_dir_option
from deeper_api.cli.operations import Desk, at_desk, json_option, parsed_id, show_rows
from deeper_api.store.audits import AuditKind
from deeper_api.store.overviews import RunningOfSomebody
from deeper_core import GenerationId, NotFound

_MOST: Final = 10_000


@click.group("generations")
def command() -> None:
    """See what models are writing now, for everybody, on every server, and stop it."""


@command.command("list")
@json_option
@data_dir_option
def list_running(*, as_json: bool, data_dir: Path) -> None:
    """Print all that runs or waits, the newest first, with tabs between the columns."""

    async def find(desk: Desk) -> list[RunningOfSomebody]:
        return await desk.overviews.list_page(limit=_MOST)

    columns = ("id", "email", "model", "purpose", "created_at", "completion_tokens", "position")
    show_rows(at_desk(data_dir, find), columns, as_json=as_json)


@command.command("cancel")
@click.argument("generation_id")
@data_dir_option
def cancel(generation_id: str, data_dir: Path) -> None:
    """Stop a generation, on whichever server it runs."""
    wanted = GenerationId(parsed_id(generation_id))

    async def stop(desk: Desk) -> bool:
        found = await desk.overviews.find(wanted)
        if found is None:
            raise NotFound("There is no such generation.")
        if found.state != "running":
            return False
        await desk.overviews.request_cancel(wanted)
        kind = AuditKind.GENERATION_CANCELLED
        await desk.directory.audit.note(kind, subject=found.user_id, generation_id=generation_id)
        return True

    click.echo("Told its server to stop it." if at_desk(data_dir, stop) else "It has ended already.")
