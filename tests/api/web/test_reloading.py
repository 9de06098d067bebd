"""Running the web client with hot reloading, with a stand-in for Node.js."""

import os
import sys
from pathlib import Path

import pytest

from deeper_api.web.errors import WebUnavailable
from deeper_api.web.reloading import reloading
from tests.api.web.building import Calls, MakeBuilder

# Notes how it was installed and started, and answers as Next.js does.
SERVES = f"""
case "$2,$*" in
ci,*" --include=dev") mkdir -p node_modules && touch node_modules/.package-lock.json ;;
dev,*) echo "$NODE_ENV $WEB_API_URL $*" > started; exec {sys.executable} -m http.server --bind "$4" "$6" ;;
*) exit 9 ;;
esac
"""
API = "http://127.0.0.1:8080"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The client's folder, with nothing installed."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "package-lock.json").touch()
    return tmp_path / "web"


def test_it_is_installed_with_its_tools_and_answers_at_an_address_of_its_own(
    folder: Path, builder: MakeBuilder, calls: Calls
):
    with reloading(folder, builder(SERVES), API) as server:
        assert server.wait_until_ready()
        port = server.address.rpartition(":")[2]
        arguments = f"node_modules/next/dist/bin/next dev --hostname 127.0.0.1 --port {port}"
        assert (folder / "started").read_text() == f"development {API} {arguments}\n"
    assert calls.made() == ["ci", "dev"]


def test_it_is_installed_again_only_when_other_packages_are_wanted(folder: Path, builder: MakeBuilder, calls: Calls):
    for _ in range(2):
        with reloading(folder, builder(SERVES), API) as server:
            assert server.wait_until_ready()
    assert calls.made() == ["ci", "dev", "dev"]
    os.utime(folder / "node_modules" / ".package-lock.json", (1, 1))
    with reloading(folder, builder(SERVES), API):
        pass
    assert calls.made().count("ci") == 2


def test_it_leaves_the_port_of_the_api_to_the_api(folder: Path, builder: MakeBuilder):
    with reloading(folder, builder(SERVES), "http://127.0.0.1:3000") as server:
        assert server.address != "http://127.0.0.1:3000"


def test_it_ends_with_us(folder: Path, builder: MakeBuilder):
    with reloading(folder, builder(SERVES), API) as server:
        assert server.wait_until_ready()
    assert not server.wait_until_ready()


def test_what_ends_at_once_is_not_waited_for(folder: Path, builder: MakeBuilder):
    with reloading(folder, builder("[ $2 = ci ]"), API) as server:
        assert not server.wait_until_ready()


def test_what_cannot_be_installed_is_explained(folder: Path, builder: MakeBuilder):
    with pytest.raises(WebUnavailable, match=r"The npm registry cannot be reached\."):
        reloading(folder, builder("echo npm error code ENOTFOUND; exit 1"), API).__enter__()
