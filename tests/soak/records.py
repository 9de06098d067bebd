"""What clients were told, which is what must have been kept."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.soak.models import Question


@dataclass
class Asked:
    """A question of a user, and what whoever asked knows of its answer.

    ``accepted`` says that a server answered it with 200, ``seen`` is the text that came, ``outcome`` the finish reason
    or the code of the error with which it ended, if that was seen.
    """

    question: Question
    user_id: str
    store: bool = False
    accepted: bool = False
    seen: str = ""
    outcome: str | None = None

    @property
    def request_id(self) -> str:
        """By which its row is found; the same for each time that it was sent."""
        return f"soak-{self.question.number}"


@dataclass
class Conversation:
    """One that was made; ``questions`` were asked in it."""

    id: str
    user_id: str
    title: str | None = None  # None where it was not given one, or nobody knows which one it has
    questions: int = 0


@dataclass
class Records:
    """All of it. ``deleted`` are conversations of which a server said that they are."""

    asked: dict[str, Asked] = field(default_factory=dict[str, Asked])
    kept: dict[str, Conversation] = field(default_factory=dict[str, Conversation])
    deleted: set[str] = field(default_factory=set[str])

    def ask(self, user_id: str, tokens: int, *, store: bool) -> Asked:
        """Return a question that was never asked before."""
        asked = Asked(Question(len(self.asked), tokens), user_id, store)
        self.asked[asked.request_id] = asked
        return asked

    def conversations_of(self, user_id: str) -> Iterator[Conversation]:
        """Those of a user that are there for certain."""
        return (each for each in self.kept.values() if each.user_id == user_id)
