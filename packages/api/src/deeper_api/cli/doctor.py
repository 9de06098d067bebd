"""``deeper doctor``: look at a whole deployment and say what is wrong with it."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import rich_click as click
from msgspec import Struct

from deeper_api.cli.databases import data_dir_option
from deeper_api.cli.dev import provider_of
from deeper_api.cli.serving import free_address, reachable_address
from deeper_api.config import AppConfig, ConfigError, load_config
from deeper_api.config.rules import SECRET_BYTES
from deeper_api.diagnoses.caches import examinations_of_redis
from deeper_api.diagnoses.databases import examinations_of_database
from deeper_api.diagnoses.findings import Examination, Finding, Verdict, examine, ok, skipped, warning
from deeper_api.diagnoses.folders import examinations_of_folders
from deeper_api.diagnoses.models import examinations_of_models
from deeper_api.diagnoses.servers import answers, examinations_of_server
from deeper_api.diagnoses.settings import look_at_faults, look_at_settings
from deeper_api.embedded.postgres import running_url

_SETTINGS_SECONDS = 5.0


class Report(Struct, frozen=True, kw_only=True):
    """All findings; ``ok`` if nothing failed."""

    ok: bool
    findings: Sequence[Finding]


@click.command("doctor")
@click.option("--url", help="Address at which clients reach the server, such as https://chat.example.com.")
@click.option("--ask", is_flag=True, help="Also have a model answer, and see whether the answer streams.")
@click.option("--model", help="Which model to ask.  [default: the first one]")
@click.option(
    "--key",
    envvar="DEEPER_DOCTOR_KEY",
    help="API key to follow an answer with; better in the variable, for others see command lines."
    "  [env: DEEPER_DOCTOR_KEY]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_dir_option
def command(url: str | None, *, ask: bool, model: str | None, key: str | None, as_json: bool, data_dir: Path) -> None:
    """Examine this deployment: configuration, PostgreSQL, Redis, model servers, files, and the running server.

    Changes nothing. To see whether answers stream through all proxies, give an API key with the scopes chat and read
    in the variable DEEPER_DOCTOR_KEY, and `--url` and `--ask`. Exits with 1 if something failed.
    """
    doctor = _Doctor(data_dir, aloud=not as_json)
    findings = doctor.examine(url and url.rstrip("/"), key=key, ask=ask, model=model)
    counts = Counter(finding.verdict for finding in findings)
    failures = counts[Verdict.FAILED]
    if as_json:
        report = msgspec.json.encode(Report(ok=not failures, findings=findings))
        click.echo(msgspec.json.format(report, indent=2).decode())
    else:
        click.echo(f"\n{failures} failed, {counts[Verdict.WARNING]} warning(s), {counts[Verdict.OK]} ok.")
    if failures:
        raise SystemExit(1)


class _Doctor:
    """Examines everything; tells what is found as it comes, if ``aloud``."""

    def __init__(self, data_dir: Path, *, aloud: bool) -> None:
        self._data_dir = data_dir
        self._aloud = aloud
        self._findings: list[Finding] = []

    def examine(self, url: str | None, *, key: str | None, ask: bool, model: str | None) -> Sequence[Finding]:
        """Return what is found."""
        database = running_url(self._data_dir / "postgres")
        try:
            config = load_config()
            if not config.db.url and database is not None:
                config = self._config_of_dev(config, database)
        except ConfigError as error:
            self._tell(look_at_faults(error.faults))
        else:
            asyncio.run(self._examine(config, url, key=key, ask=ask, model=model))
        return self._findings

    def _config_of_dev(self, config: AppConfig, database: str) -> AppConfig:
        """Return the configuration that `deeper dev`, which runs here, makes of the given one."""
        defaults = {"profile": "dev", "jwt.secret": "0" * SECRET_BYTES, "model.provider": provider_of(config)}
        self._tell([ok("configuration", f"`deeper dev` runs in {self._data_dir}")])
        return load_config(defaults=defaults, overrides={"db.url": database})

    async def _examine(
        self, config: AppConfig, url: str | None, *, key: str | None, ask: bool, model: str | None
    ) -> None:
        look = partial(look_at_settings, config)
        examinations = [Examination(name="configuration", look=look, seconds=_SETTINGS_SECONDS)]
        if config.db.url:
            examinations += examinations_of_database(config, config.db.url)
        examinations += examinations_of_redis(config)
        examinations += examinations_of_models(config, ask=ask, model=model)
        examinations += examinations_of_folders(self._data_dir, Path.cwd())
        address = reachable_address(config)
        if url is None and not await answers(address):
            self._tell([_missing_server(config, address)])
        else:
            examinations += examinations_of_server(url or address, key=key, ask=ask, model=model)
        if key is None or not ask:
            self._tell([skipped("streaming", "needs --ask and an API key in DEEPER_DOCTOR_KEY")])
        async for found in examine(examinations):
            self._tell(found)

    def _tell(self, found: Sequence[Finding]) -> None:
        self._findings += found
        if self._aloud:
            for each in found:
                click.echo(f"{each.verdict:8} {each.name}: {each.said}")
                if each.advice is not None:
                    click.echo(f"         → {each.advice}")


def _missing_server(config: AppConfig, address: str) -> Finding:
    """Return that no server of ours answers, and whether one could listen there."""
    said = f"none runs at {address}"
    try:
        free_address(config.server.host, config.server.port)
    except click.ClickException as error:
        return warning("server", f"{said}, and none could be started", error.message)
    return skipped("server", f"{said}; name another with --url")
