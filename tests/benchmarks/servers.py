"""What is measured: the product, the floor below it, and the model server behind both."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deeper_api.embedded.postgres import embedded_postgres
from deeper_api.store.migrations import apply
from tests.benchmarks.load import request
from tests.benchmarks.processes import BIN, free_port, running

_SECRET = "m8Qv0c2kT5yXr7LwZ1hN4bJ6pF9sD3gA"


@dataclass
class Server:
    """A running server under measurement: ``token`` signs its requests, ``started`` is seconds to its first answer."""

    pid: int
    port: int
    token: str = ""
    started: float = 0.0

    def chat(self, model: str) -> bytes:
        """A request that asks ``model`` and streams."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}]})
        return request(self.port, "/v1/chat", body.encode(), self.token)


@dataclass
class OpenAIDoor(Server):
    """The same server, asked as OpenAI's clients do."""

    def chat(self, model: str) -> bytes:
        """A request that asks ``model`` and streams."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}], "stream": True})
        return request(self.port, "/openai/v1/chat/completions", body.encode(), self.token)


@contextmanager
def upstream() -> Generator[str]:
    """Run the model server; yield its address."""
    command = [sys.executable, "-m", "tests.benchmarks.upstream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


@contextmanager
def bare(model_server: str) -> Generator[Server]:
    """Run the floor."""
    port = free_port()
    options = "--interface asgi --no-ws --loop uvloop --http 1 --backlog 4096 --host 127.0.0.1"
    command = [BIN / "granian", *options.split(" "), "--port", port, "tests.benchmarks.bare:app"]
    environment = {"BENCHMARK_UPSTREAM": model_server, "PYTHONPATH": str(Path.cwd())}
    with running(command, environment, f"http://127.0.0.1:{port}/") as pid:
        yield Server(pid, port)


@contextmanager
def database() -> Generator[str]:
    """Run a PostgreSQL with an up-to-date database; yield its address."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        embedded_postgres(Path(folder), lambda _: None) as url,
    ):
        apply(url, lambda _: None)
        yield url


def product(model_server: str, database_url: str, **settings: str) -> AbstractContextManager[Server]:
    """Run `deeper serve` as an operator would; ``settings`` are further variables."""
    return _serving([BIN / "deeper"], model_server, database_url, settings)


def forgetful(model_server: str, database_url: str) -> AbstractContextManager[Server]:
    """Run `deeper serve` with a journal that keeps nothing."""
    return _serving([sys.executable, "-m", "tests.benchmarks.forgetful"], model_server, database_url)


@contextmanager
def _serving(
    command: Sequence[object], model_server: str, database_url: str, settings: Mapping[str, str] = {}
) -> Generator[Server]:
    port = free_port()
    environment: Mapping[str, str] = {
        "DEEPER_DB_URL": database_url,
        "DEEPER_JWT_SECRET": _SECRET,
        "DEEPER_OLLAMA_URL": model_server,
        "DEEPER_SERVER_PORT": str(port),
        "DEEPER_JWT_ACCESS_MINUTES": "60",
        "DEEPER_MODEL_PARALLEL": "10000",
        "DEEPER_METRICS_PORT": str(free_port()),
        "DEEPER_LIMITS_ENABLED": "false",  # one user asks as much as a thousand would
        **settings,
    }
    before = time.perf_counter()
    with running([*command, "serve"], environment, f"http://127.0.0.1:{port}/health") as pid:
        yield Server(pid, port, started=time.perf_counter() - before)


def sign_up(server: Server) -> None:
    """Make an account on ``server`` and sign its requests with it."""
    _enter(server, "signup", f"load{server.port}@example.com", "a load of passwords")


def log_in(server: Server, email: str, password: str) -> None:
    """Sign the requests to ``server`` as somebody who has an account."""
    _enter(server, "login", email, password)


def _enter(server: Server, way: str, email: str, password: str) -> None:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1/auth/{way}",
        json.dumps({"email": email, "password": password}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(asked) as response:
        server.token = json.load(response)["access_token"]
