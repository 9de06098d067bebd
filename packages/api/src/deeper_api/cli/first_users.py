"""The account that the first start of ``deeper dev`` makes, so that there is somebody to sign in as."""

from pathlib import Path

import msgspec
from msgspec import Struct

FIRST_USER_FILE = "first-user.json"
# A name that nobody else can have (RFC 2606 section 3).
FIRST_USER_EMAIL = "admin@example.com"


class FirstUser(Struct, frozen=True, kw_only=True):
    """Whom to sign in."""

    email: str
    password: str


def read_first_user(file: Path) -> FirstUser | None:
    """Return what the first start wrote into ``file``, if it is there."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=FirstUser)
    except (OSError, msgspec.DecodeError):
        return None
