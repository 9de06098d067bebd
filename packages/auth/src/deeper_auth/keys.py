"""Signing keys: one secret is signed with, earlier ones are still believed.

No token is signed with a secret itself. Each purpose has a key of its own, derived with HKDF-SHA256 (RFC 5869), so that
a token of one kind is never valid as another kind, whatever it says about itself.
"""

import hashlib
import hmac
from collections.abc import Sequence
from enum import Enum
from typing import Final

# RFC 7518 section 3.2: a key for HS256 has at least as many bits as its hash.
MIN_SECRET_BYTES: Final = 32
_SALT: Final = b"deepersensor signing keys v1"


class KeyPurpose(Enum):
    """What a key signs; the value is the label that its derivation is bound to."""

    ACCESS = b"access token"
    REFRESH = b"refresh token"


class SigningKey:
    """A derived key of 32 bytes. ``id`` names it in public and tells nothing about ``secret``."""

    __slots__ = ("id", "secret")

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.id = hmac.digest(secret, b"key id", hashlib.sha256)[:8].hex()

    def __repr__(self) -> str:
        return f"SigningKey(id={self.id!r})"


class KeyRing:
    """The keys of every purpose, newest first.

    To rotate: make a new secret the current one and move the old one to ``previous``; when the longest-lived token
    signed with the old one has run out, drop it. Where several processes share the sessions, first let all of them
    believe the new secret, as one of ``previous``: those that come late would refuse what the first one signs.

    Raises:
        ValueError: a secret is shorter than `MIN_SECRET_BYTES`, or no valid Unicode. The error holds nothing of it.
    """

    def __init__(self, current: str | bytes, previous: Sequence[str | bytes] = ()) -> None:
        secrets = [_encoded(secret) for secret in (current, *previous)]
        if any(len(secret) < MIN_SECRET_BYTES for secret in secrets):
            raise ValueError(f"each signing secret needs at least {MIN_SECRET_BYTES} bytes")
        self._keys = {
            purpose: tuple(SigningKey(derive_key(secret, _SALT, purpose.value)) for secret in secrets)
            for purpose in KeyPurpose
        }

    def current(self, purpose: KeyPurpose) -> SigningKey:
        """Return the key to sign with."""
        return self._keys[purpose][0]

    def accepted(self, purpose: KeyPurpose) -> tuple[SigningKey, ...]:
        """Return every key whose signature is believed, the current one first."""
        return self._keys[purpose]

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(f'{purpose.name.lower()}={keys}' for purpose, keys in self._keys.items())})"


def _encoded(secret: str | bytes) -> bytes:
    # An UnicodeEncodeError would carry the secret along.
    if isinstance(secret, str) and any("\ud800" <= letter <= "\udfff" for letter in secret):
        raise ValueError("each signing secret is valid Unicode, or bytes")
    return secret.encode() if isinstance(secret, str) else secret


def derive_key(secret: bytes, salt: bytes, label: bytes) -> bytes:
    """Return 32 bytes derived from ``secret``: HKDF-SHA256 with one block of output (RFC 5869 section 2)."""
    extracted = hmac.digest(salt, secret, hashlib.sha256)
    return hmac.digest(extracted, label + b"\x01", hashlib.sha256)
