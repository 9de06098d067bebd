"""Access tokens: short-lived JWTs (RFC 9068 style, HS256) and the only function that believes one.

python-jose accepts more than it should: tokens without ``exp``, of any ``typ``, with ``crit`` ignored, with bytes after
the signature; and a nested header makes it raise RecursionError. So the shape, the header and the claims are checked
here, and python-jose is left with the signature, the issuer and the audience.
"""

import hashlib
import re
from base64 import urlsafe_b64decode
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec
from jose import jwk, jwt
from msgspec import Struct

from deeper_auth.clocks import Clock, system_clock
from deeper_auth.keys import KeyPurpose, KeyRing
from deeper_core.errors import InvalidToken
from deeper_core.ids import SessionId, UserId, new_id

# 43 characters of base64url carry 258 bits, a signature 256: the last character must leave the two spare bits zero,
# or four texts would be the same token.
_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]{2,256})\.[A-Za-z0-9_-]{2,1024}\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")

# Times are checked here, against the clock that was handed in; python-jose only knows the system's.
_JOSE_OPTIONS: Final = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_at_hash": False}


class AccessTokenPolicy(Struct, frozen=True, kw_only=True):
    """Who issues tokens, for whom, and for how long.

    ``skew`` is how far the clock of another replica may be ahead: a token from further in the future is refused.
    Nothing is added to ``lifetime``, of which whole seconds count.

    Raises:
        ValueError: no token would ever be valid: ``lifetime`` is less than a second, or ``skew`` negative.
    """

    issuer: str = "deepersensor"
    audience: str = "deepersensor"
    lifetime: timedelta = timedelta(minutes=10)
    skew: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        if self.lifetime < timedelta(seconds=1) or self.skew < timedelta(0):
            raise ValueError("an access token lives for a second at least, and the skew is not negative")


class AccessClaims(Struct, frozen=True, kw_only=True):
    """What a valid access token says: who asks, in which session. What they may do is not for a token to say."""

    user_id: UserId
    session_id: SessionId
    token_id: UUID
    issued_at: datetime
    expires_at: datetime


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["HS256"]
    typ: Literal["at+jwt"]
    kid: str


class _Payload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    iss: str
    aud: str
    sub: UUID
    sid: UUID
    jti: UUID
    iat: int
    exp: int


class AccessTokens:
    """Issues and verifies access tokens. For one event loop, or one thread.

    Raises:
        ValueError: ``policy`` makes tokens that could never be valid, or ``clock`` does not know its time zone.
    """

    def __init__(
        self,
        keys: KeyRing,
        policy: AccessTokenPolicy | None = None,
        *,
        clock: Clock = system_clock,
        cache_size: int = 4096,
    ) -> None:
        self.policy = policy or AccessTokenPolicy()
        self._clock = clock
        if clock().utcoffset() is None:
            raise ValueError("the clock does not know its time zone")
        signing = keys.current(KeyPurpose.ACCESS)
        self._kid = signing.id
        self._keys = {key.id: jwk.construct(key.secret, "HS256") for key in keys.accepted(KeyPurpose.ACCESS)}
        self._decode_header = msgspec.json.Decoder(_Header).decode
        self._cache = _VerifiedTokens(cache_size)
        if _SHAPE.fullmatch(self.issue(UserId(new_id()), SessionId(new_id()))) is None:
            raise ValueError("issuer and audience make a token longer than this class would read back")

    def issue(self, user_id: UserId, session_id: SessionId) -> str:
        """Return a new token, valid from now for the policy's lifetime."""
        now = int(self._clock().timestamp())
        payload = {
            "iss": self.policy.issuer,
            "aud": self.policy.audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": str(new_id()),
            "iat": now,
            "exp": now + int(self.policy.lifetime.total_seconds()),
        }
        headers = {"typ": "at+jwt", "kid": self._kid}
        return jwt.encode(payload, self._keys[self._kid], algorithm="HS256", headers=headers)

    def verify(self, token: str) -> AccessClaims:
        """Return what ``token`` says. Whether its session still stands is not asked here.

        Raises:
            InvalidToken: for whatever reason, always with the same message.
        """
        shape = _SHAPE.fullmatch(token)
        if shape is None:
            raise InvalidToken
        digest = hashlib.sha256(token.encode("ascii")).digest()
        claims = self._cache.find(digest) or self._read(token, shape[1])
        now = self._clock()
        if claims.expires_at <= now or claims.issued_at > now + self.policy.skew:
            self._cache.drop(digest)
            raise InvalidToken
        self._cache.keep(digest, claims)
        return claims

    def _read(self, token: str, header: str) -> AccessClaims:
        try:
            key = self._keys[self._decode_header(urlsafe_b64decode(header + "=" * (-len(header) % 4))).kid]
            decoded = jwt.decode(
                token,
                key,
                algorithms=["HS256"],
                options=_JOSE_OPTIONS,
                audience=self.policy.audience,
                issuer=self.policy.issuer,
            )
            payload = msgspec.convert(decoded, _Payload)
            return AccessClaims(
                user_id=UserId(payload.sub),
                session_id=SessionId(payload.sid),
                token_id=payload.jti,
                issued_at=datetime.fromtimestamp(payload.iat, UTC),
                expires_at=datetime.fromtimestamp(payload.exp, UTC),
            )
        # python-jose lets many kinds of exception through, and all of them mean the same here.
        except Exception as error:
            raise InvalidToken from error


def parse_bearer(authorization: str | None) -> str:
    """Return the token of an Authorization header (RFC 6750 section 2.1), of which nothing is known yet.

    Raises:
        InvalidToken: there is no such header, or it is of another scheme.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidToken
    return token.strip(" ")


class _VerifiedTokens:
    """The claims of tokens verified lately, by the SHA-256 of their whole text; the least used one goes first.

    It saves the signature check, and nothing else: times are looked at on each use.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._claims: OrderedDict[bytes, AccessClaims] = OrderedDict()

    def find(self, digest: bytes) -> AccessClaims | None:
        return self._claims.get(digest)

    def keep(self, digest: bytes, claims: AccessClaims) -> None:
        self._claims[digest] = claims
        self._claims.move_to_end(digest)
        if len(self._claims) > self._size:
            self._claims.popitem(last=False)

    def drop(self, digest: bytes) -> None:
        self._claims.pop(digest, None)
