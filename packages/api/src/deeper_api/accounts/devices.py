"""Where a request comes from."""

from msgspec import Struct


class Device(Struct, frozen=True, kw_only=True):
    """What a client tells of itself, for the list of sessions and for the audit trail."""

    user_agent: str | None
    ip_address: str | None
