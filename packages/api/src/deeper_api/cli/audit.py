"""``deeper audit``: what happened to accounts, sessions and API keys."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

from pathlib import Path

import rich_click as click

from deeper_api.cli.databases import data_dir_option
from deeper_api.cli.operations import Desk, at_desk, json_option, show_rows
from deeper_api.store.audits import AuditEvent, AuditKind


@click.command("audit")
@click.option("--kind", type=click.Choice(sorted(kind.value for kind in AuditKind)), help="Only events of this kind.")
@click.option("--email", help="Only what this user did, or what was done to the account.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many at most.")
@json_option
@data_dir_option
def command(kind: str | None, email: str | None, limit: int, *, as_json: bool, data_dir: Path) -> None:
    """Print what happened to accounts, sessions and API keys, the newest first, with tabs between the columns."""

    async def find(desk: Desk) -> list[AuditEvent]:
        user_id = None if email is None else await desk.user_id(email)
        return await desk.directory.audits.list_page(
            limit=limit, kind=None if kind is None else AuditKind(kind), user_id=user_id
        )

    columns = ("at", "kind", "actor_id", "subject_id", "ip_address", "details")
    show_rows(at_desk(data_dir, find), columns, as_json=as_json)
