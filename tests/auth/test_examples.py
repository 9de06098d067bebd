"""The examples, run as their readers would run them: a server, and clients at a socket."""

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from deeper_auth import conformance

# Not where the library is installed alone.
servers = pytest.importorskip("tests.fakes.server", reason="the examples are in the repository")

PACKAGE = Path(__file__).parents[2] / "packages" / "auth"
EXAMPLES = PACKAGE / "examples"
README = PACKAGE / "README.md"
PASSWORD = "correct horse battery staple"
NAMES = iter(range(1_000_000))


class Reply:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.cookie = response.getheader("set-cookie")
        raw = response.read()
        self.body: Any = json.loads(raw) if raw else None


class Client:
    """A device; ``call`` sends what it is told and keeps nothing but its access token."""

    def __init__(self, port: int, name: str = "device") -> None:
        self.port = port
        self.name = name
        self.token = ""

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers |= {"user-agent": self.name} | ({"authorization": f"Bearer {self.token}"} if self.token else {})
        if body is not None:
            headers["content-type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def enter(self, path: str, email: str, *, cookie: bool = False) -> Reply:
        """Sign up or in, as somebody who does it right."""
        reply = self.call("POST", path, {"email": email, "password": PASSWORD, "cookie": cookie})
        assert reply.status in {200, 201}, reply.body
        self.token = reply.body["access_token"]
        return reply

    def refresh(self, token: str) -> Reply:
        return self.call("POST", "/refresh", {"refresh_token": token})

    @property
    def is_in(self) -> bool:
        return self.call("GET", "/devices").status == 200


def new_email() -> str:
    return f"somebody-{next(NAMES)}@example.org"


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module", params=["asgi_app", "litestar_app"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server that runs the example, and that ends well."""
    port: int = servers.free_port()
    command = [sys.executable, "-W", "error", "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1"]
    process = subprocess.Popen([*command, "--port", str(port), f"{request.param}:app"], cwd=EXAMPLES)
    try:
        deadline = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def client(port: int) -> Client:
    return Client(port)


def test_an_example_is_a_page_or_two_and_uses_public_names_only():
    for path in EXAMPLES.glob("*.py"):
        text = path.read_text("utf-8")
        assert len(text.splitlines()) < 120, path.name
        assert "deeper_auth." not in text, path.name


def test_who_signs_up_is_in(client: Client):
    reply = client.enter("/signup", new_email())
    assert (reply.body["token_type"], reply.body["expires_in"]) == ("Bearer", 600)
    assert [device["current"] for device in client.call("GET", "/devices").body] == [True]


def test_nobody_is_in_without_a_token(client: Client):
    assert not client.is_in
    client.token = "nonsense"
    assert not client.is_in


@pytest.mark.parametrize("password", ["short", "password", "x" * 2_000])
def test_a_password_that_may_not_be_chosen_is_refused(client: Client, password: str):
    assert client.call("POST", "/signup", {"email": new_email(), "password": password}).status == 400


@pytest.mark.parametrize("body", [{}, [], {"email": "nobody"}, {"email": 1, "password": PASSWORD}])
def test_a_body_that_makes_no_sense_is_refused(client: Client, body: object):
    assert client.call("POST", "/login", body).status == 400


def test_an_address_signs_up_once_however_it_is_written(client: Client):
    email = new_email()
    client.enter("/signup", email)
    assert client.call("POST", "/signup", {"email": email.upper(), "password": PASSWORD}).status == 409


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: Client):
    email = new_email()
    client.enter("/signup", email)
    wrong = client.call("POST", "/login", {"email": email, "password": PASSWORD + "!"})
    unknown = client.call("POST", "/login", {"email": new_email(), "password": PASSWORD})
    assert (wrong.status, wrong.body) == (unknown.status, unknown.body)
    assert wrong.status == 401


def test_a_refresh_gives_new_tokens_and_asked_again_the_same_successor(client: Client):
    first = client.enter("/signup", new_email()).body["refresh_token"]
    second, again = client.refresh(first), client.refresh(first)
    assert (second.status, again.status) == (200, 200)
    assert first != second.body["refresh_token"] == again.body["refresh_token"]
    client.token = second.body["access_token"]
    assert client.is_in


def test_a_token_that_was_replaced_long_ago_ends_the_session(client: Client):
    first = client.enter("/signup", new_email()).body["refresh_token"]
    second = client.refresh(first).body["refresh_token"]
    third = client.refresh(second).body["refresh_token"]
    assert client.refresh(first).status == 401
    assert client.refresh(third).status == 401
    assert not client.is_in


def test_a_browser_gets_the_refresh_token_where_no_script_can_read_it(client: Client):
    reply = client.enter("/signup", new_email(), cookie=True)
    assert "refresh_token" not in reply.body
    morsel = SimpleCookie(reply.cookie)["__Host-refresh"]
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, True, "Strict", "/")
    assert morsel["domain"] == ""
    assert int(morsel["max-age"]) == 14 * 86_400


def cookie_of(reply: Reply) -> Mapping[str, str]:
    assert reply.cookie is not None
    return {"cookie": "theme=dark; " + reply.cookie.partition(";")[0]}


def test_a_browser_refreshes_by_its_cookie(client: Client):
    first = client.enter("/signup", new_email(), cookie=True)
    second = client.call("POST", "/refresh", sec_fetch_site="same-origin", **cookie_of(first))
    assert second.status == 200
    assert "refresh_token" not in second.body
    assert cookie_of(second) != cookie_of(first)
    client.token = second.body["access_token"]
    assert client.is_in


def test_the_page_of_another_site_cannot_refresh(client: Client):
    first = client.enter("/signup", new_email(), cookie=True)
    assert client.call("POST", "/refresh", sec_fetch_site="cross-site", **cookie_of(first)).status == 403
    assert client.call("POST", "/refresh", origin="https://evil.example", **cookie_of(first)).status == 403


def test_without_a_cookie_or_a_body_nothing_is_refreshed(client: Client):
    assert client.call("POST", "/refresh").status == 401


def test_signing_out_ends_the_session_and_clears_the_cookie(client: Client):
    first = client.enter("/signup", new_email(), cookie=True)
    done = client.call("POST", "/logout")
    assert (done.status, done.body) == (204, None)
    assert SimpleCookie(done.cookie)["__Host-refresh"]["max-age"] == "0"
    assert not client.is_in
    assert client.call("POST", "/refresh", **cookie_of(first)).status == 401


def test_one_device_signs_another_one_out(client: Client, port: int):
    email, phone = new_email(), Client(port, "phone")
    client.enter("/signup", email)
    token = phone.enter("/login", email).body["refresh_token"]
    listed = client.call("GET", "/devices").body
    assert [device["user_agent"] for device in listed] == ["phone", "device"]
    assert client.call("DELETE", f"/devices/{listed[0]['id']}").status == 204
    assert not phone.is_in
    assert phone.refresh(token).status == 401
    assert client.is_in
    assert client.call("DELETE", f"/devices/{listed[0]['id']}").status == 404


def test_nobody_signs_out_the_device_of_another(client: Client, port: int):
    client.enter("/signup", new_email())
    stranger = Client(port)
    stranger.enter("/signup", new_email())
    session_id = client.call("GET", "/devices").body[0]["id"]
    assert stranger.call("DELETE", f"/devices/{session_id}").status == 404
    assert client.is_in


def test_what_is_not_there_is_not_found(client: Client):
    client.enter("/signup", new_email())
    assert client.call("GET", "/nothing").status == 404


def run_the_suite_of_the_readme(folder: Path, store: str) -> str:
    """Run the README's test module over a store, without a plugin for asyncio; return what pytest says at the end."""
    (folder / "sqlite_store.py").write_text(store, "utf-8")
    (folder / "test_store.py").write_text(re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)[1])
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio", "-p", "no:cacheprovider"]
    # Else pytest closes the folder that all runs share to PostgreSQL's user.
    command += ["--basetemp", str(folder / "temporary")]
    done = subprocess.run(
        [*command, "test_store.py"], cwd=folder, capture_output=True, text=True, check=False, timeout=100
    )
    return done.stdout.splitlines()[-1]


def test_the_store_of_the_readme_conforms(tmp_path: Path):
    store = (EXAMPLES / "sqlite_store.py").read_text("utf-8")
    assert re.fullmatch(rf"{len(conformance.CASES)} passed in .*", run_the_suite_of_the_readme(tmp_path, store))
