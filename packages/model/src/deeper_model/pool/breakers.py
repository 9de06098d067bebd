"""Whether a server is asked: open after failures in a row, then one request sees whether it works again. Pure."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from deeper_core import (
    AnswerIncomplete,
    DeeperError,
    ErrorCode,
    ModelProtocolBroken,
    ModelServerFailed,
    ModelServerTimedOut,
    ModelServerUnreachable,
)

BreakerState = Literal["up", "open", "half_open"]

# Not those of the request, nor of one model that does not fit; a server that says that it is busy works.
_FAULTS = (ModelServerUnreachable, ModelServerTimedOut, ModelServerFailed, ModelProtocolBroken, AnswerIncomplete)


class BreakerPolicy(Struct, frozen=True, kw_only=True):
    """When a breaker opens, and for how long; times are in seconds.

    ``failures`` in a row open it. After ``pause`` one request is let through; if that fails, too, the next pause is
    twice as long, and never longer than ``longest``.
    """

    failures: int = 3
    pause: float = 10.0
    longest: float = 300.0


def is_fault(error: DeeperError) -> bool:
    """Tell whether ``error`` says that the server does not work, whatever it is asked."""
    return isinstance(error, _FAULTS)


class Breaker(Struct, frozen=True, kw_only=True):
    """What is known of a server's failures; each method returns what is known after that.

    ``failures`` are those in a row, the last of them at ``failed_at``, with ``error``; ``by_look`` if that was a look
    at the server in the background, and no answer. ``opened_at`` is None while it is closed. One that is open lets a
    request through when ``pause`` is over and the server has ``answered`` a look since. All times are of one clock.
    """

    failures: int = 0
    failed_at: float = 0.0
    error: ErrorCode | None = None
    by_look: bool = False
    opened_at: float | None = None
    pause: float = 0.0
    answered: bool = False
    probing: bool = False

    def state(self, now: float) -> BreakerState:
        """Return what it is for those who look at it."""
        if self.opened_at is None:
            return "up"
        return "half_open" if self.probing or (self.answered and now >= self.opened_at + self.pause) else "open"

    def lets_through(self, now: float) -> bool:
        """Tell whether one more request may be sent."""
        return not self.probing and self.state(now) != "open"

    def is_doubtful(self, now: float, policy: BreakerPolicy) -> bool:
        """Tell whether the last thing that is known is a failure, and not long ago."""
        return self.failures > 0 and now - self.failed_at < policy.pause

    def probe(self) -> "Breaker":
        """Send the one request."""
        return replace(self, probing=True)

    def give_up(self) -> "Breaker":
        """Learn nothing by the one request: it was cancelled, say."""
        return replace(self, probing=False)

    def fail(
        self, error: DeeperError, now: float, policy: BreakerPolicy, *, by_look: bool = False, probe: bool = False
    ) -> "Breaker":
        """Take note of a fault; ``probe`` if it was the one request that met it."""
        failures = self.failures + 1
        pause = self.pause
        if self.opened_at is None:
            pause = policy.pause
        elif probe:
            pause = min(policy.longest, self.pause * 2)
        opens = self.opened_at is not None or failures >= policy.failures
        return Breaker(
            failures=failures,
            failed_at=now,
            error=error.code,
            by_look=by_look,
            opened_at=now if opens else None,
            pause=pause if opens else 0.0,
            probing=self.probing and not probe,
        )

    def begin(self, policy: BreakerPolicy) -> "Breaker":
        """Take note of an answer's first delta: it closes, and the next failure opens it again."""
        if self.opened_at is None:
            return self
        return replace(self, failures=policy.failures - 1, opened_at=None, pause=0.0, probing=False)

    def succeed(self) -> "Breaker":
        """Take note of a whole answer."""
        return _CLOSED

    def answer(self) -> "Breaker":
        """Take note that the server answered a look: that disproves the failure of another look, and no other."""
        if self.by_look:
            return _CLOSED
        return self if self.opened_at is None else replace(self, answered=True)


_CLOSED = Breaker()
