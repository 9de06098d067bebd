"""API keys: what a program signs in with. Shown once when made; only a hash is kept.

A key is ``dsk_``, a public id of 8 letters to find its row and to name it in a list, ``_``, and 32 letters of secret:
160 random bits in lower-case base32. So many random bits need no slow hash, SHA-256 is enough.
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

from msgspec import Struct

from deeper_core.errors import InvalidToken

_PREFIX: Final = "dsk_"
_SHAPE: Final = re.compile(_PREFIX + r"([a-z2-7]{8})_([a-z2-7]{32})")


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key as its bearer knows it: ``prefix`` may be shown, ``secret`` may not."""

    prefix: str
    secret: str

    @property
    def text(self) -> str:
        """The whole key, to be shown once."""
        return f"{_PREFIX}{self.prefix}_{self.secret}"

    @property
    def digest(self) -> bytes:
        """What to keep of it: the SHA-256 of the whole key, 32 bytes."""
        return hashlib.sha256(self.text.encode("ascii")).digest()

    def matches(self, digest: bytes) -> bool:
        """Whether ``digest``, found under the prefix, is that of this key. Takes the same time either way."""
        return hmac.compare_digest(self.digest, digest)

    def __repr__(self) -> str:
        return f"ApiKey(prefix={self.prefix!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """As above: rich, which prints local variables of tracebacks, asks a Struct for its fields."""
        return [("prefix", self.prefix)]


def new_api_key() -> ApiKey:
    """Return a new random key."""
    return ApiKey(prefix=_random(5), secret=_random(20))


def parse_api_key(text: str) -> ApiKey:
    """Return the key that ``text`` spells. Whether anybody has it is for a store to say.

    Raises:
        InvalidToken: it does not look like a key.
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise InvalidToken
    return ApiKey(prefix=shape[1], secret=shape[2])


def _random(size: int) -> str:
    """Return ``size`` random bytes, a multiple of five, in base32."""
    return base64.b32encode(secrets.token_bytes(size)).decode("ascii").lower()
