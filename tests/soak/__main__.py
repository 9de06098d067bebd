"""Let everything go wrong for long, and see whether all balances.

Prints what happens, and every minute how far it is. Ends with 0 only if every balance holds; Ctrl-C ends it sooner,
with a report of what was so far.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.soak.reports import verdict, write
from tests.soak.runs import Plan, soak


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=20, help="how long, after the warm-up (20)")
    parser.add_argument("--seed", type=int, default=1, help="by which clients and faults are drawn (1)")
    parser.add_argument("--clients", type=int, default=40, help="how many at once (40)")
    parser.add_argument("--warm-up", type=float, default=45, help="seconds without faults at the beginning (45)")
    parser.add_argument(
        "--pause", type=float, nargs=2, default=(5, 32), help="seconds between faults, from and to (5 32)"
    )
    parser.add_argument(
        "--hold", type=float, nargs=2, default=(2, 8), help="seconds that faults last, from and to (2 8)"
    )
    parser.add_argument("--look-every", type=float, default=5, help="seconds between two samples (5)")
    parser.add_argument("--report", type=Path, help="folder for tables, figures and the plot")
    given = parser.parse_args()
    plan = Plan(
        minutes=given.minutes,
        seed=given.seed,
        clients=given.clients,
        warm_up=given.warm_up,
        pauses=tuple(given.pause),
        hold=tuple(given.hold),
        look_every=given.look_every,
    )
    commit = _commit()
    # Where the user of PostgreSQL comes, too, and what a metrics socket's name has room for.
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(soak(plan, Path(folder)))
        if given.report:
            said = " ".join(sys.argv[1:]).replace(str(given.report), "FOLDER")
            write(found, given.report, f"python -m tests.soak {said}", commit)
    for each in found.balances:
        print(f"{'holds' if each.holds else 'WRONG'}  {each.name}: {each.found:g}, at most {each.most:g}")
        for example in each.examples:
            print(f"       {example}")
    print(verdict(found))
    return 0 if found.holds else 1


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
