"""What is measured, by name. What was found is on stdout, and in a folder with plots if one is given."""

import argparse
import sys
from pathlib import Path

from tests.benchmarks.crowds import measure_crowds
from tests.benchmarks.history import measure_history
from tests.benchmarks.journal import measure_journal
from tests.benchmarks.relay import CASES, measure_doors, measure_relay
from tests.benchmarks.results import Report
from tests.benchmarks.resume import measure_resume
from tests.benchmarks.telemetry import measure_telemetry

_ROWS = 1_000_000
_OTHERS = ("crowds", "history", "resume", "journal", "openai", "telemetry")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.benchmarks")
    parser.add_argument(
        "cases",
        nargs="*",
        default=[*CASES, "crowds"],
        metavar="case",
        help=f"{', '.join(CASES)} and crowds (the default) or {', '.join(_OTHERS[1:])}",
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often to measure each server")
    parser.add_argument("--report", type=Path, help="folder for tables, plots and figures")
    parser.add_argument("--rows", type=int, default=_ROWS, help="history: messages of the user with many of them")
    parser.add_argument("--data", type=Path, help="history: folder in which the databases stay for the next time")
    given = parser.parse_args()
    unknown = set(given.cases) - {*CASES, *_OTHERS}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    report = Report(given.report, " ".join(["python -m tests.benchmarks", *sys.argv[1:]]))
    relay = [name for name in given.cases if name in CASES]
    if relay:
        measure_relay(relay, given.rounds, report)
    if "crowds" in given.cases:
        measure_crowds(given.rounds, report)
    if "history" in given.cases:
        measure_history(given.rows, given.rounds, given.data, report)
    if "resume" in given.cases:
        measure_resume(given.rounds, report)
    if "journal" in given.cases:
        measure_journal(given.rounds, report)
    if "openai" in given.cases:
        measure_doors(given.rounds, report)
    if "telemetry" in given.cases:
        measure_telemetry(given.rounds)


if __name__ == "__main__":
    main()
