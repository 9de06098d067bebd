"""Whether the time that a refused sign-in takes tells anything of the account.

Measures a real server, and ends with 1 if it does. Times are no matter for tests, which share a machine with others:
those in `tests/api/routes/test_login.py` count how often a password is hashed. One run in fifty finds by chance what is
not there; what is there is found again.
"""

import argparse
import http.client
import itertools
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

import psycopg

from tests.benchmarks.servers import Server, database, product, sign_up

_WRONG: Final = "certainly not the password"
# Milliseconds between the quickest answers of each kind, and how probable a difference as found has to be by chance.
_MOST_APART: Final = 2.0
_LEAST_PROBABLE: Final = 0.01
_WARM_UP: Final = 20
Times = dict[str, list[float]]


def main() -> None:
    """Sign in many times, with accounts of each kind by turns, and say what there is to tell."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.attacks")
    parser.add_argument("--times", type=int, default=200, help="sign-ins of each kind")
    with database() as url, product("http://127.0.0.1:9", url) as server:
        times = _measure(server, url, parser.parse_args().times)
    print("milliseconds        min  median")
    for kind, found in times.items():
        print(f"{kind:<16} {min(found):>6.2f}  {statistics.median(found):>6.2f}")
    told = [pair for pair in itertools.combinations(times, 2) if _tells(times, *pair)]
    if told:
        sys.exit("\nTold apart: " + ", ".join(f"{one} and {other}" for one, other in told))


def _measure(server: Server, database_url: str, times: int) -> Times:
    sign_up(server)
    disabled = f"disabled-{server.email}"
    sign_up(Server(server.pid, server.port), disabled)
    with psycopg.connect(database_url) as connection:
        connection.execute("update users set disabled_at = now() where email = %s", [disabled])
    kinds = {"wrong password": server.email, "unknown address": f"nobody-{server.email}", "disabled account": disabled}
    found: Times = {kind: [] for kind in kinds}
    for number in range(times + _WARM_UP):
        # In a new order each time, so that what one leaves behind is no matter to the same other.
        for kind in random.sample(list(kinds), len(kinds)):
            taken = _refused(server, kinds[kind])
            if number >= _WARM_UP:
                found[kind].append(taken)
    return found


def _refused(server: Server, email: str) -> float:
    """Return how many milliseconds it takes until a wrong password is refused."""
    line = http.client.HTTPConnection("127.0.0.1", server.port)
    line.connect()
    body = json.dumps({"email": email, "password": _WRONG})
    began = time.perf_counter()
    line.request("POST", "/v1/auth/login", body, {"content-type": "application/json"})
    status = line.getresponse().status
    taken = (time.perf_counter() - began) * 1_000
    line.close()
    assert status == 401, status
    return taken


def _tells(times: Mapping[str, Sequence[float]], one: str, other: str) -> bool:
    apart = abs(min(times[one]) - min(times[other]))
    probability = chance(times[one], times[other])
    print(f"{one} and {other}: {apart:.2f} ms apart, by chance with a probability of {probability:.3f}")
    return apart >= _MOST_APART or probability <= _LEAST_PROBABLE


def chance(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return how probable it is that two samples of the same differ as these do, by their ranks.

    https://en.wikipedia.org/wiki/Mann-Whitney_U_test, by the normal distribution: samples are large, and no two times
    are the same.
    """
    larger = sum(one > other for one in ones for other in others)
    mean = len(ones) * len(others) / 2
    deviation = math.sqrt(mean * (len(ones) + len(others) + 1) / 6)
    return 2 * statistics.NormalDist().cdf(-abs(larger - mean) / deviation)


if __name__ == "__main__":
    main()
