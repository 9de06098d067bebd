"""What has to be tidied up from time to time."""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final

from deeper_api.store.api_keys import ApiKeyStore
from deeper_api.store.audits import AuditStore
from deeper_api.tasks import regularly
from deeper_auth import SessionStore

# Long enough for somebody to ask why a session or a key ended, short enough to keep the table small.
_KEPT: Final = timedelta(days=7)
# Half a year: an attack is often noticed late.
_AUDIT_KEPT: Final = timedelta(days=180)
# Of each kind. Of about 300 bytes each: all kinds together stay under half a gigabyte, whatever anybody does.
_AUDIT_MOST: Final = 100_000
_PAUSE_SECONDS: Final = 3_600.0


def forgetting_ended_sessions(
    store: SessionStore, *, pause: float = _PAUSE_SECONDS
) -> AbstractAsyncContextManager[None]:
    """Drop sessions that ended a week ago, now and every ``pause`` seconds for as long as the context lasts."""
    return regularly(lambda: store.forget_ended(_KEPT), pause=pause, name="forget ended sessions")


def forgetting_revoked_keys(store: ApiKeyStore, *, pause: float = _PAUSE_SECONDS) -> AbstractAsyncContextManager[None]:
    """Drop API keys that were revoked a week ago, likewise."""
    return regularly(lambda: store.forget_revoked(_KEPT), pause=pause, name="forget revoked API keys")


def forgetting_old_events(store: AuditStore, *, pause: float = _PAUSE_SECONDS) -> AbstractAsyncContextManager[None]:
    """Drop what the audit trail has kept for 180 days, and the oldest of what it has too much of, likewise."""
    return regularly(lambda: store.forget(_AUDIT_KEPT, _AUDIT_MOST), pause=pause, name="forget old audit events")
