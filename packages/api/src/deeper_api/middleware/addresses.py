"""Which address a request comes from: the connection's, or what proxies that we trust say of it.

A proxy appends the address of whoever called it to ``X-Forwarded-For``. So the header is believed from its right end
leftwards, for as long as it was a trusted proxy that wrote it; everything further left may be made up by the client.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from litestar.types import HTTPScope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Nobody has as many proxies; a header may name thousands.
_HOPS = 16
# An IPv6 address with an IPv4 address at its end has no more characters.
_ADDRESS_CHARACTERS = 45
# To spell one out costs as much as a route. Most requests come by the same few proxies.
_REMEMBERED = 1024


def client_address(scope: HTTPScope, trusted: Sequence[Network]) -> Address | None:
    """Return the address of the right-most hop that is not in ``trusted``; None if the connection has none.

    What is no address ends the search: the proxy that passed it on is then as far as we know.
    """
    peer = scope["client"]
    found = peer and parse_address(peer[0].partition("%")[0])
    if not found or not _is_in(found, trusted):
        return found or None
    for hop in _hops(scope):
        address = parse_address(hop)
        if address is None:
            break
        found = address
        if not _is_in(address, trusted):
            break
    return found


def parse_address(text: str) -> Address | None:
    """Return the address that ``text`` spells; an IPv4 address inside an IPv6 one as what it is."""
    return None if len(text) > _ADDRESS_CHARACTERS or "%" in text else _parse(text)


@lru_cache(_REMEMBERED)
def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks that ``texts`` spell, each an address or a CIDR.

    Raises:
        ValueError: one of them is neither, or has bits set behind its prefix.
    """
    return tuple(map(ip_network, texts))


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _hops(scope: HTTPScope) -> list[str]:
    """Return what ``X-Forwarded-For`` says, from the right; several lines are one list (RFC 9110 section 5.3)."""
    lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    hops: list[str] = []
    for line in reversed(lines):
        parts = line.decode("latin-1").rsplit(",", _HOPS)
        hops += [part.strip(" \t") for part in reversed(parts)]
        if len(hops) >= _HOPS:
            break
    return hops[:_HOPS]
