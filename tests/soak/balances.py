"""What must hold when all is over: what was told against what is kept, and what is kept against itself."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg

from tests.soak.models import PROMPT_TOKENS, Model
from tests.soak.records import Asked, Records

# Rather of the error than of the generation: of which errors a state tells.
_STATE_OF_ERROR = {"interrupted": "interrupted", "shutting_down": "interrupted"}
_STATE_OF_FINISH = {"stop": "complete", "length": "complete", "cancelled": "cancelled"}
_ROWS = """
    select generations.request_id, generations.user_id::text, generations.state, generations.error ->> 'code',
        generations.prompt_tokens, generations.completion_tokens, generations.estimated,
        coalesce(messages.content, generations.content), messages.state
    from generations
    left join messages
        on messages.conversation_id = generations.conversation_id and messages.id = generations.message_id
"""
_STUCK = """
    select
        (select count(*) from generations where state = 'running'),
        (select count(*) from messages where state = 'running'),
        (select count(*) from generation_chunks)
"""
_CONVERSATIONS = "select id::text, title from conversations"


@dataclass
class Balance:
    """Something of which there may be ``most``; ``examples`` are words on what was too much."""

    name: str
    found: float
    most: float = 0.0
    examples: list[str] = field(default_factory=list[str])

    @property
    def holds(self) -> bool:
        """Whether there is no more of it than there may be."""
        return self.found <= self.most


def of(name: str, examples: Iterable[str]) -> Balance:
    """Return the balance of something that must not be, by what there is of it."""
    found = list(examples)
    return Balance(name, len(found), 0, found[:20])


@dataclass(frozen=True)
class Row:
    """A generation in the ledger, with the text that is kept of it; None where the conversation was deleted."""

    request_id: str
    user_id: str
    state: str
    error: str | None
    prompt_tokens: int
    completion_tokens: int
    estimated: bool
    text: str | None
    message_state: str | None


@dataclass
class Books:
    """What the database holds: the ledger by request, its sums by user, what is stuck, and titles by conversation."""

    rows: dict[str, list[Row]]
    stuck: tuple[int, int, int]
    titles: dict[str, str]

    @property
    def states(self) -> Counter[str]:
        """How many ended how."""
        return Counter(row.state for rows in self.rows.values() for row in rows)

    def sums(self) -> dict[str, tuple[int, int, int]]:
        """Requests and tokens, read and written, of each user."""
        sums: dict[str, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
        for row in (row for rows in self.rows.values() for row in rows):
            requests, read, written = sums[row.user_id]
            sums[row.user_id] = requests + 1, read + row.prompt_tokens, written + row.completion_tokens
        return sums


def read_books(url: str) -> Books:
    """Read all of it."""
    rows: dict[str, list[Row]] = defaultdict(list)
    with psycopg.connect(url) as database:
        for values in database.execute(_ROWS):
            row = Row(*values)
            rows[row.request_id].append(row)
        [stuck] = database.execute(_STUCK).fetchall()
        titles = dict(database.execute(_CONVERSATIONS).fetchall())
    return Books(rows, stuck, titles)


def compare(books: Books, records: Records, model: Model) -> list[Balance]:
    """Hold what clients were told against what is kept."""
    running, writing, chunks = books.stuck
    pairs = [(asked, books.rows.get(asked.request_id, [])) for asked in records.asked.values()]
    once = [(asked, rows[0]) for asked, rows in pairs if len(rows) == 1]
    return [
        Balance("answers without an end", running),
        Balance("messages without an end", writing),
        Balance("pieces in the journal of what has ended", chunks),
        of("questions that are kept twice", (asked.request_id for asked, rows in pairs if len(rows) > 1)),
        of("accepted questions that are not kept", (a.request_id for a, rows in pairs if a.accepted and not rows)),
        of("answers that were begun twice", (str(number) for number, times in model.begun.items() if times > 1)),
        of("answers that are no beginning of what the model said", filter(None, (_text_fault(*each) for each in once))),
        of("answers of which somebody saw more than is kept", filter(None, (_seen_fault(*each) for each in once))),
        of("answers that ended in another way than was told", filter(None, (_end_fault(*each) for each in once))),
        of("answers of which the ledger counts other tokens", filter(None, (_count_fault(*each) for each in once))),
        of("conversations that are lost", _lost(books, records)),
        of("deleted conversations that are there", records.deleted & books.titles.keys()),
    ]


def _lost(books: Books, records: Records) -> Iterable[str]:
    for kept in records.kept.values():
        if kept.id not in books.titles:
            yield kept.id
        elif kept.title is not None and books.titles[kept.id] != kept.title:
            yield f"the title of {kept.id}"


def _text_fault(asked: Asked, row: Row) -> str | None:
    whole, said = row.state == "complete", asked.question.answer
    if row.message_state not in {None, row.state}:
        return f"{asked.request_id}: {row.state}, but its message is {row.message_state}"
    if row.text is None or (row.text == said if whole else said.startswith(row.text)):
        return None
    return f"{asked.request_id}: {row.state}, {row.text[-40:]!r}"


def beyond(asked: Asked, row: Row) -> int:
    """How many characters somebody saw that are not kept."""
    return 0 if row.text is None else max(0, len(asked.seen) - len(row.text))


def _seen_fault(asked: Asked, row: Row) -> str | None:
    if not asked.question.answer.startswith(asked.seen):
        return f"{asked.request_id}: {asked.seen[-40:]!r} was never said"
    # Tokens are shown before they are written down. Those of a moment go with a process that is killed.
    if row.error == "interrupted" and asked.outcome in {None, "interrupted"}:
        return None
    return f"{asked.request_id}: {row.state}" if beyond(asked, row) else None


def _end_fault(asked: Asked, row: Row) -> str | None:
    if asked.outcome is None:
        return None
    if asked.outcome in _STATE_OF_FINISH:
        holds = row.state == _STATE_OF_FINISH[asked.outcome]
    else:
        holds = row.state == _STATE_OF_ERROR.get(asked.outcome, "failed") and row.error == asked.outcome
    return None if holds else f"{asked.request_id}: told {asked.outcome}, kept {row.state} {row.error or ''}"


def _count_fault(asked: Asked, row: Row) -> str | None:
    if row.state == "complete":
        counted = (row.prompt_tokens, row.completion_tokens, row.estimated)
        holds = counted == (PROMPT_TOKENS, asked.question.tokens, False)
    else:
        # Each token ends with the only blank in it.
        holds = row.estimated and (row.text is None or row.completion_tokens == row.text.count(" "))
    return None if holds else f"{asked.request_id}: {row.state}, {row.completion_tokens} tokens"
