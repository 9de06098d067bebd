"""``deeper dev``: the whole product on one machine, with nothing to install or configure."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import asyncio
import secrets
import shlex
import textwrap
from contextlib import ExitStack
from pathlib import Path

import msgspec
import rich_click as click

from deeper_api.cli.databases import data_dir_option, default_data_dir, own_database
from deeper_api.cli.directories import open_directory
from deeper_api.cli.explanations import explained
from deeper_api.cli.faults import read_config
from deeper_api.cli.first_users import FIRST_USER_EMAIL, FIRST_USER_FILE, FirstUser, read_first_user
from deeper_api.cli.serving import free_address, reachable_address, run_server
from deeper_api.cli.web_clients import Choice, WebClient, web_client
from deeper_api.config import AppConfig, settings, value_of
from deeper_api.routes.reference import has_page
from deeper_api.store.migrations import apply
from deeper_core import DeeperError, EmailTaken, Role
from deeper_model import OllamaProvider, OllamaSettings, WireLimits

_SECRET_FILE = "jwt-secret"  # noqa: S105  - a name
_PROBE_SECONDS = 1.0


@click.command("dev")
@click.option("--host", help="Address to listen on.  [default: DEEPER_SERVER_HOST, or 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="Port to listen on.  [default: DEEPER_SERVER_PORT, or 8080]"
)
@click.option("--web-dev", "web", flag_value="reloading", help="Run the web client so that it reloads as you write it.")
@click.option("--no-web", "web", flag_value="none", help="Run the API only.")
@data_dir_option
def command(host: str | None, port: int | None, web: Choice | None, data_dir: Path) -> None:
    """Run everything on this machine.

    Starts a PostgreSQL of its own, applies the migrations, makes the secrets and a first account, uses the Ollama
    of this machine if there is one, and builds the web client, once. Each of these is replaced by setting its address
    (`deeper config`). Ctrl-C ends it all; the data stays for the next start.
    """
    given = {"server.host": host, "server.port": port}
    overrides = {key: value for key, value in given.items() if value is not None}
    defaults: dict[str, object] = {
        "profile": "dev",
        "log.format": "console",
        "metrics.port": 0,
        "server.drain_seconds": 1,
        "jwt.secret": _kept_secret(data_dir),
    }
    config = read_config(defaults=defaults, overrides=overrides)
    # Found out now, for the rest may take a minute.
    free_address(config.server.host, config.server.port)
    if not config.model.servers:
        defaults["model.provider"] = provider_of(config)
    with ExitStack() as stack:
        if not config.db.url:
            overrides["db.url"] = stack.enter_context(own_database(data_dir, click.echo))
        config = read_config(defaults=defaults, overrides=overrides, serving=True)
        first = _prepare(config, data_dir)
        client = stack.enter_context(web_client(web or "built", reachable_address(config)))
        run_server(config, lambda: _welcome(config, first, data_dir, client), client.export)


def _prepare(config: AppConfig, data_dir: Path) -> FirstUser | None:
    """Bring the database up to date and make sure that there is an account; return it where it is ours."""
    with explained():
        apply(config.db.url, click.echo)
        return asyncio.run(_first_user(config, data_dir / FIRST_USER_FILE))


async def _first_user(config: AppConfig, file: Path) -> FirstUser | None:
    async with open_directory(config, config.db.url) as directory:
        if await directory.administration.list_all():
            first = read_first_user(file)
            kept = first is not None and await directory.administration.is_password(first.email, first.password)
            return first if kept else None
        first = FirstUser(email=FIRST_USER_EMAIL, password=secrets.token_urlsafe(12))
        _write_private(file, msgspec.json.encode(first))
        try:
            await directory.accounts.create(first.email, first.password, Role.ADMIN)
        except EmailTaken:  # somebody was faster
            return None
        return first


def _kept_secret(data_dir: Path) -> str:
    """Return the secret of this data folder; makes both at the first start."""
    file = data_dir / _SECRET_FILE
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _write_private(file, secrets.token_urlsafe(48).encode("ascii"))
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(
            f"Cannot keep data in {data_dir}: {error}. Choose another with --data-dir."
        ) from error


def _write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(content)
    unfinished.replace(file)


def provider_of(config: AppConfig) -> str:
    """Return which kind of model server answers where none is set: the Ollama of this machine, or else a script."""
    return "ollama" if asyncio.run(_answers(config.ollama.url)) else "scripted"


async def _answers(url: str) -> bool:
    limits = WireLimits(connect=_PROBE_SECONDS, reply=_PROBE_SECONDS)
    provider = OllamaProvider(url, settings=OllamaSettings(limits=limits))
    try:
        await provider.check_health()
    except DeeperError:
        return False
    finally:
        await provider.close()
    return True


def _welcome(config: AppConfig, first: FirstUser | None, data_dir: Path, client: WebClient) -> None:
    address = reachable_address(config)
    lines = [f"DeeperSensor is ready at {address}", client.line(), _where_models_come_from(config)]
    if first is not None:
        lines.append(f"First account: {first.email}, password {first.password}")
    lines.append(f"Try it from another terminal: {_chat_command(config, data_dir)} 'Hello!'")
    if has_page():
        lines.append(f"Read the API, and try it in a browser: {address}/openapi")
    lines.append("Ctrl-C ends it; the data stays.")
    click.echo("\n" + textwrap.indent("\n".join(lines), "  ") + "\n")


def _where_models_come_from(config: AppConfig) -> str:
    if config.model.servers:
        return f"Models come from {', '.join(server.name for server in config.model.servers)}."
    match config.model.provider:
        case "scripted":
            return f"No Ollama at {_shown(config, 'ollama.url')}: a scripted demo model answers instead."
        case "ollama":
            return f"Models come from the Ollama at {_shown(config, 'ollama.url')}."
        case "openai":
            return f"Models come from {_shown(config, 'openai.url')}."


def _shown(config: AppConfig, key: str) -> str:
    """Return a setting without the password that may be in it."""
    return next(setting.show(value_of(config, setting)) for setting in settings() if setting.key == key)


def _chat_command(config: AppConfig, data_dir: Path) -> str:
    parts = ["uv", "run", "deeper", "chat"]
    if config.server.port != AppConfig().server.port:
        parts += ["--url", reachable_address(config)]
    if data_dir != default_data_dir():
        parts += ["--data-dir", str(data_dir)]
    return shlex.join(parts)
