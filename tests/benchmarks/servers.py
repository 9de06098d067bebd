"""What is measured: the product, the floor below it, and the model server behind both."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from deeper_api.embedded.postgres import embedded_postgres
from deeper_api.store.migrations import apply
from tests.benchmarks.load import request
from tests.benchmarks.processes import BIN, free_port, running

_SECRET = "m8Qv0c2kT5yXr7LwZ1hN4bJ6pF9sD3gA"
PASSWORD = "a load of passwords"
_MESSAGES = [{"role": "user", "content": "Hello!"}]
_NGINX = Template("""
worker_processes 1;
daemon off;
pid $folder/pid;
events { worker_connections 8192; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    upstream models { server 127.0.0.1:$upstream; keepalive 1024; keepalive_requests 1000000; }
    server {
        listen 127.0.0.1:$port backlog=4096;
        location / {
            proxy_pass http://models;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 600s;
        }
    }
}
""")


@dataclass
class Server:
    """A running server under measurement: ``token`` signs its requests, ``started`` is seconds to its first answer.

    ``pid`` is 0 where its CPU time says nothing.
    """

    pid: int
    port: int
    token: str = ""
    started: float = 0.0

    @property
    def email(self) -> str:
        """Of the account that `sign_up` makes."""
        return f"load{self.port}@example.com"

    def chat(self, model: str, *, stored: bool = False) -> bytes:
        """A request that asks ``model`` and streams."""
        asked: dict[str, object] = {"model": model, "messages": _MESSAGES}
        if stored:
            asked["store"] = True
        return request(self.port, "/v1/chat", json.dumps(asked).encode(), self.token)


class Ollama(Server):
    """What speaks as the model server does."""

    def chat(self, model: str, *, stored: bool = False) -> bytes:
        """A request that asks ``model`` and streams; nothing is stored here."""
        del stored
        return request(self.port, "/api/chat", json.dumps({"model": model, "messages": _MESSAGES}).encode())


class OpenAIDoor(Server):
    """What is asked as OpenAI's clients do."""

    path = "/openai/v1/chat/completions"

    def chat(self, model: str, *, stored: bool = False) -> bytes:
        """A request that asks ``model`` and streams; nothing is stored here."""
        del stored
        asked = json.dumps({"model": model, "messages": _MESSAGES, "stream": True})
        return request(self.port, self.path, asked.encode(), self.token, "text/event-stream")


class LiteLLM(OpenAIDoor):
    """LiteLLM's proxy."""

    path = "/v1/chat/completions"


@contextmanager
def upstream() -> Generator[str]:
    """Run the model server; yield its address."""
    command = [sys.executable, "-m", "tests.benchmarks.upstream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def direct(model_server: str) -> Server:
    """The model server itself: what the load and the network take."""
    return Ollama(0, _port_of(model_server))


@contextmanager
def bare(model_server: str) -> Generator[Server]:
    """Run the floor: an ASGI application that passes on what comes."""
    port = free_port()
    options = "--interface asgi --no-ws --loop uvloop --http 1 --backlog 4096 --host 127.0.0.1"
    command = [BIN / "granian", *options.split(" "), "--port", port, "tests.benchmarks.bare:app"]
    environment = {"BENCHMARK_UPSTREAM": model_server, "PYTHONPATH": str(Path.cwd())}
    with running(command, environment, f"http://127.0.0.1:{port}/") as pid:
        yield Ollama(pid, port)


@contextmanager
def nginx(model_server: str) -> Generator[Server | None]:
    """Run nginx as it passes streams on, as little as a proxy can do; None if it is not installed."""
    program = shutil.which("nginx", path=os.defpath + ":/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "nginx.conf"
        file.write_text(_NGINX.substitute(port=port, folder=folder, upstream=_port_of(model_server)))
        with running([program, "-p", folder, "-e", "stderr", "-c", file], {}, f"http://127.0.0.1:{port}/") as pid:
            yield Ollama(pid, port)


@contextmanager
def litellm(model_server: str) -> Generator[Server | None]:
    """Run LiteLLM's proxy with nothing but its master key; None if there is no ``litellm`` on the PATH."""
    program = shutil.which("litellm")
    if program is None:
        yield None
        return
    port, key = free_port(), "sk-benchmark"
    models = [
        {"model_name": name, "litellm_params": {"model": f"ollama_chat/{name}", "api_base": model_server}}
        for name in ("z1", "z8", "z200", "d150")
    ]
    settings = {"general_settings": {"master_key": key}, "litellm_settings": {"num_retries": 0, "request_timeout": 600}}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "litellm.yaml"
        file.write_text(json.dumps({"model_list": models, **settings}))  # which is YAML
        command = [program, "--config", file, "--host", "127.0.0.1", "--port", port]
        with running(command, {"LITELLM_LOG": "ERROR"}, f"http://127.0.0.1:{port}/health/liveliness") as pid:
            yield LiteLLM(pid, port, key)


def _port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


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


def sign_up(server: Server, email: str = "") -> None:
    """Make an account on ``server``, of its usual address or another one, and sign its requests with it."""
    _enter(server, "signup", email or server.email, PASSWORD)


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
