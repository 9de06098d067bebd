"""What telemetry costs: the same server without it, with metrics, and with traces as well, in one run."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack

import uvloop

from tests.benchmarks.load import Load, read_request, streams
from tests.benchmarks.processes import cpu_seconds, free_port
from tests.benchmarks.servers import Server, database, product, sign_up, upstream
from tests.fakes.collectors import running_collector

_PLAIN, _ANSWERS, _STREAMS = 2_000, 300, 10


def measure_telemetry(rounds: int) -> None:
    """Print the CPU time of a plain request, of a short answer, and of a token, on each server."""
    with ExitStack() as stack:
        model_server, collector = stack.enter_context(upstream()), stack.enter_context(running_collector())
        url = stack.enter_context(database())
        on = {"DEEPER_METRICS_PORT": str(free_port())}
        traced = {"DEEPER_METRICS_PORT": str(free_port()), "DEEPER_TRACING_ENDPOINT": collector.url}
        settings = {"off": {"DEEPER_METRICS_PORT": "0"}, "metrics": on, "traces": traced}
        servers = {label: stack.enter_context(product(model_server, url, **given)) for label, given in settings.items()}
        for server in servers.values():
            sign_up(server)
        _measure("plain request", servers, rounds, _PLAIN, _plain)
        _measure("short answer", servers, rounds, _ANSWERS, _answers)
        _measure("token of 50 streams", servers, rounds, _STREAMS * 50 * 200, _many)


def _measure(name: str, servers: Mapping[str, Server], rounds: int, count: int, ask: Callable[[Server], Load]) -> None:
    costs: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds + 1):
        for label, server in servers.items():
            before = cpu_seconds(server.pid)
            assert ask(server).failures == 0
            if turn:  # the first warms up
                costs[label].append((cpu_seconds(server.pid) - before) / count * 1e6)
    print(name, *(f"{label} {statistics.median(cost):.2f} µs" for label, cost in costs.items()), sep="  ")


def _plain(server: Server) -> Load:
    request = read_request(server.port, "/v1/me", server.token, "connection: close")
    return uvloop.run(streams(server.port, request, at_once=1, rounds=_PLAIN, end=b"}"))


def _answers(server: Server) -> Load:
    return uvloop.run(streams(server.port, server.chat("z8"), at_once=1, rounds=_ANSWERS))


def _many(server: Server) -> Load:
    return uvloop.run(streams(server.port, server.chat("z200"), at_once=50, rounds=_STREAMS))
