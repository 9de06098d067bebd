"""Asking for a password at the terminal."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import os
import sys

import rich_click as click


def ask_for_password(otherwise: str, *, twice: bool = False) -> str:
    """Return the password that is typed, unseen; ``otherwise`` says how to give it where there is no terminal."""
    if not _has_terminal():
        raise click.UsageError(f"There is no terminal to ask for the password. Give it with {otherwise}.")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True)
    return answer


def _has_terminal() -> bool:
    """Return whether somebody can be asked, as `getpass` finds out: standard input may be a pipe all the same."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin.isatty()
    return True
