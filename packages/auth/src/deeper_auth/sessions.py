"""Sessions: one for each sign-in, alive until it is ended, left idle or too old."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from deeper_core.ids import SessionId, UserId


class RevocationReason(StrEnum):
    """Why a session was ended before its time."""

    LOGOUT = "logout"
    LOGOUT_EVERYWHERE = "logout_everywhere"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  - a reason, not a password
    ACCOUNT_DISABLED = "account_disabled"
    REUSE = "reuse"


class SessionPolicy(Struct, frozen=True, kw_only=True):
    """How long a session lives.

    ``idle`` after it was last refreshed, but never longer than ``absolute`` after sign-in, refreshed or not. ``grace``
    is how long the previous refresh token still answers with the same successor: two tabs may refresh at once, and the
    answer to a refresh may get lost.

    Raises:
        ValueError: no session would ever live, or ``grace`` is negative.
    """

    idle: timedelta = timedelta(days=14)
    absolute: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        if min(self.idle, self.absolute) <= timedelta(0) or self.grace < timedelta(0):
            raise ValueError("the limits of a session are positive, and its grace is not negative")


class Session(Struct, frozen=True, kw_only=True):
    """One sign-in, at one moment.

    ``generation`` counts its refreshes from 0; ``rotated_at`` is the latest of them, or the sign-in. ``expires_at`` is
    when it ends by itself, whichever of the policy's two limits comes first. ``revoked_at`` and ``revoke_reason`` are
    both set or both None.
    """

    id: SessionId
    user_id: UserId
    generation: int
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoke_reason: RevocationReason | None = None
    user_agent: str | None = None
    ip_address: str | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether it still stands at ``now``."""
        return self.revoked_at is None and now < self.expires_at
