"""Whom the limits are for, and what each of them may do."""

import hashlib
from ipaddress import IPv4Address, IPv6Address, ip_network

from msgspec import Struct

from deeper_api.config.sections import LimitsConfig
from deeper_api.limits.buckets import Bucket
from deeper_auth import parse_email
from deeper_core import ApiKeyId, UserId, ValidationFailed

# What one customer of a provider has at least, and can choose any address of: RFC 6177.
_IPV6_PREFIX = 64
_MINUTE, _HOUR = 60, 3_600

Address = IPv4Address | IPv6Address


class Request(Struct, frozen=True, kw_only=True):
    """What a request takes: from which buckets, and whose they are."""

    caller: str
    buckets: tuple[Bucket, ...]


class Policy:
    """The limits of a configuration."""

    def __init__(self, config: LimitsConfig) -> None:
        self._anonymous = _bucket("anonymous", config.anonymous_burst, config.anonymous_per_minute, _MINUTE)
        self._user = _bucket("user", config.user_burst, config.user_per_minute, _MINUTE)
        self._key = _bucket("key", config.key_burst, config.key_per_minute, _MINUTE)
        self._passwords = _bucket("passwords", config.password_burst, config.password_per_minute, _MINUTE)
        self._login = _bucket("login", config.login_burst, config.login_per_hour, _HOUR)

    def of_address(self, address: Address | None, *, password: bool = False) -> Request:
        """Return what a request takes of which only the address is known; ``password`` says that it tries one."""
        buckets = (self._anonymous, self._passwords) if password else (self._anonymous,)
        return Request(caller=f"address:{network(address)}", buckets=buckets)

    def of_user(self, user_id: UserId, *, password: bool = False) -> Request:
        """Return what a request of a user who signed in takes; ``password`` says that it tries one."""
        buckets = (self._user, self._passwords) if password else (self._user,)
        return Request(caller=f"user:{user_id}", buckets=buckets)

    def of_key(self, key_id: ApiKeyId) -> Request:
        """Return what a request with an API key takes."""
        return Request(caller=f"key:{key_id}", buckets=(self._key,))

    def of_login(self, email: str, address: Address | None, *, back: bool = False) -> Request:
        """Return what a try to sign in takes of the account, or what one that succeeded gives ``back``.

        It is the account as seen from one address, so that nobody can lock its owner out.
        """
        # Redis is no place for addresses of people.
        digest = hashlib.sha256(f"{_key(email)} {network(address)}".encode("utf-8", "replace")).hexdigest()
        bucket = Bucket(
            name=self._login.name,
            capacity=self._login.capacity,
            per_second=self._login.per_second,
            cost=-1 if back else 1,
        )
        return Request(caller=f"login:{digest[:32]}", buckets=(bucket,))


def network(address: Address | None) -> str:
    """Return by what an address is known: IPv4 as a whole, IPv6 by the part that its owner did not choose."""
    match address:
        case None:
            return "unknown"
        case IPv4Address():
            return str(address)
        case IPv6Address():
            return str(ip_network((int(address), _IPV6_PREFIX), strict=False))


def _bucket(name: str, burst: int, quota: int, seconds: int) -> Bucket:
    return Bucket(name=name, capacity=burst, per_second=quota / seconds)


def _key(email: str) -> str:
    try:
        return parse_email(email).key
    except ValidationFailed:
        return email.strip().casefold()  # nobody has it, and still it is the same one again
