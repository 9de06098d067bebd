"""Made-up histories, written by COPY: words as frequent as those of a language, in conversations of many sizes."""

import itertools
import random
import string
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import psycopg
from psycopg import sql

VOCABULARY = 50_000  # words
_FRAGMENTS = 40_000  # of which each message has two
_FRAGMENT_WORDS = (10, 50)
_SPAN = 2 * 365 * 86_400_000  # milliseconds that a history goes back
_PACE = 30_000  # milliseconds from one message to the next
_PORTION = 20_000  # messages
_REGENERATED = 0.03  # of the answers are another version of the one before

_USER = """
    insert into users (id, email, email_key, password_hash)
    values (%(id)s, %(email)s, %(email)s, %(password_hash)s)
"""
_COPIES = (
    ("conversations", "copy conversations (id, user_id, title, created_at, active_at) from stdin"),
    (
        "messages",
        "copy messages (conversation_id, id, user_id, parent_id, role, content, model, created_at) from stdin",
    ),
    (
        "generations",
        """
        copy generations (id, user_id, runner_id, conversation_id, message_id, model, state, created_at, ended_at,
                          finish_reason, prompt_tokens, completion_tokens, estimated, length)
        from stdin
        """,
    ),
)
_INDEXES = """
    select indexname, indexdef
    from pg_indexes
    where tablename = any(%s) and not exists (select from pg_constraint where conname = indexname)
"""
_RUNNER = UUID(int=1).hex


class Progress:
    """Says on stderr what goes on, and how long everything has taken so far."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, sentence: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - self._started:6.1f} s] {sentence}\n")
        sys.stderr.flush()


class Prose:
    """Texts of about 60 words, of which the n-th most frequent comes about 1/n as often as the first."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.words = _vocabulary(chance)
        weights = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(self.words))))
        self._fragments = [
            " ".join(chance.choices(self.words, cum_weights=weights, k=chance.randint(*_FRAGMENT_WORDS)))
            for _ in range(_FRAGMENTS)
        ]

    def text(self) -> str:
        chance, fragments = self._chance.random, self._fragments
        return f"{fragments[int(chance() * _FRAGMENTS)]} {fragments[int(chance() * _FRAGMENTS)]}"


def _vocabulary(chance: random.Random) -> list[str]:
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ai", "ou", "en", "ar", "is")]
    words = set(string.ascii_lowercase)
    while len(words) < VOCABULARY:
        words.add("".join(chance.choices(syllables, k=chance.randint(2, 5))))
    # The short ones are the frequent ones, as in languages. Sorted first, for a set has no order to rely on.
    return sorted(sorted(words), key=lambda word: len(word) + chance.random() * 6)


@dataclass
class History:
    """What one user is given: a conversation for each of ``sizes``, the newest last.

    ``marks`` are words, and how many of the messages have each, evenly spread. ``made`` has the ids of the
    conversations in the order of ``sizes`` once they are written.
    """

    user_id: UUID
    sizes: list[int]
    marks: dict[str, int] = field(default_factory=dict)
    made: list[UUID] = field(default_factory=list)


def sizes_of(messages: int, chance: random.Random) -> list[int]:
    """Return sizes from 2 to 40, most of them small, that add up to ``messages``."""
    sizes: list[int] = []
    while messages > 0:
        sizes.append(min(2 + 2 * int(chance.expovariate(0.25)), 40, messages))
        messages -= sizes[-1]
    return sizes


class Seeder:
    """Writes users and their histories into databases."""

    def __init__(self, chance: random.Random, progress: Progress) -> None:
        self._chance = chance
        self._progress = progress
        self._now = time.time_ns() // 1_000_000
        self.prose = Prose(chance)
        self._rows: dict[str, list[str]] = {table: [] for table, _ in _COPIES}

    def add_user(self, database: psycopg.Connection, email: str, password_hash: str) -> UUID:
        """Make an account. Nobody can sign in to it if ``password_hash`` is no hash."""
        user_id = UUID(int=self._id(self._now - _SPAN))
        database.execute(_USER, {"id": user_id, "email": email, "password_hash": password_hash})
        return user_id

    def write(self, database: psycopg.Connection, histories: Sequence[History]) -> None:
        """Write ``histories`` in the order of time, as they would have come about."""
        wanted, written = sum(sum(history.sizes) for history in histories), 0
        plans: list[tuple[int, int, History]] = []
        for history in histories:
            history.made = [UUID(int=0)] * len(history.sizes)
            step = (_SPAN - 3 * 86_400_000) / len(history.sizes)
            plans += [(self._now - _SPAN + int(n * step), n, history) for n in range(len(history.sizes))]
        plans.sort(key=lambda plan: plan[0])
        marks = {id(history): _Marks(history) for history in histories}
        # Those that are written refer to those that are there, so nobody has to check it.
        database.execute("set session_replication_role = replica")
        for begin, place, history in plans:
            history.made[place] = self._conversation(history, begin, history.sizes[place], marks[id(history)])
            if len(self._rows["messages"]) >= _PORTION:
                written += self._flush(database)
                self._progress.say(f"{written:,} of {wanted:,} messages written")
        self._flush(database)
        database.execute("set session_replication_role = origin")

    def _conversation(self, history: History, begin: int, size: int, marks: "_Marks") -> UUID:
        conversation, user = self._id(begin), history.user_id.hex
        messages, generations = self._rows["messages"], self._rows["generations"]
        moment, role, parent, question, text = begin, "user", r"\N", "", ""
        for _ in range(size):
            moment += _PACE
            message, at, text = f"{self._id(moment):032x}", _timestamp(moment), self.prose.text() + next(marks)
            model = "z1" if role == "assistant" else r"\N"
            messages.append(f"{conversation:032x}\t{message}\t{user}\t{parent}\t{role}\t{text}\t{model}\t{at}\n")
            if role == "user":
                role, parent, question = "assistant", message, message
                continue
            generations.append(
                f"{self._id(moment):032x}\t{user}\t{_RUNNER}\t{conversation:032x}\t{message}\tz1\tcomplete\t{at}\t"
                f"{at}\tstop\t500\t80\tf\t{len(text)}\n"
            )
            if self._chance.random() < _REGENERATED:
                parent = question
            else:
                role, parent = "user", message
        title = text[:40]
        self._rows["conversations"].append(
            f"{conversation:032x}\t{user}\t{title}\t{_timestamp(begin)}\t{_timestamp(moment)}\n"
        )
        return UUID(int=conversation)

    def _id(self, moment: int) -> int:
        """Return a UUIDv7 of that millisecond."""
        chance = self._chance.getrandbits
        return moment << 80 | 0x7 << 76 | chance(12) << 64 | 0b10 << 62 | chance(62)

    def _flush(self, database: psycopg.Connection) -> int:
        written = len(self._rows["messages"])
        with database.cursor() as cursor:
            for table, statement in _COPIES:
                with cursor.copy(statement.encode()) as copy:
                    copy.write("".join(self._rows[table]))
                self._rows[table].clear()
        return written


class _Marks:
    """The marks of one history, message by message, each with a blank before it."""

    def __init__(self, history: History) -> None:
        self._marks, self._size, self._place = history.marks, sum(history.sizes), 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        place, self._place = self._place, self._place + 1
        return "".join(f" {word}" for word, count in self._marks.items() if place * count % self._size < count)


def _timestamp(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000, UTC).isoformat()


def drop_indexes(database: psycopg.Connection) -> list[str]:
    """Drop the indexes that are slower to keep than to make at the end; return what makes them.

    Those of constraints stay: what follows may rely on them.
    """
    found = database.execute(_INDEXES, [[table for table, _ in _COPIES]]).fetchall()
    for name, _ in found:
        database.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
    return [definition for _, definition in found]


def make_indexes(database: psycopg.Connection, definitions: Sequence[str], progress: Progress) -> None:
    """Make the indexes again, and leave the database as it would be after a night's rest."""
    database.execute("set maintenance_work_mem = '1GB'")
    for definition in definitions:
        progress.say(definition)
        database.execute(definition.encode())
    progress.say("vacuum analyze")
    database.execute("vacuum analyze")
    database.execute("checkpoint")
