"""What the command says of itself."""

import os
import pty
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
import rich_click as click
from click.testing import CliRunner

from deeper_api.cli import main
from tests.api.cli.commands import DEEPER, Deeper, environment


def commands(command: click.Command, *path: str) -> list[tuple[str, ...]]:
    """The paths of ``command`` and all below it."""
    found = [path]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found += commands(below, *path, name)
    return found


COMMANDS = commands(main)


def test_the_commands_are_those_of_the_documentation():
    assert [path[0] for path in COMMANDS if len(path) == 1] == [
        *("dev", "serve", "migrate", "config", "openapi", "doctor", "backup", "restore"),
        *("user", "generations", "usage", "audit", "chat"),
    ]
    assert {path for path in COMMANDS if len(path) == 2} == {
        *(("user", name) for name in ("create", "list", "disable", "enable", "role", "password")),
        *(("user", name) for name in ("show", "quota", "delete", "sessions", "sign-out", "keys", "revoke-key")),
        ("generations", "list"),
        ("generations", "cancel"),
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_each_of_its_options(path: tuple[str, ...]):
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        below = command.get_command(click.Context(command), name)
        assert below is not None
        command = below
    done = CliRunner().invoke(main, [*path, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert (command.help or "").split(".")[0].split()[0] in done.output
    for option in command.params:
        assert {name for name in option.opts if name.startswith("-") and name not in done.output} == set()
        assert isinstance(option, click.Argument) or getattr(option, "help", None)


def test_the_installed_script_answers(deeper: Deeper):
    done = deeper("--help")
    assert (done.code, done.err) == (0, "")
    assert re.findall(r"Usage: deeper", done.out)


def test_it_knows_its_version(deeper: Deeper):
    assert deeper("--version").out == f"deeper, version {version('deeper-api')}\n"


def test_help_loads_neither_the_server_nor_the_database():
    script = (
        "import sys; from deeper_api.cli import main\n"
        "try: main(['config', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules)"
    )
    python = str(Path(DEEPER).with_name("python"))
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & {"litestar", "granian", "psycopg", "yoyo", "aiohttp", "passlib"} == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("--nonsense",),
        ("serve", "--nonsense"),
        ("serve", "--port", "0"),
        ("serve", "--port", "many"),
        ("user", "create"),
        ("user", "role", "a@example.com", "emperor"),
        ("chat", "one", "two"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_exits_with_2(arguments: tuple[str, ...]):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "Error" in done.output


def test_a_wrong_call_of_the_script_exits_with_2_and_says_how_to_get_help(deeper: Deeper):
    done = deeper("serve", "--nonsense")
    assert done.code == 2
    assert "No such option '--nonsense'." in done.said
    assert "deeper serve -h" in done.said


def at_terminal(folder: Path, *arguments: str, **given: str) -> str:
    """What a command writes to a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [DEEPER, *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=folder,
        env=environment(folder, {"TERM": "xterm-256color", **given}),
    )
    os.close(its)
    written = b""
    try:
        while portion := os.read(ours, 65_536):
            written += portion
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(ours)
        process.wait(60)
    return written.decode()


COLOUR = re.compile(r"\x1b\[[\d;]*(?<![\d])(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?!\d)[\d;]*m")


def test_a_terminal_gets_colours_unless_it_wants_none(tmp_path: Path):
    assert COLOUR.search(at_terminal(tmp_path, "serve"))
    assert not COLOUR.search(at_terminal(tmp_path, "serve", NO_COLOR="1"))
