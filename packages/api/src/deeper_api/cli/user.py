"""``deeper user``: create and change accounts, without the server."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import secrets
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import rich_click as click

from deeper_api.accounts.directory import Directory
from deeper_api.cli.databases import data_dir_option
from deeper_api.cli.operations import at_desk, json_option, show
from deeper_api.cli.passwords import ask_for_password
from deeper_api.cli.user_records import COMMANDS
from deeper_core import Role, User

_T = TypeVar("_T")

# 24 characters of base64url, 144 bits: nobody has to remember it, and nobody guesses it.
_GENERATED_BYTES = 18

_role_option = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default="user",
    show_default=True,
    help="What it may do.",
)
_email_argument = click.argument("email")


def _password_options(function: Callable[..., None]) -> Callable[..., None]:
    stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
    generate = click.option("--generate", is_flag=True, help="Make a random password and print it.")
    return stdin(generate(function))


@click.group("user")
def command() -> None:
    """Create and change accounts.

    Works on the database of `DEEPER_DB_URL`, or else on that of `deeper dev`, whether it runs or not.
    """


@command.command("create")
@_email_argument
@_role_option
@_password_options
@data_dir_option
def create(email: str, role: str, *, password_stdin: bool, generate: bool, data_dir: Path) -> None:
    """Make an account. Asks for the password unless told where it comes from."""
    password = _password(stdin=password_stdin, generate=generate)
    user = _run(data_dir, lambda directory: directory.accounts.create(email, password, Role(role)))
    click.echo(f"Created {user.email} ({user.role}), id {user.id}.")
    if generate:
        click.echo(f"Password: {password}")


@command.command("list")
@json_option
@data_dir_option
def list_users(*, as_json: bool, data_dir: Path) -> None:
    """Print every account, the newest first, with tabs between the columns."""
    users = _run(data_dir, lambda directory: directory.administration.list_all())
    if as_json:
        show(users)
        return
    for user in users:
        state = "disabled" if user.disabled_at else "active"
        click.echo(f"{user.id}\t{user.email}\t{user.role}\t{state}\t{user.created_at.isoformat(timespec='seconds')}")


@command.command("disable")
@_email_argument
@data_dir_option
def disable(email: str, data_dir: Path) -> None:
    """Forbid an account to sign in, and end its sessions."""
    _told("Disabled", _run(data_dir, lambda directory: directory.administration.disable(email)))


@command.command("enable")
@_email_argument
@data_dir_option
def enable(email: str, data_dir: Path) -> None:
    """Let a disabled account sign in again."""
    _told("Enabled", _run(data_dir, lambda directory: directory.administration.enable(email)))


@command.command("role")
@_email_argument
@click.argument("role", type=click.Choice([role.value for role in Role]))
@data_dir_option
def role(email: str, role: str, data_dir: Path) -> None:
    """Give an account another role."""
    _told("Changed", _run(data_dir, lambda directory: directory.administration.set_role(email, Role(role))))


@command.command("password")
@_email_argument
@_password_options
@data_dir_option
def password(email: str, *, password_stdin: bool, generate: bool, data_dir: Path) -> None:
    """Give an account another password, and end its sessions."""
    new = _password(stdin=password_stdin, generate=generate)
    _told("Changed", _run(data_dir, lambda directory: directory.administration.set_password(email, new)))
    if generate:
        click.echo(f"Password: {new}")


for _command in COMMANDS:
    command.add_command(_command)


def _run(data_dir: Path, work: Callable[[Directory], Awaitable[_T]]) -> _T:
    return at_desk(data_dir, lambda desk: work(desk.directory))


def _password(*, stdin: bool, generate: bool) -> str:
    if stdin and generate:
        raise click.UsageError("--password-stdin and --generate exclude each other.")
    if generate:
        return secrets.token_urlsafe(_GENERATED_BYTES)
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return ask_for_password("--password-stdin or --generate", twice=True)


def _told(what: str, user: User) -> None:
    state = ", disabled" if user.disabled_at else ""
    click.echo(f"{what} {user.email} ({user.role}{state}).")
