"""Argon2id through passlib. The only module that knows passlib; it blocks, so call it from a thread.

passlib 1.7.4 is not maintained any more and warns about itself: it imports ``crypt`` (gone in Python 3.13, which it
survives) and reads ``argon2.__version__`` (which is why argon2-cffi is pinned). Both warnings are silenced here, where
they arise, and no others.
"""

import re
import warnings
from typing import Annotated, Final, Protocol, cast

import msgspec
from msgspec import Meta, Struct

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="'crypt' is deprecated", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message="Accessing argon2.__version__", category=DeprecationWarning)
    from passlib.context import CryptContext
    from passlib.handlers.argon2 import argon2

    # Choosing the back end now, and not at the first login, is what reads argon2.__version__.
    argon2.set_backend("argon2_cffi")

# A hash with a salt of 16 and a digest of 32 bytes: all that was ever made here. The last character of each carries
# spare bits, which libargon2 wants to be zero.
_HASH: Final = re.compile(
    r"\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,7})"
    r"\$[A-Za-z0-9+/]{21}[AQgw]\$[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]"
)

# In KiB: RFC 9106 section 3.1.
_MEMORY_PER_LANE: Final = 8


class Argon2Cost(Struct, frozen=True, kw_only=True):
    """What one hash costs: ``memory`` in KiB, at least 8 for each lane, ``passes`` over it, ``lanes`` side by side.

    The default is the smallest that the OWASP Password Storage Cheat Sheet recommends: some 16 ms of one core.
    """

    memory: Annotated[int, Meta(ge=8, le=4_194_304)] = 19_456
    passes: Annotated[int, Meta(ge=1, le=1_000)] = 2
    lanes: Annotated[int, Meta(ge=1, le=64)] = 1


class _Context(Protocol):
    """The part of passlib's CryptContext that is used here."""

    def hash(self, secret: str) -> str: ...
    def verify(self, secret: str, hash: str) -> bool: ...  # noqa: A002  - passlib's name for it
    def needs_update(self, hash: str) -> bool: ...  # noqa: A002  - likewise


class Argon2id:
    """Hashes and verifies with one cost. Safe to use from several threads."""

    def __init__(self, cost: Argon2Cost | None = None) -> None:
        self.cost = cost = cost or Argon2Cost()
        self._context = cast(
            "_Context",
            CryptContext(
                ["argon2"],
                argon2__type="ID",
                argon2__memory_cost=cost.memory,
                argon2__time_cost=cost.passes,
                argon2__parallelism=cost.lanes,
            ),
        )

    def hash(self, password: str) -> str:
        """Return a salted hash of ``password`` in the PHC string format.

        Raises:
            ValueError: Argon2 cannot hash it: longer than 4096 characters, or not encodable as UTF-8.
        """
        return self._context.hash(password)

    def verify(self, password: str, hashed: str) -> bool:
        """Whether ``hashed`` was made from ``password``.

        Raises:
            ValueError: ``password`` is one that `hash` refuses, or ``hashed`` one that `is_readable` does.
        """
        return self._context.verify(password, hashed)

    def is_readable(self, hashed: str) -> bool:
        """Whether ``hashed`` is a whole Argon2id hash, of a cost that an `Argon2Cost` can say. Costs nothing."""
        found = _HASH.fullmatch(hashed)
        if found is None:
            return False
        memory, passes, lanes = map(int, found.groups())
        try:
            cost = msgspec.convert({"memory": memory, "passes": passes, "lanes": lanes}, Argon2Cost)
        except msgspec.ValidationError:
            return False
        return cost.memory >= _MEMORY_PER_LANE * cost.lanes

    def is_outdated(self, hashed: str) -> bool:
        """Whether ``hashed``, which is readable, was made with another cost than this one."""
        return self._context.needs_update(hashed)
