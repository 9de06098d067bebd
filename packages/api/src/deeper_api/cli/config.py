"""``deeper config``: what is set, where it is set by, and what is wrong."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import re

import rich_click as click

from deeper_api.cli.faults import config_fault, read_config
from deeper_api.config import environment_matrix, required_to_serve, settings, value_of


@click.command("config")
@click.option("--markdown", is_flag=True, help="Print the table of all settings, as in the README.")
@click.option("--check", is_flag=True, help="Also exit with 2 if `deeper serve` would refuse to start.")
def command(*, markdown: bool, check: bool) -> None:
    """Show every setting as this process sees it; secrets are masked.

    The output can be used as a `.env` file, once the secrets are filled in.
    """
    if markdown:
        click.echo(environment_matrix(), nl=False)
        return
    config = read_config()
    for setting in settings():
        click.echo(f"{setting.variable}={_quoted(setting.show(value_of(config, setting)))}")
    faults = required_to_serve(config) if check else []
    if faults:
        raise config_fault(faults)


def _quoted(value: str) -> str:
    """Return ``value`` as a `.env` file has it: in quotes unless every reader takes it as it is."""
    if re.fullmatch(r"[\w.,:;/@%&=?*+~-]*", value, re.ASCII):
        return value
    return "'" + value.replace("\\", r"\\").replace("'", r"\'") + "'"
