"""A ``docker`` that keeps the replicas of the API in a file: as much of it as deploy/roll.py uses.

The first argument is that file: ``replicas`` (ids, and whether they run), ``image`` of new ones, ``calls``, and which
command is to ``fail`` or to be ``interrupted``. The others are docker's.
"""

import json
import os
import signal
import sys
from pathlib import Path

from tests.fakes.exchanges import Json


def main(file: Path, arguments: list[str]) -> int:
    state: Json = json.loads(file.read_text())
    if arguments[0] == "compose":
        arguments = arguments[3:]  # -f and the file
    state["calls"].append(" ".join(arguments))
    try:
        return _do(state, arguments)
    finally:
        file.write_text(json.dumps(state))
        if state["interrupted"] == arguments[0]:
            os.kill(os.getppid(), signal.SIGINT)


def _do(state: Json, arguments: list[str]) -> int:
    replicas: dict[str, bool] = state["replicas"]
    match arguments:
        case ["ps", "-q", *rest]:
            print(*(each for each, runs in replicas.items() if runs or "--all" in rest), sep="\n")
        case ["inspect", _, _, *ids]:
            print(*(f"{list(replicas).index(each):04} {each}" for each in reversed(ids)), sep="\n")
        case ["up", *rest]:
            wanted = int(rest[rest.index("--scale") + 1].removeprefix("api="))
            replicas.update(dict.fromkeys(list(replicas)[:wanted], True))
            while len(replicas) < wanted:
                replicas[f"{state['image']}-{len(state['calls'])}-{len(replicas)}"] = True
        case ["stop", replica]:
            replicas[replica] = False
        case ["rm", "--force", "api", "migrate"]:
            state["replicas"] = {each: runs for each, runs in replicas.items() if runs}
        case ["rm", *_, replica]:
            del replicas[replica]
        case _:
            pass
    return int(state["fail"] == arguments[0])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
