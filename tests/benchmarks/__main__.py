"""What is measured, by name. Progress is on stderr, what was found on stdout."""

import argparse
from pathlib import Path

from tests.benchmarks.history import measure_history
from tests.benchmarks.journal import measure_journal
from tests.benchmarks.relay import SCENARIOS, measure_doors, measure_relay
from tests.benchmarks.resume import measure_resume
from tests.benchmarks.telemetry import measure_telemetry

_ROWS = 1_000_000
_OTHERS = ("history", "resume", "journal", "openai", "telemetry")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.benchmarks")
    parser.add_argument(
        "scenarios",
        nargs="*",
        default=list(SCENARIOS),
        metavar="scenario",
        help=f"{', '.join(SCENARIOS)} (the relay, which is the default) or {', '.join(_OTHERS)}",
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often to measure each server")
    parser.add_argument("--rows", type=int, default=_ROWS, help="history: messages of the user with many of them")
    parser.add_argument("--data", type=Path, help="history: folder in which the databases stay for the next time")
    given = parser.parse_args()
    unknown = set(given.scenarios) - {*SCENARIOS, *_OTHERS}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    relay = [name for name in given.scenarios if name in SCENARIOS]
    if relay:
        measure_relay(relay, given.rounds)
    if "history" in given.scenarios:
        measure_history(given.rows, given.rounds, given.data)
    if "resume" in given.scenarios:
        measure_resume(given.rounds)
    if "journal" in given.scenarios:
        measure_journal(given.rounds)
    if "openai" in given.scenarios:
        measure_doors(given.rounds)
    if "telemetry" in given.scenarios:
        measure_telemetry(given.rounds)


if __name__ == "__main__":
    main()
