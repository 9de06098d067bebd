"""Replaces the replicas of the API one after the other, with the images and settings of now; no answer is lost.

``python3 deploy/roll.py`` after ``docker compose -f deploy/compose.yaml build`` (or ``pull``), or after settings have
changed. Each new replica is healthy before an old one is told to end, and that one finishes what it is answering first.
Whatever stands after ``--`` goes to every ``docker compose``.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("compose.yaml")
_HEALTHY_SECONDS: Final = 120


class Replicas:
    """The containers of the API, by way of ``docker compose`` with these arguments."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._compose = ("docker", "compose", "-f", str(_FILE), *arguments)

    def migrate(self) -> None:
        """Apply what is new in the schema; replicas of the version before go on with it."""
        self._run("run", "--rm", "--no-deps", "migrate")

    def running(self) -> list[str]:
        """Return them, the oldest first."""
        done = subprocess.run((*self._compose, "ps", "-q", "api"), check=True, capture_output=True, text=True)  # noqa: S603  - our own command
        ids = done.stdout.split()
        format_ = "{{.Created}} {{.ID}}"
        told = subprocess.run(  # noqa: S603  - likewise
            ("docker", "inspect", "--format", format_, *ids),  # noqa: S607  - found on PATH
            check=bool(ids),
            capture_output=True,
            text=True,
        )
        return [line.split()[1] for line in sorted(told.stdout.splitlines())]

    def scale(self, count: int) -> None:
        """Have so many of them, healthy, without touching those that run."""
        scale = ("--scale", f"api={count}", "--wait", "--wait-timeout", str(_HEALTHY_SECONDS))
        self._run("up", "-d", "--no-recreate", "--no-build", *scale, "api")

    @staticmethod
    def end(replica: str) -> None:
        """Stop one, which takes as long as its answers, or the drain time at most."""
        for command in ("stop", "rm"):
            subprocess.run(("docker", command, replica), check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607  - an id that docker gave, and docker on PATH

    def _run(self, *arguments: str) -> None:
        subprocess.run((*self._compose, *arguments), check=True)  # noqa: S603  - our own command


def main(arguments: Sequence[str]) -> int:
    """Replace all of them."""
    parser = argparse.ArgumentParser(description="Replace the replicas of the API without a pause.")
    parser.add_argument("compose", nargs="*", help="arguments for docker compose, after --")
    replicas = Replicas(parser.parse_args(arguments).compose)
    try:
        old = replicas.running()
        if not old:
            print("No replica runs: docker compose -f deploy/compose.yaml up -d", file=sys.stderr)
            return 1
        replicas.migrate()
        for number, replica in enumerate(old, start=1):
            replicas.scale(len(old) + 1)
            replicas.end(replica)
            print(f"Replaced {number} of {len(old)}.")
    except subprocess.CalledProcessError as error:
        print(f"Stopped, for this failed: {' '.join(map(str, error.cmd))}. What runs goes on.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
