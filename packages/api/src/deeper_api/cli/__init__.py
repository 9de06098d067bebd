"""The ``deeper`` command. Each subcommand is a module, loaded when it is called: most need little of the server."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

from importlib import import_module

import rich_click as click

_COMMANDS = {
    "dev": "Run everything on this machine; nothing to install or configure.",
    "serve": "Run the server for production.",
    "migrate": "Bring the database up to this version.",
    "config": "Show the configuration and what is wrong with it.",
    "openapi": "Print the description of the HTTP API.",
    "doctor": "Examine a deployment and say what is wrong with it.",
    "backup": "Save the whole database into a file.",
    "restore": "Put a backup into a database.",
    "user": "Create and change accounts.",
    "generations": "See what models are writing now, and stop it.",
    "usage": "See who used how much.",
    "audit": "See what happened to accounts.",
    "chat": "Ask a running server and watch the answer stream.",
}


class _Commands(click.RichGroup):
    """Finds a subcommand in the module of its name, as ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their usefulness."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the subcommand, or None."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"deeper_api.cli.{cmd_name}").command
        command.short_help = _COMMANDS[cmd_name]
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="deeper-api", prog_name="deeper")
def main() -> None:
    """DeeperSensor: a self-hosted, multi-user chat backend for large language models.

    Exit codes: 0 for success, 1 for a failure, 2 for a wrong call or configuration.
    """
