"""Whose word on a client's address is taken."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import HTTPScope
from msgspec.structs import replace

from deeper_api.middleware.addresses import Address, client_address, parse_address, parse_networks
from deeper_model import ScriptedProvider
from tests.fakes.exchanges import sign_up
from tests.fixtures.applications import application, config_for

PROXIES = parse_networks(("10.0.0.0/8", "2001:db8::/32", "127.0.0.1"))


def found(peer: str | None, *lines: str) -> Address | None:
    headers = [(b"host", b"x"), *[(b"x-forwarded-for", line.encode("latin-1")) for line in lines]]
    client = None if peer is None else (peer, 1)
    return client_address(cast("HTTPScope", {"client": client, "headers": headers}), PROXIES)


@pytest.mark.parametrize(
    ("peer", "lines", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.2", ["198.51.100.1"], "127.0.0.2"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1,198.51.100.1 ,\t10.2.3.4"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1", "10.2.3.4"], "198.51.100.1"),
        ("10.0.0.1", ["10.9.9.9, 10.2.3.4"], "10.9.9.9"),
        ("2001:db8::1", ["2001:DB9::0:1"], "2001:db9::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("fe80::1%eth0", [], "fe80::1"),
    ],
)
def test_the_right_most_hop_that_is_no_trusted_proxy_is_the_client(peer: str, lines: list[str], address: str):
    assert found(peer, *lines) == ip_address(address)


@pytest.mark.parametrize(
    "garbage",
    ["", "unknown", "not-an-ip:80", "1.2.3", "1.2.3.4:80", "[::1]", "01.2.3.4", "fe80::1%x", "é", "1" * 9_000],
)
def test_what_is_no_address_is_ignored_with_all_that_is_left_of_it(garbage: str):
    assert found("10.0.0.1", f"198.51.100.1, {garbage}") == ip_address("10.0.0.1")
    assert found("10.0.0.1", f"198.51.100.1, {garbage}, 10.0.0.2") == ip_address("10.0.0.2")
    assert found("10.0.0.1", f"{garbage}, 198.51.100.1") == ip_address("198.51.100.1")


def test_of_thousands_of_hops_only_the_nearest_are_looked_at():
    assert found("10.0.0.1", ", ".join(["1.1.1.1"] + ["10.0.0.1"] * 3_000)) == ip_address("10.0.0.1")
    assert found("10.0.0.1", *["1.1.1.1"], *["10.0.0.1"] * 3_000) == ip_address("10.0.0.1")


def test_a_connection_without_an_address_has_none():
    assert found(None, "198.51.100.1") is None
    assert found("/run/deeper.sock", "198.51.100.1") is None


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_of_a_client_changes_what_a_trusted_proxy_says(forged: str):
    assert found("10.0.0.1", f"{forged}, 198.51.100.1") == ip_address("198.51.100.1")
    assert found("10.0.0.1", forged, "198.51.100.1") == ip_address("198.51.100.1")
    assert found("192.0.2.1", forged) == ip_address("192.0.2.1")


@given(st.ip_addresses())
def test_every_address_is_understood(address: IPv4Address | IPv6Address):
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped
    assert parse_address(str(address)) == (mapped or address)


@pytest.mark.parametrize("wrong", ["", "x", "10.0.0.1/8", "10.0.0.0/33", "::/129"])
def test_what_is_no_network_is_refused(wrong: str):
    with pytest.raises(ValueError, match=r".*"):
        parse_networks((wrong,))


async def shown(accounts_url: str, trusted: tuple[str, ...], header: str) -> str:
    """The address that the list of sessions shows of one who signs in with this header."""
    config = config_for(accounts_url)
    config = replace(config, server=replace(config.server, trusted_proxies=trusted))
    async with application(config, ScriptedProvider()) as client:
        account = await sign_up(client)
        login = {"email": account.email, "password": account.password}
        reply = await client.post("/v1/auth/login", login, headers={"x-forwarded-for": header})
        (session, _) = (await client.as_user(reply.json()["access_token"]).get("/v1/auth/sessions")).json()
        return session["ip_address"]


async def test_a_session_shows_the_address_that_a_trusted_proxy_gives(accounts_url: str):
    assert await shown(accounts_url, ("192.0.2.0/24",), "203.0.113.9, 198.51.100.1") == "198.51.100.1"


async def test_a_session_shows_no_address_that_anybody_else_gives(accounts_url: str):
    assert await shown(accounts_url, ("10.0.0.0/8",), "198.51.100.1") == "192.0.2.7"
