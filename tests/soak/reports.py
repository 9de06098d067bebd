"""What was found, in a folder: a page with tables and a verdict, the figures, and all of them over one axis of time."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tests.benchmarks.results import Table, machine
from tests.soak.balances import Balance
from tests.soak.places import SERVERS, WORKERS
from tests.soak.runs import Soak
from tests.soak.samples import Sample
from tests.soak.traffic import LOST

# By the first word of what went wrong.
_HUES: Final = {
    "database": "#c92a2a",
    "Redis": "#e67700",
    "model": "#5f3dc4",
    "worker": "#2b8a3e",
    "server": "#0b7285",
}


def write(soak: Soak, folder: Path, command: str, commit: str) -> None:
    """Write all of it."""
    folder.mkdir(parents=True, exist_ok=True)
    _draw(soak, folder / "soak.svg")
    parts = [_head(soak, command, commit), _balances(soak.balances), "![over time](soak.svg)\n"]
    parts += [table.markdown() for table in (_faults(soak), _requests(soak), _answers(soak))]
    (folder / "README.md").write_text("\n".join(parts))
    # Each part on a line of its own: there are thousands of figures.
    found = [f"{json.dumps(name)}: {json.dumps(part)}" for name, part in _plain(soak, command, commit).items()]
    (folder / "results.json").write_text("{" + ",\n".join(found) + "}\n")


def verdict(soak: Soak) -> str:
    """What came of it, in a sentence."""
    if soak.holds:
        return f"All {len(soak.balances)} balances hold."
    wrong = "; ".join(each.name for each in soak.balances if not each.holds)
    return f"It ended too soon: {soak.failure}. " * bool(soak.failure) + f"Wrong: {wrong}." * bool(wrong)


def _head(soak: Soak, command: str, commit: str) -> str:
    plan = soak.plan
    return f"""# Soak

**{verdict(soak)}**

`{command}` (seed {plan.seed}, commit {commit}) on {datetime.now(UTC):%Y-%m-%d}: {machine()}, everything on one machine.
{plan.clients} clients, each with an account and an address of its own, at {SERVERS} servers of {WORKERS} workers on
one PostgreSQL, one Redis and one model server; {plan.warm_up:.0f} seconds without faults, then {plan.minutes:g} minutes
with {len(soak.faults)} of them. In the second half only server 0 is ended, so that there are processes whose growth can
be told.
"""


def _balances(balances: Sequence[Balance]) -> str:
    lines = ["### Balances", "", "| | found | at most | |", "| --- | ---: | ---: | --- |"]
    lines += [
        f"| {each.name} | {each.found:g} | {each.most:g} | {'holds' if each.holds else '**WRONG**'} |"
        for each in balances
    ]
    for each in balances:
        lines += [f"\n{each.name}:", "", *(f"- `{example}`" for example in each.examples)] if each.examples else []
    return "\n".join([*lines, ""])


def _faults(soak: Soak) -> Table:
    table = Table(
        "faults",
        "What went wrong, how often, and the most seconds until both servers were ready again after its end.",
        ["times", "seconds in all", "ready after"],
    )
    for kind in sorted({each.kind for each in soak.faults}):
        found = [each for each in soak.faults if each.kind == kind]
        lasted = sum(each.ended - each.began for each in found)
        table.rows[kind] = [len(found), lasted, max(each.ready - each.ended for each in found)]
    return table


def _requests(soak: Soak) -> Table:
    counted: dict[str, dict[int, float]] = defaultdict(dict)
    for (what, status), count in soak.traffic.statuses.items():
        counted[what][status] = count
    statuses = sorted({status for found in counted.values() for status in found})
    table = Table(
        "requests",
        f"What {soak.traffic.requests} requests came to, by what they were for.",
        ["lost" if status == LOST else str(status) for status in statuses],
    )
    table.rows = {what: [counted[what].get(status, 0) for status in statuses] for what in sorted(counted)}
    return table


def _answers(soak: Soak) -> Table:
    table = Table("answers", f"How those to {len(soak.records.asked)} questions ended, by the ledger.", ["answers"])
    if soak.books is not None:
        table.rows = {state: [count] for state, count in soak.books.states.most_common()}
    table.rows["not taken on"] = [len(soak.records.asked) - _kept(soak)]
    lost = soak.lost_characters
    table.notes = [
        f"Of {len(lost)} answers whose process was killed, somebody saw up to {max(lost, default=0)} characters more.",
    ]
    return table


def _kept(soak: Soak) -> int:
    return 0 if soak.books is None else sum(name in soak.books.rows for name in soak.records.asked)


def _plain(soak: Soak, command: str, commit: str) -> Mapping[str, object]:
    incidents = Counter((each.what, each.status, each.code) for each in soak.traffic.incidents)
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(soak.plan).items()}
    return {
        "command": command,
        "commit": commit,
        "holds": soak.holds,
        "failure": soak.failure,
        "plan": plain,
        "balances": [vars(each) for each in soak.balances],
        "faults": [vars(each) for each in soak.faults],
        "incidents": [f"{count} {what}: {status} {code}" for (what, status, code), count in incidents.most_common()],
        "samples": [each.plain() for each in soak.samples],
    }


def _draw(soak: Soak, file: Path) -> None:
    mpl.rcParams["svg.hashsalt"] = "soak"  # the same figures make the same file
    figure = Figure(figsize=(11, 11), layout="constrained")
    memory, objects, files, flight, rate = figure.subplots(5, 1, sharex=True)
    _draw_processes(memory, soak.samples, "memory", 1 / 1024)
    memory.set_title("memory of each process, MiB", fontsize=9, loc="left")
    _draw_processes(files, soak.samples, "descriptors", 1)
    files.set_title("open descriptors of each process", fontsize=9, loc="left")
    for which in range(SERVERS):
        told = [(each.at / 60, each.blocks[which] / 1e6) for each in soak.samples if which in each.blocks]
        objects.plot([at for at, _ in told], [blocks for _, blocks in told], linewidth=0.8)
    objects.set_title("blocks of memory with objects of each server's workers, millions", fontsize=9, loc="left")
    minutes = [each.at / 60 for each in soak.samples]
    for name in ("deeper_generations_active", "http_server_active_requests"):
        flight.plot(minutes, [each.gauges.get(name, 0) for each in soak.samples], linewidth=0.8, label=name)
    flight.set_title("in flight", fontsize=9, loc="left")
    flight.legend(fontsize=7, loc="upper left")
    pairs = list(pairwise(soak.samples))
    rates = [(after.requests - before.requests) / (after.at - before.at) for before, after in pairs]
    rate.plot(minutes[1:], rates, linewidth=0.8, color="#495057")
    rate.set_title("requests a second", fontsize=9, loc="left")
    rate.legend(handles=[Patch(color=hue, alpha=0.5, label=name) for name, hue in _HUES.items()], fontsize=7, ncols=5)
    rate.set_xlabel("minutes")
    for place in (memory, objects, files, flight, rate):
        place.spines[["top", "right"]].set_visible(False)
        place.set_ylim(bottom=0)
        for fault in soak.faults:
            hue = _HUES[fault.kind.split()[0]]
            place.axvspan(fault.began / 60, fault.ended / 60, color=hue, alpha=0.25, linewidth=0)
            place.axvline(fault.began / 60, color=hue, linewidth=0.6)
    figure.savefig(file, metadata={"Date": None})


def _draw_processes(place: Axes, samples: Sequence[Sample], quantity: str, factor: float) -> None:
    for name in sorted({name for each in samples for name in each.processes}):
        seen = [(each.at / 60, getattr(each.processes[name], quantity)) for each in samples if name in each.processes]
        place.plot([at for at, _ in seen], [value * factor for _, value in seen], linewidth=0.8)
