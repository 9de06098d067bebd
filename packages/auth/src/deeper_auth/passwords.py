"""Passwords: hashed and verified off the event loop, at the same cost whoever asks.

Argon2 is slow on purpose, which makes a login a lever for anybody who wants the server busy. Two threads hash, a
bounded queue waits for them, and what comes on top is turned away at once.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import Enum
from threading import BoundedSemaphore
from typing import Final, Protocol, TypeVar

from deeper_auth.argon2id import Argon2id
from deeper_core.errors import InternalError, Overloaded, ShuttingDown

# In code points after normalisation. Long enough for any passphrase, short enough that no one sends a book.
MAX_PASSWORD_LENGTH: Final = 1024
# Marks in a row on one letter, after decomposition: UAX 15 section 13 (Stream-Safe Text Format), which is far more than
# any language has. Putting marks in order takes time with the square of their number, thousands of them a fifth of a
# second, and nothing else in Python runs meanwhile.
MAX_MARKS: Final = 30
_STAND_IN: Final = "a password that nobody has"
_T = TypeVar("_T")


class PasswordVerdict(Enum):
    """Whether a password is the right one; OUTDATED: it is, but should be hashed anew at today's cost."""

    WRONG = "wrong"
    RIGHT = "right"
    OUTDATED = "outdated"

    @property
    def is_right(self) -> bool:
        """Whether the password is the right one."""
        return self is not PasswordVerdict.WRONG


class HashScheme(Protocol):
    """A way to hash passwords, called from several threads; `Argon2id` describes the methods."""

    def hash(self, password: str) -> str: ...  # noqa: D102  - described there
    def verify(self, password: str, hashed: str) -> bool: ...  # noqa: D102  - likewise
    def is_readable(self, hashed: str) -> bool: ...  # noqa: D102  - likewise
    def is_outdated(self, hashed: str) -> bool: ...  # noqa: D102  - likewise


class PasswordHasher:
    """Hashes and verifies passwords on ``threads`` threads, with at most ``queue`` callers waiting for one.

    The constructor hashes once, so that verifying the password of an unknown user has something to be compared with
    from the first time on.
    """

    def __init__(self, scheme: HashScheme | None = None, *, threads: int = 2, queue: int = 64) -> None:
        self._scheme = scheme or Argon2id()
        self._dummy = self._scheme.hash(_STAND_IN)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._slots = BoundedSemaphore(threads + queue)
        self._closed = False

    async def hash(self, password: str) -> str:
        """Return a hash of ``password``, which a `PasswordPolicy` has let pass.

        Raises:
            ValueError: no policy can have: it is too long, or holds lone surrogates.
            Overloaded: too many callers wait.
            ShuttingDown: `close` was called.
        """
        normalised = normalise(password)
        if normalised is None:
            raise ValueError("a password that cannot be hashed")
        return await self._run(lambda: self._scheme.hash(normalised))

    async def verify(self, password: str, hashed: str | None) -> PasswordVerdict:
        """Return whether ``hashed`` was made from ``password``; None stands for a user who does not exist.

        It costs one run of the scheme whatever the answer, also for a password that is too long and a hash that is
        broken, so that the time does not tell who has an account. Only where a hash was made at another cost it does,
        until its owner signs in and it is made anew: see `PasswordVerdict`.

        Raises:
            Overloaded: too many callers wait.
            ShuttingDown: `close` was called.
        """
        normalised = normalise(password)
        return await self._run(lambda: self._verify(normalised, hashed))

    def _verify(self, password: str | None, hashed: str | None) -> PasswordVerdict:
        readable = hashed is not None and self._scheme.is_readable(hashed)
        stored = hashed if hashed is not None and readable else self._dummy
        matches = self._scheme.verify(_STAND_IN if password is None else password, stored)
        if password is None or not readable or not matches:
            return PasswordVerdict.WRONG
        return PasswordVerdict.OUTDATED if self._scheme.is_outdated(stored) else PasswordVerdict.RIGHT

    def self_test(self) -> None:
        """Hash and verify once, on the calling thread; meant for the start of a program.

        Raises:
            InternalError: hashing does not work here, so nobody could sign in.
        """
        try:
            hashed = self._scheme.hash(_STAND_IN)
            works = self._scheme.verify(_STAND_IN, hashed) and not self._scheme.verify(_STAND_IN + "!", hashed)
            works = works and self._scheme.is_readable(hashed) and not self._scheme.is_outdated(hashed)
        except Exception as error:
            raise InternalError("Password hashing fails.") from error
        if not works:
            raise InternalError("Password hashing gives wrong answers.")

    async def close(self) -> None:
        """Take on nothing new, and wait for what was taken on."""
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._closed:
            raise ShuttingDown
        if not self._slots.acquire(blocking=False):
            raise Overloaded(retry_after=1)
        try:
            future = self._executor.submit(work)
        except BaseException:
            self._slots.release()
            raise
        # The slot is bound to the work, not to who waits for it: a caller who gives up frees it at once if the work
        # has not begun, and when it is done if it has.
        future.add_done_callback(self._release)
        return await asyncio.wrap_future(future)

    def _release(self, _: Future[_T]) -> None:
        self._slots.release()


def normalise(password: str) -> str | None:
    """Return ``password`` in NFC (RFC 8265 section 4.2), or None if none so long or so odd can be anybody's.

    The same password typed on two keyboards may be composed or decomposed, and must be one password: either all
    spellings of a password are None, or none of them is. Lone surrogates and more than 30 marks on one letter are odd.
    """
    # A canonical decomposition is at most four code points long (UAX 15 section 11), so NFC shortens by no more than
    # that, and what is longer still need not be looked at.
    if len(password) > 4 * MAX_PASSWORD_LENGTH:
        return None
    if not password.isascii() and _is_odd(password):
        return None
    normalised = unicodedata.normalize("NFC", password)
    return normalised if len(normalised) <= MAX_PASSWORD_LENGTH else None


def _is_odd(password: str) -> bool:
    letters = {letter: unicodedata.normalize("NFD", letter) for letter in set(password)}
    if any("\ud800" <= letter <= "\udfff" for letter in letters):
        return True
    kinds = {
        letter: "".join("m" if unicodedata.combining(part) else "." for part in parts)
        for letter, parts in letters.items()
    }
    return "m" * (MAX_MARKS + 1) in "".join(map(kinds.__getitem__, password))
