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
        _run(*self._compose, "run", "--rm", "--no-deps", "migrate")

    def forget_ended(self) -> None:
        """Remove what has ended: it would be started again, in place of new ones, and of the new migration."""
        _run(*self._compose, "rm", "--force", "api", "migrate")

    def running(self) -> list[str]:
        """Return them, the oldest first."""
        ids = self._ids()
        told = _output("docker", "inspect", "--format", "{{.Created}} {{.ID}}", *ids) if ids else ""
        return [line.split()[1] for line in sorted(told.splitlines())]

    def add(self, count: int) -> None:
        """Have so many of them, all healthy, without touching those that run; or fail, with nothing changed."""
        before = set(self._ids("--all"))
        scale = ("--scale", f"api={count}", "--wait", "--wait-timeout", str(_HEALTHY_SECONDS))
        try:
            # With what they depend on, or compose would take them for others than those that a later "up" wants.
            _run(*self._compose, "up", "-d", "--no-recreate", "--no-build", *scale, "api")
        except BaseException:
            for replica in set(self._ids("--all")) - before:
                _output("docker", "rm", "--force", replica)
            raise

    @staticmethod
    def end(replica: str) -> None:
        """Stop one, which takes as long as its answers, or the drain time at most."""
        _output("docker", "stop", replica)
        _output("docker", "rm", replica)

    def _ids(self, *which: str) -> list[str]:
        return _output(*self._compose, "ps", "-q", *which, "api").split()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603  - our own command


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603  - likewise


def main(arguments: Sequence[str]) -> int:
    """Replace all of them."""
    parser = argparse.ArgumentParser(description="Replace the replicas of the API without a pause.")
    parser.add_argument("compose", nargs="*", help="arguments for docker compose, after --")
    try:
        return _replace(Replicas(parser.parse_args(arguments).compose))
    except FileNotFoundError:
        reason = "there is no docker command."
    except subprocess.CalledProcessError as error:
        reason = f"this failed: {' '.join(error.cmd)}"
    except KeyboardInterrupt:
        reason = "it was interrupted."
    print(f"Stopped: {reason}\nWhat runs goes on; come again for the rest.", file=sys.stderr)
    return 1


def _replace(replicas: Replicas) -> int:
    old = replicas.running()
    if not old:
        print("No replica runs: docker compose -f deploy/compose.yaml up -d", file=sys.stderr)
        return 1
    replicas.migrate()
    replicas.forget_ended()
    for number, replica in enumerate(old, start=1):
        replicas.add(len(old) + 1)
        replicas.end(replica)
        print(f"Replaced {number} of {len(old)}.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
