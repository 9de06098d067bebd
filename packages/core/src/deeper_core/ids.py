"""Identifiers: UUIDv7 (RFC 9562), one distinct type for each noun."""

import os
import threading
import time
from contextlib import suppress
from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
"""Names an account."""
SessionId = NewType("SessionId", UUID)
"""Names a session: one sign-in of a user, on one device."""
GenerationId = NewType("GenerationId", UUID)
"""Names the writing of one answer."""
ConversationId = NewType("ConversationId", UUID)
"""Names a conversation."""
MessageId = NewType("MessageId", UUID)
"""Names a message of a conversation."""
RunnerId = NewType("RunnerId", UUID)
"""Names a process that writes answers."""
ApiKeyId = NewType("ApiKeyId", UUID)
"""Names an API key. It is not the key, and not its prefix."""

# RFC 9562 section 6.2, method 1: 42 bits below the millisecond count up within one, so that ids made by one process
# sort in the order in which they were made. The counter starts at random with its top bit clear, as the RFC advises.
_COUNTER_BITS = 42
_TAIL_BITS = 32
# What is asked of the system at once: asking costs more than all the rest of an id.
_RANDOM_BYTES = 1024


class _Randomness:
    """The system's randomness, of which no byte is handed out twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = b""

    def bits(self, count: int) -> int:
        """Return so many random bits."""
        size = (count + 7) // 8
        with self._lock:
            if len(self._bytes) < size:
                self._bytes = os.urandom(_RANDOM_BYTES)
            drawn, self._bytes = self._bytes[:size], self._bytes[size:]
        return int.from_bytes(drawn, "big") >> (size * 8 - count)

    def forget(self) -> None:
        """Draw anew: another process has the same bytes, and perhaps the lock."""
        self._lock = threading.Lock()
        self._bytes = b""


class _Clock:
    """The last millisecond and counter that this process has handed out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._counter = 0

    def tick(self) -> tuple[int, int]:
        """Return a (millisecond, counter) pair greater than every one before it."""
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._millisecond, self._counter = now, _randomness.bits(_COUNTER_BITS - 1)
            else:
                self._counter += 1
                if self._counter >> _COUNTER_BITS:
                    self._millisecond, self._counter = self._millisecond + 1, _randomness.bits(_COUNTER_BITS - 1)
            return self._millisecond, self._counter


_randomness = _Randomness()
with suppress(AttributeError):  # where there are no forks
    os.register_at_fork(after_in_child=_randomness.forget)
_clock = _Clock()


def new_id(*, after: UUID | None = None) -> UUID:
    """Return a new UUIDv7: sorts by time of making, and strictly so within one process.

    It also sorts behind the UUIDv7 ``after``, even if that is of another machine whose clock is ahead.
    """
    made = _assemble(*_clock.tick())
    if after is None or made > after:
        return made
    return _assemble((after.int >> 80) + 1, _randomness.bits(_COUNTER_BITS - 1))


def _assemble(millisecond: int, counter: int) -> UUID:
    value = (millisecond & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= (counter >> 30) << 64
    value |= 0b10 << 62
    value |= (counter & 0x3FFF_FFFF) << _TAIL_BITS
    return UUID(int=value | _randomness.bits(_TAIL_BITS))
