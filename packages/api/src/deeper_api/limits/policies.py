"""Whom the limits are for, and what each of them may do."""

import hashlib
from ipaddress import IPv4Address, IPv6Address, ip_network

from msgspec import Struct
from msgspec.structs import replace

from deeper_api.config.sections import LimitsConfig
from deeper_api.limits.buckets import Bucket
from deeper_auth import parse_email
from deeper_core import ApiKeyId, SessionId, UserId, ValidationFailed

# What one customer of a provider has at least, and can choose any address of: RFC 6177.
_IPV6_PREFIX = 64
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# For wrong passwords: how many times ``login_tries`` there may be at once, and the seconds in which they all come back.
# The smallest bucket is empty first and fills fastest. So with the default of 5, each try after the fifth takes 3
# minutes, later 6, then 72: who mistypes waits for minutes, and who guesses gets 20 a day in the end.
_LOGIN = (("login", 1, 15 * _MINUTE), ("login-hour", 2, _HOUR), ("login-day", 4, _DAY))

# Buckets of tokens of models, by the names of their kinds.
_USER_TOKENS, _KEY_TOKENS = "tokens", "key-tokens"

Address = IPv4Address | IPv6Address


class Request(Struct, frozen=True, kw_only=True):
    """What a request takes: from which buckets, and whose they are."""

    caller: str
    buckets: tuple[Bucket, ...]

    def beside(self, other: "Request") -> "Request":
        """Return what both take of the same caller."""
        return Request(caller=self.caller, buckets=self.buckets + other.buckets)


class Policy:
    """The limits of a configuration."""

    def __init__(self, config: LimitsConfig) -> None:
        self._anonymous = _bucket("anonymous", config.anonymous_burst, config.anonymous_per_minute, _MINUTE)
        self._user = _bucket("user", config.user_burst, config.user_per_minute, _MINUTE)
        self._key = _bucket("key", config.key_burst, config.key_per_minute, _MINUTE)
        self._user_tokens = _tokens(_USER_TOKENS, config.user_tokens_per_day)
        self._key_tokens = _tokens(_KEY_TOKENS, config.key_tokens_per_day)
        self._passwords = _bucket("passwords", config.password_burst, config.password_per_minute, _MINUTE)
        tries = config.login_tries
        self._login = tuple(_bucket(name, tries * times, tries * times, seconds) for name, times, seconds in _LOGIN)

    def of_address(self, address: Address | None, *, password: bool = False) -> Request:
        """Return what a request takes of which only the address is known; ``password`` says that it tries one."""
        buckets = (self._anonymous, self._passwords) if password else (self._anonymous,)
        return Request(caller=f"address:{network(address)}", buckets=buckets)

    def of_user(self, user_id: UserId, *, password: bool = False) -> Request:
        """Return what a request of a user who signed in takes; ``password`` says that it tries one."""
        buckets = (self._user, self._passwords) if password else (self._user,)
        return Request(caller=f"user:{user_id}", buckets=buckets)

    def of_key(self, key_id: ApiKeyId, user_id: UserId) -> Request:
        """Return what a request with an API key takes: of the key, and of its user.

        Or else whoever makes many keys could ask many times as often. What stands behind the colon of a bucket's name
        tells it from others of its kind.
        """
        key = replace(self._key, name=f"{self._key.name}:{key_id}")
        return Request(caller=f"user:{user_id}", buckets=(key, self._user))

    def of_tokens(
        self, user_id: UserId, key_id: ApiKeyId | None, spent: int | None = None, *, per_day: int | None = None
    ) -> Request:
        """Return what tokens of models take of a user and a key: as many as were ``spent``, or the right to spend any.

        How many an answer takes is known when it has ended. So whoever owes nothing may begin one. ``per_day`` is what
        this user may have instead of what the configuration says. It is a bucket of its own, so that nobody who is
        given more has to wait for what is owed to the former one.
        """
        own = self._user_tokens if per_day is None else _tokens(f"{_USER_TOKENS}:{per_day}", per_day)
        buckets = list(own)
        if key_id is not None:
            buckets += [replace(bucket, name=f"{bucket.name}:{key_id}") for bucket in self._key_tokens]
        if spent is not None:
            buckets = [replace(bucket, cost=spent, overdue=True) for bucket in buckets]
        return Request(caller=f"user:{user_id}", buckets=tuple(buckets))

    def of_login(self, email: str, address: Address | None, *, back: bool = False) -> Request:
        """Return what a try of a password takes of the account, or what one that was right gives ``back``.

        It is the account as seen from one address, so that nobody can lock its owner out.
        """
        # Redis is no place for addresses of people.
        digest = hashlib.sha256(f"{_key(email)} {network(address)}".encode("utf-8", "replace")).hexdigest()
        return Request(caller=f"login:{digest[:32]}", buckets=self._tries(back=back))

    def of_session(self, session_id: SessionId, *, back: bool = False) -> Request:
        """Return what a try of a password takes of the session in which it is made, likewise.

        Whoever stole its token may have many addresses, and its owner can sign in to another session.
        """
        return Request(caller=f"session:{session_id}", buckets=self._tries(back=back))

    def _tries(self, *, back: bool) -> tuple[Bucket, ...]:
        return tuple(replace(bucket, cost=-1) for bucket in self._login) if back else self._login


def are_tokens(bucket: Bucket) -> bool:
    """Tell whether what the bucket has are tokens of models, and not requests."""
    return bucket.name.partition(":")[0] in {_USER_TOKENS, _KEY_TOKENS}


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


def _tokens(name: str, a_day: int) -> tuple[Bucket, ...]:
    """Return the bucket of a day's tokens, if they are limited; nobody owes more than those of a week."""
    if a_day == 0:
        return ()
    return (Bucket(name=name, capacity=a_day, per_second=a_day / _DAY, cost=0, debt=6 * a_day),)


def _key(email: str) -> str:
    try:
        return parse_email(email).key
    except ValidationFailed:
        return email.strip().casefold()  # nobody has it, and still it is the same one again
