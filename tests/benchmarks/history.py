"""What a long history costs: the same requests of a user with 1,000 messages and of one with a million.

Both have the messages of a thousand other users around them, and a server of their own over a database of their own.
They are asked in turn, one request at a time, so that whatever slows this machine down slows both.
"""

import contextlib
import http.client
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import conninfo, sql

from deeper_api.embedded.postgres import embedded_postgres
from deeper_api.store.migrations import apply
from deeper_auth import Argon2id
from tests.benchmarks.results import Report, Table
from tests.benchmarks.seeds import History, Progress, Seeder, drop_indexes, make_indexes, sizes_of
from tests.benchmarks.servers import Server, log_in, product, upstream

SMALL = 1_000  # messages
TARGET = 1.2
_OTHERS = 1_000  # users
_LONG = 2_000  # messages of the longest conversation
# Conversations that are alike in both histories, the newest ones. They grow alike, too, by what is sent.
_ALIKE, _ALIKE_SIZE = 10, 40
_PAGE = 40
_RARE = "xqzrare"  # a word of as many messages in both, which others use as well
_RARE_COUNT = 20
# Words of one message in so many, in every history.
_SHARES = {"hundredth": ("xqzhundredth", 100), "sixteenth": ("xqzsixteenth", 16)}
_EMAIL, _PASSWORD = "reader@example.com", "a reader of histories"
_WARM_UP = 10
# A commit waits for the disk as usual. Only the seeding is spared checkpoints.
_SETTINGS = {"max_wal_size": "8GB", "checkpoint_timeout": "1h"}


@dataclass
class Side:
    """A history, the server over it and what the requests need to know of it."""

    name: str
    server: Server
    url: str
    line: http.client.HTTPConnection
    alike: list[str]
    long: str | None
    words: dict[str, str]

    def call(self, method: str, path: str, body: object = None) -> tuple[float, int, bytes]:
        """Return the milliseconds that a request took, its status and its body."""
        headers = {"authorization": f"Bearer {self.server.token}"}
        if body is not None:
            headers["content-type"] = "application/json"
        sent = None if body is None else json.dumps(body)
        before = time.perf_counter()
        self.line.request(method, path, sent, headers)
        response = self.line.getresponse()
        received = response.read()
        return (time.perf_counter() - before) * 1_000, response.status, received


Ask = Callable[[Side, int], tuple[float, int, bytes]]


def _listed(side: Side, _: int) -> tuple[float, int, bytes]:
    return side.call("GET", "/v1/conversations")


def _opened(side: Side, turn: int) -> tuple[float, int, bytes]:
    conversation = side.alike[turn % len(side.alike)]
    return side.call("GET", f"/v1/conversations/{conversation}/messages?leaf=newest&limit={_PAGE}")


def _opened_long(side: Side, turn: int) -> tuple[float, int, bytes]:
    """Open the longest conversation there is; where there is none, one of the others."""
    conversation = side.long or side.alike[turn % len(side.alike)]
    return side.call("GET", f"/v1/conversations/{conversation}/messages?leaf=newest&limit={_PAGE}")


def _sent(side: Side, turn: int) -> tuple[float, int, bytes]:
    conversation = side.alike[turn % len(side.alike)]
    return side.call("POST", "/v1/chat", _question(conversation))


def _sent_long(side: Side, turn: int) -> tuple[float, int, bytes]:
    return side.call("POST", "/v1/chat", _question(side.long or side.alike[turn % len(side.alike)]))


def _question(conversation: str) -> dict[str, object]:
    return {
        "model": "z1",
        "messages": [{"role": "user", "content": "What was it that we said the other day about all of this?"}],
        "conversation_id": conversation,
        "stream": False,
    }


def _searched(word: str) -> Ask:
    def ask(side: Side, _: int) -> tuple[float, int, bytes]:
        return side.call("GET", f"/v1/search?q={quote(side.words[word])}")

    return ask


CASES: dict[str, Ask] = {
    "list": _listed,
    "open": _opened,
    "open long": _opened_long,
    "search rare": _searched("rare"),
    "search common": _searched("common"),
    "search nothing": _searched("nothing"),
    "search 1 in 100": _searched("hundredth"),
    "search 1 in 16": _searched("sixteenth"),
    "search prefix": _searched("prefix"),
    "send": _sent,
    "send long": _sent_long,
}
# What the larger history has more of there: a thousand times the matches, or messages in that one conversation.
_UNLIKE = {"search 1 in 100", "search 1 in 16", "search prefix", "open long", "send long"}


def measure_history(rows: int, rounds: int, folder: Path | None, report: Report) -> None:
    """Report what each request takes with ``rows`` messages and with `SMALL`.

    What was seeded stays in ``folder`` for the next time, where one is given.
    """
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        url = stack.enter_context(embedded_postgres(place, lambda _: None, settings=_SETTINGS))
        small, large = seeded(url, place / "histories.json", rows)
        model_server = stack.enter_context(upstream())
        sides = [stack.enter_context(_side(name, given, model_server)) for name, given in (small, large)]
        count = max(rounds * 40, _WARM_UP)
        found: dict[str, list[float | None]] = {}
        for case, ask in CASES.items():
            print(f"{case} …", file=sys.stderr, flush=True)
            found[case] = [*_measure(case, ask, sides, count)]
    columns = [f"{side.name} messages, {quantile}, ms" for quantile in ("p50", "p95") for side in sides]
    about = "One request after the other, of a user with a short history and of one with a long one, in turn."
    notes = [f"{', '.join(sorted(_UNLIKE))}: the long history has more matches, or messages in that conversation."]
    slow = [
        case
        for case, (few, many, *_) in found.items()
        if case not in _UNLIKE and few is not None and many is not None and many > few * TARGET
    ]
    if slow:
        notes.append(f"More than {TARGET} times as long in the long history: {', '.join(slow)}.")
    report.add(Table("history", about, columns, found, notes))


def _measure(case: str, ask: Ask, sides: Sequence[Side], count: int) -> list[float]:
    """Return the medians in milliseconds, of each side, and then what 19 in 20 take at most."""
    times: dict[str, list[float]] = {side.name: [] for side in sides}
    for turn in range(_WARM_UP + count):
        # Neither is always the one that comes after the other.
        for side in sides if turn % 2 else sides[::-1]:
            taken, status, body = ask(side, turn)
            if status != 200:
                raise RuntimeError(f"{case} was answered with {status}: {body[:200]!r}")
            if turn >= _WARM_UP:
                times[side.name].append(taken)
    return [*map(statistics.median, times.values()), *map(_p95, times.values())]


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


@contextmanager
def _side(name: str, given: "Seeded", model_server: str) -> Generator[Side]:
    with product(model_server, given.url) as server:
        log_in(server, _EMAIL, _PASSWORD)
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as line:
            yield Side(name, server, given.url, line, given.alike, given.long, given.words)


# Seeding


@dataclass
class Seeded:
    """A database with a history."""

    url: str
    alike: list[str]
    long: str | None
    words: dict[str, str]


def seeded(url: str, notes: Path, rows: int) -> list[tuple[str, Seeded]]:
    """Return the database with few messages and the one with ``rows``, made if ``notes`` tell of none."""
    names = {f"{SMALL:,}": "small", f"{rows:,}": "large"}
    if not notes.exists():
        notes.write_text(json.dumps({"rows": rows, "made": _seed(url, rows)}))
    kept = json.loads(notes.read_text())
    if kept["rows"] != rows:
        raise SystemExit(f"{notes.parent} has {kept['rows']:,} messages, and not {rows:,}: give another folder.")
    return [(name, Seeded(_url(url, database), **kept["made"][database])) for name, database in names.items()]


def _seed(url: str, rows: int) -> dict[str, object]:
    chance, progress = random.Random(7), Progress()
    apply(url, lambda _: None)
    seeder = Seeder(chance, progress)
    words = seeder.prose.words
    asked = {
        "rare": _RARE,
        "common": words[0],
        "nothing": "nobodysaysso",
        **{word: mark for word, (mark, _) in _SHARES.items()},
        "prefix": words[500][:2],
    }
    others = max(rows // _OTHERS, 2)
    with psycopg.connect(url, autocommit=True) as database:
        indexes = drop_indexes(database)
        histories = [
            History(
                seeder.add_user(database, f"other{n}@example.com", "-"),
                sizes_of(others, chance),
                {_RARE: 1} | _marks(others),
            )
            for n in range(_OTHERS)
        ]
        seeder.write(database, histories)
        user_id = seeder.add_user(database, _EMAIL, Argon2id().hash(_PASSWORD))
    made: dict[str, object] = {}
    for name, messages in (("small", SMALL), ("large", rows)):
        progress.say(f"the database {name}")
        _clone(url, name)
        alike = [_ALIKE_SIZE] * _ALIKE
        sizes = sizes_of(messages - sum(alike) - (_LONG if name == "large" else 0), chance)
        long = len(sizes) - len(sizes) // 50 if name == "large" else None
        if long is not None:
            sizes.insert(long, _LONG)
        history = History(user_id, sizes + alike, {_RARE: _RARE_COUNT} | _marks(messages))
        with psycopg.connect(_url(url, name), autocommit=True) as database:
            seeder.write(database, [history])
            make_indexes(database, indexes, progress)
        made[name] = {
            "alike": [str(each) for each in history.made[-_ALIKE:]],
            "long": None if long is None else str(history.made[long]),
            "words": asked,
        }
    return made


def _marks(messages: int) -> dict[str, int]:
    return {mark: messages // share for mark, share in _SHARES.values()}


def _clone(url: str, name: str) -> None:
    """Copy the database of ``url``, to which nobody may be connected."""
    statement = "create database {} template {} strategy file_copy"
    template = conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(_url(url, "postgres"), autocommit=True) as server:
        server.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(str(template))))


def _url(url: str, name: str) -> str:
    """Return the address of another database of the same server.

    The form is that of a URL, which the configuration wants.
    """
    return url.replace("@/deeper?", f"@/{name}?")
