import contextlib
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_auth import (
    KeyRing,
    ManualClock,
    MemorySessionStore,
    RefreshCookie,
    SessionPolicy,
    SessionService,
    TokenPair,
)
from deeper_core import Forbidden, InvalidRefreshToken, UserId, new_id

HOST = {"cookie": "__Host-refresh=token", "host": "chat.example.org"}


@pytest.fixture
def cookie() -> RefreshCookie:
    return RefreshCookie(allowed_origins=("https://app.example.org",))


@pytest.fixture
async def pair() -> TokenPair:
    policy = SessionPolicy(idle=timedelta(days=14), absolute=timedelta(days=3))
    return await SessionService.over(MemorySessionStore(clock=ManualClock()), KeyRing("c" * 32), policy).open(
        UserId(new_id())
    )


def test_the_cookie_is_for_this_host_over_tls_and_for_no_script(cookie: RefreshCookie, pair: TokenPair):
    morsel = SimpleCookie(cookie.set(pair))["__Host-refresh"]
    assert morsel.value == pair.refresh_token
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "Strict")
    assert (morsel["path"], morsel["domain"]) == ("/", "")


def test_the_cookie_lives_as_long_as_the_session_may(cookie: RefreshCookie, pair: TokenPair):
    assert SimpleCookie(cookie.set(pair))["__Host-refresh"]["max-age"] == str(3 * 86_400)


def test_clearing_names_the_same_cookie_and_ends_it_at_once(cookie: RefreshCookie, pair: TokenPair):
    cleared, kept = (SimpleCookie(text)["__Host-refresh"] for text in (cookie.clear(), cookie.set(pair)))
    assert (cleared.value, cleared["max-age"]) == ("", "0")
    for attribute in ("path", "domain", "secure", "httponly", "samesite"):
        assert cleared[attribute] == kept[attribute]


def test_what_was_set_is_read(cookie: RefreshCookie, pair: TokenPair):
    sent = cookie.set(pair).partition(";")[0]
    for header in (sent, f"a=1; {sent}", f"{sent};b=2", f'x="y; z"; {sent}; b'):
        assert cookie.read({"cookie": header}) == pair.refresh_token


@pytest.mark.parametrize("name", ["refresh", "__Secure-refresh", "__host-refresh", ""])
def test_a_name_that_another_host_could_set_is_refused(name: str):
    with pytest.raises(ValueError, match="__Host-"):
        RefreshCookie(name)


@pytest.mark.parametrize(
    "header", [None, "", ";", "refresh=x", "__Host-refresh", "__Host-refresh=", "__host-refresh=x", "x__Host-refresh=x"]
)
def test_without_the_cookie_there_is_no_token(cookie: RefreshCookie, header: str | None):
    with pytest.raises(InvalidRefreshToken):
        cookie.read({} if header is None else {"cookie": header})


@given(st.text())
def test_any_header_gets_an_answer(header: str):
    with contextlib.suppress(InvalidRefreshToken):
        assert RefreshCookie().read({"cookie": header})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin", "origin": "https://chat.example.org"},
        {"origin": "https://chat.example.org"},
        {"sec-fetch-site": "same-site", "origin": "https://app.example.org"},
        {"origin": "https://app.example.org"},
    ],
)
def test_own_pages_allowed_pages_and_programs_may_use_the_cookie(cookie: RefreshCookie, headers: dict[str, str]):
    assert cookie.read(HOST | headers) == "token"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": ""},
        {"sec-fetch-site": "cross-site", "origin": "https://chat.example.org"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "https://chat.example.org.evil.example"},
        {"origin": "https://app.example.org.evil.example"},
        {"origin": "https://chat.example.org:8443"},
    ],
)
def test_pages_of_others_may_not(cookie: RefreshCookie, headers: dict[str, str]):
    with pytest.raises(Forbidden):
        cookie.read(HOST | headers)


def test_a_page_without_an_origin_is_not_that_of_a_server_without_a_host(cookie: RefreshCookie):
    with pytest.raises(Forbidden):
        cookie.read({"cookie": "__Host-refresh=token", "origin": "null", "host": ""})


def test_a_page_without_an_origin_is_not_that_of_a_server_of_that_name(cookie: RefreshCookie):
    with pytest.raises(Forbidden, match=r"^This page's origin may not use the session cookie\.$"):
        cookie.read({"cookie": "__Host-refresh=token", "origin": "null", "host": "null"})


@pytest.mark.parametrize("value", ["a=b", "=", "token\t", "tokenX"])
def test_what_the_cookie_holds_is_read_as_it_is(cookie: RefreshCookie, value: str):
    assert cookie.read({"cookie": f"a=1; __Host-refresh={value}; b=2"}) == value
