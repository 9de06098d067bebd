"""Accounts: who may sign in, and as what."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from deeper_core.ids import UserId


class Role(StrEnum):
    """What an account may do."""

    USER = "user"
    ADMIN = "admin"


class KeyScope(StrEnum):
    """What an API key is for. Whoever may chat may also read."""

    CHAT = "chat"
    READ = "read"


class User(Struct, frozen=True, kw_only=True):
    """An account as its owner sees it.

    ``email`` is spelled as it was given at sign-up; uniqueness is decided on a normalised form kept elsewhere.
    ``disabled_at`` is the moment from which the account may no longer sign in, or None.
    """

    id: UserId
    email: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None = None
