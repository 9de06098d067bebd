"""What `deeper dev` has for a browser: pages of its own, those that reload as one writes them, or none."""

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Literal

import platformdirs
import rich_click as click
from msgspec import Struct

from deeper_api.web.builds import Builder
from deeper_api.web.errors import WebUnavailable
from deeper_api.web.exports import Export, read_export
from deeper_api.web.nodes import find_node
from deeper_api.web.reloading import reloading
from deeper_api.web.sources import read_sources, sources_folder

Choice = Literal["built", "reloading", "none"]

_ERASE: Final = "\r\x1b[K"


class WebClient(Struct, frozen=True, kw_only=True):
    """What a browser gets: ``export`` from the API's own address, if there is one.

    ``line`` says to somebody at a terminal what to do, once the server is ready; it may wait for another one.
    """

    export: Export | None = None
    line: Callable[[], str]


def cache_folder() -> Path:
    """Return the folder that keeps built pages (XDG base directories)."""
    return platformdirs.user_cache_path("deepersensor", appauthor=False) / "web"


@contextmanager
def web_client(choice: Choice, api: str) -> Generator[WebClient]:
    """Make what was chosen available, for an API at the address ``api``.

    Where that cannot be done, say why; the API is of use without it.
    """
    with ExitStack() as stack:
        progress = _Progress()
        builder = Builder(cache=cache_folder(), find_node=find_node, waiting=progress.show)
        try:
            match choice:
                case "none":
                    client = WebClient(line=lambda: "No web client, because of --no-web.")
                case "reloading":
                    server = stack.enter_context(reloading(sources_folder(), builder, api))
                    client = WebClient(
                        line=lambda: (
                            f"Open {server.address} in a browser; it reloads as you change web/."
                            if server.wait_until_ready()
                            else "The web client does not answer; Next.js says why."
                        )
                    )
                case "built":
                    export = read_export(builder.build(read_sources(sources_folder())))
                    client = WebClient(export=export, line=lambda: f"Open {api} in a browser to chat.")
        except WebUnavailable as error:
            said = f"No web client. {error}\nThe API runs without it; --no-web does not try."
            client = WebClient(line=lambda: said)
        progress.end()
        yield client


class _Progress:
    """Says what is being done: each step on a line, and at a terminal for how long it has been."""

    def __init__(self) -> None:
        self._step = self._shown = ""
        self._moves = sys.stdout.isatty()

    def show(self, step: str, seconds: float) -> None:
        if not self._step:
            click.echo("Preparing the web client. This takes a minute, and is kept for the next start.")
        if step != self._step:
            self.end()
            self._step = step
            if not self._moves:
                click.echo(f"  {step} ...")
        line = f"  {step} ... {seconds:.0f} s"
        if self._moves and line != self._shown:
            click.echo(_ERASE + line, nl=False)
            self._shown = line

    def end(self) -> None:
        if self._step and self._moves:
            click.echo()
