"""``deeper serve``: the server for production."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

import logging

import rich_click as click

from deeper_api.cli.explanations import explained, not_migrated
from deeper_api.cli.faults import read_config
from deeper_api.cli.serving import reachable_address, run_server
from deeper_api.store.schema import pending

_log = logging.getLogger("deeper.server")


@click.command("serve")
@click.option("--host", help="Address to listen on.  [default: DEEPER_SERVER_HOST, or 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="Port to listen on.  [default: DEEPER_SERVER_PORT, or 8080]"
)
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.  [default: DEEPER_SERVER_WORKERS, or 1]")
def command(host: str | None, port: int | None, workers: int | None) -> None:
    """Run the server.

    Needs a PostgreSQL database and a secret; `deeper config` shows every setting. The database must be migrated
    before (`deeper migrate`). SIGTERM ends it once running answers are finished or the drain time is over.
    """
    given = {"server.host": host, "server.port": port, "server.workers": workers}
    config = read_config(overrides={key: value for key, value in given.items() if value is not None}, serving=True)
    with explained():
        missing = pending(config.db.url)
    if missing and config.profile == "prod":
        raise not_migrated(missing)
    run_server(config, lambda: _log.info("listening", extra={"fields": {"address": reachable_address(config)}}))
