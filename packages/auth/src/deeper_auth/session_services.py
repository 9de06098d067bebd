"""The life of a session: signing in, refreshing, being believed, ending."""

from ipaddress import ip_address
from typing import Self

from msgspec import Struct

from deeper_auth.access_tokens import AccessClaims, AccessTokens
from deeper_auth.keys import KeyRing
from deeper_auth.refresh_tokens import RefreshTokens, RefreshVerdict
from deeper_auth.session_stores import NewSession, SessionStore
from deeper_auth.sessions import RevocationReason, Session, SessionPolicy
from deeper_core.errors import InvalidRefreshToken, InvalidToken, RefreshTokenReused
from deeper_core.ids import SessionId, UserId, new_id

# What a client says of itself is shown in the list of sessions; nobody needs more of it than this.
_MAX_USER_AGENT = 256


class TokenPair(Struct, frozen=True, kw_only=True):
    """What a client gets on signing in and on refreshing; ``expires_in`` counts the access token's seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    session: Session

    def body(self, *, refresh_token: bool = True) -> dict[str, object]:
        """Return what to send as JSON (RFC 6749 section 5.1), without the refresh token if that goes in a cookie."""
        shown: dict[str, object] = {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
        }
        return shown | {"refresh_token": self.refresh_token} if refresh_token else shown

    def __repr__(self) -> str:
        # A pair that ends up in a log or a traceback must not sign anybody in.
        return f"TokenPair(session={self.session!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """As above: rich, which prints local variables of tracebacks, asks a Struct for its fields."""
        return [("session", self.session)]


class SessionService:
    """Opens, refreshes, checks and ends sessions, wherever ``store`` keeps them."""

    def __init__(
        self,
        store: SessionStore,
        access_tokens: AccessTokens,
        refresh_tokens: RefreshTokens,
        policy: SessionPolicy | None = None,
    ) -> None:
        self._store = store
        self._access_tokens = access_tokens
        self._refresh_tokens = refresh_tokens
        self._policy = policy or SessionPolicy()

    @classmethod
    def over(cls, store: SessionStore, keys: KeyRing, policy: SessionPolicy | None = None) -> Self:
        """Return a service over ``store`` whose tokens are signed with ``keys``, by the policies of this package."""
        return cls(store, AccessTokens(keys), RefreshTokens(keys), policy)

    async def open(self, user_id: UserId, *, user_agent: str | None = None, ip_address: str | None = None) -> TokenPair:
        """Start a session for a user whose password was right.

        What the client says of itself is kept for the list of sessions: at most 256 printable characters of
        ``user_agent``, and ``ip_address`` if it is one.
        """
        new = NewSession(
            id=SessionId(new_id()),
            user_id=user_id,
            user_agent=_printable(user_agent),
            ip_address=_plain_address(ip_address),
        )
        return self._pair(await self._store.create(new, self._policy))

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Return new tokens for ``refresh_token``, which from now on is an old one.

        Within the policy's grace the token before the current one still gets the current one.

        Raises:
            InvalidRefreshToken: it is forged, or its session has ended.
            RefreshTokenReused: it was replaced before; its session has ended because of that.
        """
        ticket = self._refresh_tokens.parse(refresh_token)
        rotation = await self._store.rotate(ticket.session_id, ticket.generation, self._policy)
        if rotation.verdict is RefreshVerdict.REUSE:
            session = rotation.session
            raise RefreshTokenReused(user_id=session and session.user_id, session_id=session and session.id)
        if rotation.session is None or rotation.verdict not in {RefreshVerdict.ROTATE, RefreshVerdict.GRACE}:
            raise InvalidRefreshToken
        return self._pair(rotation.session)

    def verify(self, access_token: str) -> AccessClaims:
        """Return what a valid ``access_token`` says, without asking the store.

        Raises:
            InvalidToken: it is not valid.
        """
        return self._access_tokens.verify(access_token)

    async def check(self, claims: AccessClaims) -> Session:
        """Return the live session that ``claims`` belong to.

        Raises:
            InvalidToken: that session has ended.
        """
        session = await self._store.find_live(claims.session_id)
        if session is None or session.user_id != claims.user_id:
            raise InvalidToken
        return session

    async def list_live(self, user_id: UserId) -> tuple[Session, ...]:
        """Return the live sessions of a user, the newest sign-in first."""
        return await self._store.list_live(user_id)

    async def revoke(
        self, session_id: SessionId, user_id: UserId, reason: RevocationReason = RevocationReason.LOGOUT
    ) -> bool:
        """End one session of this user; return whether it was live."""
        return await self._store.revoke(session_id, user_id, reason)

    async def revoke_by_token(self, refresh_token: str) -> bool:
        """End the session that ``refresh_token`` belongs to, for a client that has no access token left.

        Any token of the session will do, also an old one: whoever has it may end the session by reuse anyhow.

        Returns whether the session was live.

        Raises:
            InvalidRefreshToken: it is forged.
        """
        ticket = self._refresh_tokens.parse(refresh_token)
        session = await self._store.find_live(ticket.session_id)
        if session is None:
            return False
        return await self._store.revoke(session.id, session.user_id, RevocationReason.LOGOUT)

    async def revoke_others(
        self, user_id: UserId, keep: SessionId, reason: RevocationReason = RevocationReason.LOGOUT_EVERYWHERE
    ) -> int:
        """End every session of this user except ``keep``; return how many."""
        return await self._store.revoke_all(user_id, reason, keep=keep)

    async def revoke_all(self, user_id: UserId, reason: RevocationReason = RevocationReason.LOGOUT_EVERYWHERE) -> int:
        """End every session of this user; return how many."""
        return await self._store.revoke_all(user_id, reason)

    def _pair(self, session: Session) -> TokenPair:
        return TokenPair(
            access_token=self._access_tokens.issue(session.user_id, session.id),
            expires_in=int(self._access_tokens.policy.lifetime.total_seconds()),
            refresh_token=self._refresh_tokens.issue(session.id, session.generation),
            session=session,
        )


def _printable(text: str | None) -> str | None:
    """Return ``text`` fit to be stored and shown: no control characters, no lone surrogates, not too long."""
    if text is None:
        return None
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:_MAX_USER_AGENT])


def _plain_address(text: str | None) -> str | None:
    """Return the address that ``text`` is, in its usual spelling and without a zone; None if it is none."""
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:  # a socket of the file system, or the word of a proxy
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
