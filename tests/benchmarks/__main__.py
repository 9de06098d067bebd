"""The relay path: what a token costs from the model server to the client, against a bare relay in the same run.

CPU time is that of the server under measurement alone, so that neither the load nor the upstream count. The bare relay
and the product are measured in turn, and the ratios are of the medians of several rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import uvloop

from deeper_api.embedded.postgres import embedded_postgres
from deeper_api.store.migrations import apply
from tests.benchmarks.load import Load, request, streams
from tests.benchmarks.processes import BIN, cpu_seconds, free_port, memory_kib, running

SECRET = "m8Qv0c2kT5yXr7LwZ1hN4bJ6pF9sD3gA"
# name: model, streams at once, how often each
SCENARIOS = {"z50": ("z200", 50, 20), "d50": ("d100", 50, 2), "ttft": ("z8", 1, 300)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.benchmarks")
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS), help="which to run: " + ", ".join(SCENARIOS))
    parser.add_argument("--rounds", type=int, default=5, help="how often to measure each server")
    given = parser.parse_args()
    with ExitStack() as stack:
        upstream = stack.enter_context(_upstream())
        servers = {"bare": _bare(stack, upstream), "deeper": _product(stack, upstream)}
        print(f"{'case':6} {'server':8} {'tokens/CPU s':>13} {'µs/token':>9} {'first token p50':>16} {'failures':>9}")
        for name in given.scenarios:
            _measure(name, servers, given.rounds)
        print(f"memory of the worker after that: {memory_kib(servers['deeper'][0]) / 1024:.0f} MiB")


def _measure(name: str, servers: dict[str, tuple[int, int, Callable[[str], bytes]]], rounds: int) -> None:
    model, at_once, repeats = SCENARIOS[name]
    costs: dict[str, list[float]] = {server: [] for server in servers}
    firsts: dict[str, list[float]] = {server: [] for server in servers}
    failures = dict.fromkeys(servers, 0)
    for turn in range(rounds + 1):
        for server, (pid, port, make) in servers.items():
            before = cpu_seconds(pid)
            load: Load = uvloop.run(streams(port, make(model), at_once=at_once, rounds=repeats))
            failures[server] += load.failures
            if turn:  # the first warms up
                costs[server].append((cpu_seconds(pid) - before) / max(load.tokens, 1))
                firsts[server].append(statistics.median(load.first_token_ms))
    for server in servers:
        cost = statistics.median(costs[server])
        first = statistics.median(firsts[server])
        print(f"{name:6} {server:8} {1 / cost:13,.0f} {cost * 1e6:9.2f} {first:13.2f} ms {failures[server]:9}")
    ratio = statistics.median(costs["bare"]) / statistics.median(costs["deeper"])
    added = statistics.median(firsts["deeper"]) - statistics.median(firsts["bare"])
    print(f"{name:6} {'ratio':8} {ratio:13.2f} {'':9} {added:+13.2f} ms")


def _upstream():
    class Upstream:
        def __enter__(self) -> str:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.upstream"], stdout=subprocess.PIPE, text=True
            )
            return f"http://127.0.0.1:{self.process.stdout.readline().strip()}"

        def __exit__(self, *_: object) -> None:
            self.process.kill()
            self.process.communicate()

    return Upstream()


def _bare(stack: ExitStack, upstream: str) -> tuple[int, int, Callable[[str], bytes]]:
    port = free_port()
    command = [
        BIN / "granian",
        "--interface",
        "asgi",
        "--no-ws",
        "--loop",
        "uvloop",
        "--http",
        "1",
        "--backlog",
        "4096",
    ]
    command += ["--host", "127.0.0.1", "--port", port, "tests.benchmarks.bare:app"]
    environment = {"BENCHMARK_UPSTREAM": upstream, "PYTHONPATH": str(Path.cwd())}
    pid = stack.enter_context(running(command, environment, f"http://127.0.0.1:{port}/"))
    return pid, port, lambda model: request(port, "/v1/chat", _body(model))


def _product(stack: ExitStack, upstream: str) -> tuple[int, int, Callable[[str], bytes]]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
    url = stack.enter_context(embedded_postgres(folder, lambda _: None))
    apply(url, lambda _: None)
    port = free_port()
    environment = {
        "DEEPER_DB_URL": url,
        "DEEPER_JWT_SECRET": SECRET,
        "DEEPER_OLLAMA_URL": upstream,
        "DEEPER_SERVER_PORT": str(port),
        "DEEPER_JWT_ACCESS_MINUTES": "60",
    }
    pid = stack.enter_context(running([BIN / "deeper", "serve"], environment, f"http://127.0.0.1:{port}/health"))
    account = json.dumps({"email": "load@example.com", "password": "a load of passwords"}).encode()
    sign_up = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/auth/signup", account, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(sign_up) as response:
        token = json.load(response)["access_token"]
    return pid, port, lambda model: request(port, "/v1/chat", _body(model), token)


def _body(model: str) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}]}).encode()


if __name__ == "__main__":
    main()
