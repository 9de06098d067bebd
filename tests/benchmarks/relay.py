"""The relay path: what an answer and a token cost from the model server to the client, against floors in the same run.

CPU time is that of the server under measurement alone, so that neither the load nor the model server count. All servers
are measured in turn, and what is told are medians of several rounds.
"""

import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

import uvloop

from tests.benchmarks.load import Load, streams
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.results import Report, Table, median_rows
from tests.benchmarks.servers import (
    OpenAIDoor,
    Server,
    bare,
    database,
    direct,
    litellm,
    nginx,
    product,
    sign_up,
    upstream,
)


class Case(NamedTuple):
    """Answers of ``model`` (see `tests.benchmarks.upstream`), so many at once, each so many times over."""

    model: str
    at_once: int
    times: int
    stored: bool
    about: str
    columns: Sequence[str]


_FIRST: Final = "first token p50, ms"
_WALL: Final = "answers/s"
_ANSWERS: Final = "answers/CPU s"
_TOKENS: Final = "tokens/s"
_PER_CPU: Final = "tokens/CPU s"
_COST: Final = "CPU µs/token"
_AGE: Final = "token's age p50, ms"
_OLDEST: Final = "token's age p99, ms"
_GAP: Final = "pause p99, ms"
CASES: Final = {
    "ttft": Case("z8", 1, 200, False, "One client, answers of 8 tokens, one after the other.", [_FIRST]),
    "plain32": Case(
        "z1", 32, 40, True, "32 clients, answers of one token; stored, where they can be.", [_WALL, _ANSWERS]
    ),
    "z50": Case("z200", 50, 5, False, "50 streams of 200 tokens that come at once.", [_TOKENS, _PER_CPU, _COST]),
    "d50": Case("d150", 50, 1, False, "50 streams at 50 tokens a second each.", [_COST, _AGE, _OLDEST, _GAP]),
    "d500": Case("d150", 500, 1, False, "500 streams at 50 tokens a second each.", [_COST, _AGE, _OLDEST, _GAP]),
}


def measure_relay(names: Sequence[str], rounds: int, report: Report) -> None:
    """Report what the cases of these names cost on the product and on whatever it can be compared with here."""
    with ExitStack() as stack:
        model_server = stack.enter_context(upstream())
        deeper = stack.enter_context(product(model_server, stack.enter_context(database())))
        sign_up(deeper)
        servers = {"direct": direct(model_server), "bare ASGI relay": stack.enter_context(bare(model_server))}
        for label, others in {"nginx": nginx, "LiteLLM": litellm}.items():
            server = stack.enter_context(others(model_server))
            if server is not None:
                servers[label] = server
        for name in names:
            compare(name, {**servers, "deeper": deeper}, rounds, report)


def measure_doors(rounds: int, report: Report) -> None:
    """Report what a token costs through OpenAI's door, against the native one of the same server."""
    with upstream() as model_server, database() as url, product(model_server, url) as native:
        sign_up(native)
        door = OpenAIDoor(native.pid, native.port, native.token)
        compare("z50", {"native": native, "OpenAI's": door}, rounds, report)


def compare(name: str, servers: Mapping[str, Server], rounds: int, report: Report) -> None:
    """Report what the case of this name costs on each of ``servers``."""
    case = CASES[name]
    measured: dict[str, list[dict[str, float]]] = defaultdict(list)
    broken: dict[str, Counter[str]] = defaultdict(Counter)
    for turn in range(rounds + 1):
        for label, server in servers.items():
            found, load = measure(server, case)
            broken[label] += load.broken
            if turn:  # the first warms up
                measured[label].append(found)
    notes = [f"{label}: {count} times {line}." for label, found in broken.items() for line, count in found.items()]
    report.add(Table(name, case.about, case.columns, median_rows(measured, case.columns), notes))


def measure(server: Server, case: Case) -> tuple[dict[str, float], Load]:
    """Return the figures of one round, and what the load saw."""
    request = server.chat(case.model, stored=case.stored)
    cpu, wall = cpu_seconds(server.pid) if server.pid else 0, time.perf_counter()
    load = uvloop.run(streams(server.port, request, at_once=case.at_once, rounds=case.times))
    seconds, used = time.perf_counter() - wall, cpu_seconds(server.pid) - cpu if server.pid else 0
    return _figures(load, case.at_once * case.times, seconds, used), load


def _figures(load: Load, answers: int, seconds: float, used: float) -> dict[str, float]:
    figures = {_WALL: answers / seconds, _TOKENS: load.tokens / seconds}
    if load.first_token_ms:
        figures[_FIRST] = statistics.median(load.first_token_ms)
    if used and load.tokens:
        figures |= {_ANSWERS: answers / used, _PER_CPU: load.tokens / used, _COST: used / load.tokens * 1e6}
    if load.relay_ms:
        figures |= {_AGE: statistics.median(load.relay_ms), _OLDEST: statistics.quantiles(load.relay_ms, n=100)[-1]}
        figures[_GAP] = statistics.quantiles(load.gap_ms, n=100)[-1]
    return figures
