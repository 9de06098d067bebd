"""Refresh tokens: what they are made of, and what becomes of a session when one comes back.

A token is ``dsr1_`` and 64 characters of base64url: the session's id (16 bytes), its generation (8 bytes) and the first
192 bits of an HMAC-SHA256 over prefix and both. No token is stored anywhere: the counter in the session's row says
which generation is the current one, and the same generation always gives the same token.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

from deeper_auth.keys import KeyPurpose, KeyRing, SigningKey
from deeper_auth.sessions import Session, SessionPolicy
from deeper_core.errors import InvalidRefreshToken
from deeper_core.ids import SessionId

_PREFIX: Final = "dsr1_"
# 48 bytes make 64 characters with no bit to spare, so that a token has one spelling only.
_SHAPE: Final = re.compile(_PREFIX + r"([A-Za-z0-9_-]{64})")
_BODY_BYTES: Final = 24
_SIGNATURE_BYTES: Final = 24


class RefreshTicket(Struct, frozen=True, kw_only=True):
    """What a refresh token says, once its signature holds."""

    session_id: SessionId
    generation: int


class RefreshTokens:
    """Makes and reads refresh tokens. Keeps no state, so it may be used from anywhere."""

    def __init__(self, keys: KeyRing) -> None:
        self._current = keys.current(KeyPurpose.REFRESH)
        self._accepted = keys.accepted(KeyPurpose.REFRESH)

    def issue(self, session_id: SessionId, generation: int) -> str:
        """Return the token of ``generation``: the same one each time, as long as the signing key stays."""
        body = session_id.bytes + generation.to_bytes(8)
        return _PREFIX + urlsafe_b64encode(body + _sign(self._current, body)).decode("ascii")

    def parse(self, token: str) -> RefreshTicket:
        """Return what ``token`` says. Whether its session still stands is for the store to decide.

        Raises:
            InvalidRefreshToken: it is not one of ours.
        """
        shape = _SHAPE.fullmatch(token)
        if shape is None:
            raise InvalidRefreshToken
        raw = urlsafe_b64decode(shape[1])
        body, signature = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        # Every key is tried, whichever fits, so that the time tells nothing.
        if not sum([hmac.compare_digest(_sign(key, body), signature) for key in self._accepted]):
            raise InvalidRefreshToken
        return RefreshTicket(session_id=SessionId(UUID(bytes=body[:16])), generation=int.from_bytes(body[16:]))


def _sign(key: SigningKey, body: bytes) -> bytes:
    return hmac.digest(key.secret, _PREFIX.encode("ascii") + body, hashlib.sha256)[:_SIGNATURE_BYTES]


class RefreshVerdict(StrEnum):
    """What a refresh token is worth; `decide` says when which."""

    ROTATE = "rotate"
    GRACE = "grace"
    REUSE = "reuse"
    EXPIRED = "expired"
    REVOKED = "revoked"
    FORGED = "forged"


def decide(session: Session | None, generation: int, *, now: datetime, policy: SessionPolicy) -> RefreshVerdict:
    """Return what a token of ``generation`` is worth to ``session`` (None: there is none) at ``now``.

    The first line that fits decides::

        the session                 the token's generation       verdict   what follows
        --------------------------  ---------------------------  --------  ---------------------------------
        unknown                     any                          FORGED    nothing
        revoked                     any                          REVOKED   nothing
        expires_at <= now           any                          EXPIRED   nothing
        live                        current                      ROTATE    generation + 1, the token of that
        live, rotated_at > now - g  current - 1                  GRACE     the current generation's token
        live                        older                        REUSE     the session is revoked
        live                        newer                        FORGED    nothing

    ``g`` is ``policy.grace``. The window is bounded in time, or else a thief and the owner could take turns for ever,
    each one generation behind the other. A refresh in the window does not prolong it.
    """
    if session is None:
        return RefreshVerdict.FORGED
    if session.revoked_at is not None:
        return RefreshVerdict.REVOKED
    if session.expires_at <= now:
        return RefreshVerdict.EXPIRED
    if generation == session.generation:
        return RefreshVerdict.ROTATE
    if generation == session.generation - 1 and session.rotated_at > now - policy.grace:
        return RefreshVerdict.GRACE
    return RefreshVerdict.REUSE if generation < session.generation else RefreshVerdict.FORGED
