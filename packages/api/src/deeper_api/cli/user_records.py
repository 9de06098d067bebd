"""The parts of ``deeper user`` that are about what belongs to an account."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import re
from pathlib import Path

import rich_click as click

from deeper_api.accounts.oversight import Administrator
from deeper_api.cli.databases import data_dir_option
from deeper_api.cli.operations import Desk, at_desk, json_option, parsed_id, show, show_rows
from deeper_api.config.sections import MAX_TOKENS
from deeper_api.store.api_keys import NamedKey
from deeper_api.store.people import AccountChange, AccountFigures
from deeper_auth import Session
from deeper_core import ApiKeyId

_email = click.argument("email")


@click.command("show")
@_email
@json_option
@data_dir_option
def show_user(email: str, *, as_json: bool, data_dir: Path) -> None:
    """Print an account and how much belongs to it."""

    async def find(desk: Desk) -> AccountFigures:
        return await desk.directory.oversight.find(await desk.user_id(email))

    figures = at_desk(data_dir, find)
    if as_json:
        show(figures)
        return
    for name in AccountFigures.__struct_fields__:
        click.echo(f"{name}\t{getattr(figures, name)}")


@click.command("quota")
@_email
@click.argument("tokens")
@data_dir_option
def quota(email: str, tokens: str, data_dir: Path) -> None:
    """Let models read and write so many TOKENS for an account in a day: 0 for any number, `server` for its default."""
    if tokens != "server" and not (re.fullmatch("[0-9]{1,10}", tokens) and int(tokens) <= MAX_TOKENS):
        raise click.BadParameter(f"Expected a number up to {MAX_TOKENS}, or `server`.")
    change = AccountChange(tokens_per_day=None if tokens == "server" else int(tokens))

    async def give(desk: Desk) -> AccountFigures:
        return await desk.directory.oversight.change(await desk.user_id(email), change, Administrator())

    click.echo(f"Changed {at_desk(data_dir, give).email}.")


@click.command("delete")
@_email
@click.option("--yes", is_flag=True, help="Do not ask before.")
@data_dir_option
def delete(email: str, *, yes: bool, data_dir: Path) -> None:
    """Delete an account with everything that belongs to it. The last administrator stays."""
    if not yes:
        click.confirm(f"Delete {email} with all conversations, usage and keys?", abort=True)

    async def remove(desk: Desk) -> None:
        await desk.directory.oversight.delete(await desk.user_id(email), Administrator())

    at_desk(data_dir, remove)
    click.echo(f"Deleted {email}.")


@click.command("sessions")
@_email
@json_option
@data_dir_option
def sessions(email: str, *, as_json: bool, data_dir: Path) -> None:
    """Print where somebody is signed in, the newest sign-in first, with tabs between the columns."""

    async def find(desk: Desk) -> tuple[Session, ...]:
        return await desk.directory.oversight.sessions(await desk.user_id(email))

    columns = ("id", "created_at", "rotated_at", "expires_at", "ip_address", "user_agent")
    show_rows(at_desk(data_dir, find), columns, as_json=as_json)


@click.command("sign-out")
@_email
@data_dir_option
def sign_out(email: str, data_dir: Path) -> None:
    """Sign somebody out everywhere. API keys stay."""

    async def end(desk: Desk) -> int:
        return await desk.directory.oversight.end_sessions(await desk.user_id(email), Administrator())

    click.echo(f"Ended {at_desk(data_dir, end)} session(s) of {email}.")


@click.command("keys")
@_email
@json_option
@data_dir_option
def keys(email: str, *, as_json: bool, data_dir: Path) -> None:
    """Print somebody's API keys, the newest first, with tabs between the columns."""

    async def find(desk: Desk) -> tuple[NamedKey, ...]:
        return await desk.directory.oversight.keys(await desk.user_id(email))

    columns = ("id", "name", "scopes", "created_at", "expires_at", "last_used_at")
    show_rows(at_desk(data_dir, find), columns, as_json=as_json)


@click.command("revoke-key")
@_email
@click.argument("key_id")
@data_dir_option
def revoke_key(email: str, key_id: str, data_dir: Path) -> None:
    """End one of somebody's API keys, by its id."""
    key = ApiKeyId(parsed_id(key_id))

    async def revoke(desk: Desk) -> None:
        await desk.directory.oversight.revoke_key(await desk.user_id(email), key, Administrator())

    at_desk(data_dir, revoke)
    click.echo(f"Revoked {key_id}.")


COMMANDS = (show_user, quota, delete, sessions, sign_out, keys, revoke_key)
