"""deploy/nginx as it is, in a process of this machine: other addresses and folders, and nothing that it lacks here."""

import functools
import re
import shutil
import subprocess
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.fakes.http import HttpClient, open_client
from tests.fakes.server import free_port, listens
from tests.fixtures.postgres import wait_until

GONE: Final = "http://127.0.0.1:9"  # nobody listens there
SOURCE: Final = Path(__file__).parents[2] / "deploy" / "nginx"
NGINX: Final = shutil.which("nginx")
# From 1.25.1 on `http2` is a directive of its own; before, it is part of `listen`.
_FIRST_WITH_HTTP2: Final = (1, 25, 1)
_FIRST_WITH_CHOICE: Final = (3, 3)  # of curves, some of which it may not know


class Door:
    """nginx before some replicas of the API and a web client, each an address such as ``http://127.0.0.1:8080``.

    ``changes`` are put in place of what the configuration says, which has to be in it.
    """

    def __init__(
        self, folder: Path, certificate: Path, api: Sequence[str], web: str, changes: Mapping[str, str]
    ) -> None:
        self.certificate = certificate
        self._folder = folder
        folder.mkdir()
        self.port, self.plain_port = free_port(), free_port()
        self.url, self.plain_url = f"https://localhost:{self.port}", f"http://localhost:{self.plain_port}"
        for file in SOURCE.glob("*.conf"):
            (folder / file.name).write_text(self._fit(file.read_text(), changes))
        (folder / "upstreams.conf").write_text(_upstreams(api, web))
        (folder / "modules.conf").write_text("")
        setpriv = shutil.which("setpriv")
        guard = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        start = "user root; daemon off;" if Path("/proc/self").stat().st_uid == 0 else "daemon off;"
        command = [*guard, str(NGINX), "-c", str(folder / "nginx.conf"), "-g", start]
        with (folder / "errors").open("wb") as errors:
            self._process = subprocess.Popen(command, stdout=errors, stderr=errors)
        wait_until(lambda: listens(self.port) or self._process.poll() is not None)
        assert self._process.poll() is None, self.errors()

    def _fit(self, text: str, changes: Mapping[str, str]) -> str:
        text = re.sub(r"(?m)^\s*brotli.*\n", "", text)  # not every machine has the module
        if _version("nginx/") < _FIRST_WITH_HTTP2:
            text = text.replace("8443 ssl default_server", "8443 ssl http2 default_server").replace("http2 on;", "")
        if _version("OpenSSL ") < _FIRST_WITH_CHOICE:
            text = text.replace("?X25519MLKEM768:", "")
        for old, new in changes.items():
            text = text.replace(old, new)
        places = {
            "/etc/nginx/tls/tls.crt": str(self.certificate),
            "/etc/nginx/tls/tls.key": str(self.certificate),
            " /tmp/": f" {self._folder}/",
            "/srv/acme": str(self._folder / "acme"),
            "/dev/stdout": str(self._folder / "log"),
            "/dev/stderr": str(self._folder / "errors"),
            "listen 8080": f"listen 127.0.0.1:{self.plain_port}",
            "listen 8443": f"listen 127.0.0.1:{self.port}",
        }
        return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)

    def errors(self) -> str:
        """What nginx complained of."""
        return (self._folder / "errors").read_text()

    def log(self) -> str:
        """A line of JSON for each request."""
        return (self._folder / "log").read_text()

    def folder(self, name: str) -> Path:
        """A folder that the configuration names."""
        return self._folder / name

    def close(self) -> None:
        """End nginx."""
        self._process.terminate()
        self._process.wait(10)


@asynccontextmanager
async def through(door: Door) -> AsyncGenerator[HttpClient]:
    """Yield a client that comes through this door."""
    async with open_client(door.url, door.certificate) as client:
        yield client


def _upstreams(api: Sequence[str], web: str) -> str:
    servers = " ".join(f"server {url.removeprefix('http://')};" for url in api)
    return f"""
        upstream replicas {{ {servers} keepalive 8; keepalive_timeout 20s; }}
        map "" $api {{ default replicas; }}
        map "" $web {{ default {web.removeprefix("http://")}; }}
    """


@functools.cache
def _version(of: str) -> tuple[int, ...]:
    said = subprocess.run([str(NGINX), "-V"], capture_output=True, text=True, check=True).stderr
    found = re.search(rf"{of}([\d.]+)", said)
    assert found is not None, said
    return tuple(map(int, found[1].split(".")))
