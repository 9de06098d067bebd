"""The relay path: what a token costs from the model server to the client, against a bare relay in the same run.

CPU time is that of the server under measurement alone, so that neither the load nor the model server count. The bare
relay and the product are measured in turn, and the ratios are of the medians of several rounds.
"""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

import uvloop

from tests.benchmarks.load import streams
from tests.benchmarks.processes import cpu_seconds, memory_kib
from tests.benchmarks.servers import OpenAIDoor, Server, bare, database, product, sign_up, upstream

# name: (model, streams at once, how often each). z sends at once, d paces: see tests.benchmarks.upstream.
SCENARIOS = {"z50": ("z200", 50, 20), "d50": ("d100", 50, 2), "ttft": ("z8", 1, 300)}


def measure_relay(scenarios: Sequence[str], rounds: int) -> None:
    """Print what each of ``scenarios`` costs, what memory that took, and how long a start takes."""
    with upstream() as model_server, database() as url:
        with bare(model_server) as floor, product(model_server, url) as deeper:
            sign_up(deeper)
            print(
                f"{'case':6} {'server':8} {'tokens/CPU s':>13} {'µs/token':>9} {'first token p50':>16} {'failures':>9}"
            )
            for name in scenarios:
                measure(name, {"bare": floor, "deeper": deeper}, rounds)
            print(f"memory of the worker after that: {memory_kib(deeper.pid) / 1024:.0f} MiB")
        starts: list[float] = []
        for _ in range(rounds):
            with product(model_server, url) as deeper:
                starts.append(deeper.started)
        print(f"start of `deeper serve` to its first answer, median: {statistics.median(starts):.2f} s")


def measure_doors(rounds: int) -> None:
    """Print what a token costs through OpenAI's door, against the native one of the same server."""
    with upstream() as model_server, database() as url, product(model_server, url) as native:
        sign_up(native)
        door = OpenAIDoor(native.pid, native.port, native.token)
        measure("z50", {"native": native, "openai": door}, rounds)


def measure(name: str, servers: Mapping[str, Server], rounds: int) -> None:
    """Print what scenario ``name`` costs on each of ``servers``, and the ratio of the first to the last."""
    model, at_once, repeats = SCENARIOS[name]
    costs: dict[str, list[float]] = defaultdict(list)
    firsts: dict[str, list[float]] = defaultdict(list)
    failures: dict[str, int] = defaultdict(int)
    for turn in range(rounds + 1):
        for label, server in servers.items():
            before = cpu_seconds(server.pid)
            load = uvloop.run(streams(server.port, server.chat(model), at_once=at_once, rounds=repeats))
            failures[label] += load.failures
            if turn:  # the first warms up
                costs[label].append((cpu_seconds(server.pid) - before) / max(load.tokens, 1))
                firsts[label].append(statistics.median(load.first_token_ms))
    cost = {label: statistics.median(costs[label]) for label in servers}
    first = {label: statistics.median(firsts[label]) for label in servers}
    for label in servers:
        numbers = f"{1 / cost[label]:13,.0f} {cost[label] * 1e6:9.2f} {first[label]:13.2f} ms {failures[label]:9}"
        print(f"{name:6} {label:8} {numbers}")
    floor, ours = servers
    print(f"{name:6} {'ratio':8} {cost[floor] / cost[ours]:13.2f} {'':9} {first[ours] - first[floor]:+13.2f} ms")
