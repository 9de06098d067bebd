"""A small HTTP client, the same for an application in this process and for a server behind a socket.

`Client.call` is for a request and its whole reply; `Client.open` for one that streams, or that is left in the middle.
"""

import abc
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

Json: TypeAlias = dict[str, Any]
_NO_JSON = object()


@dataclass(frozen=True)
class Reply:
    """A whole response; the names of ``headers`` are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for given, value in self.headers if given == name]

    def header(self, name: str) -> str | None:
        """The value of a header that comes once at most."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came more than once: {values}"
        return values[0] if values else None


class Exchange(abc.ABC):
    """One request that was sent, and the response as it arrives."""

    @abc.abstractmethod
    async def head(self) -> Reply:
        """Wait for status and headers; the body of this reply is empty."""

    @abc.abstractmethod
    async def read(self) -> bytes:
        """Wait for the next bytes of the body; none at its end."""

    @abc.abstractmethod
    def leave(self) -> None:
        """Close the connection now, whatever phase the exchange is in."""

    async def read_until(self, wanted: bytes) -> bytes:
        """Read until the bytes read contain ``wanted``; fail if the body ends before."""
        body = b""
        while wanted not in body:
            piece = await self.read()
            assert piece, f"the body ended: {body!r}"
            body += piece
        return body

    async def rest(self) -> bytes:
        """Read to the end of the body."""
        pieces: list[bytes] = []
        while piece := await self.read():
            pieces.append(piece)
        return b"".join(pieces)


class Client(abc.ABC):
    """Sends requests; its ``token``, where there is one, goes with each of them."""

    token: str | None = None

    @abc.abstractmethod
    def send(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes | list[bytes]
    ) -> AbstractAsyncContextManager[Exchange]:
        """Send exactly this; a list of bytes goes without a length, as chunks."""

    @abc.abstractmethod
    def as_user(self, token: str | None) -> "Client":
        """Return a client of the same server that sends ``token``."""

    def open(
        self,
        method: str,
        path: str,
        sent: object = _NO_JSON,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | list[bytes] = b"",
    ) -> AbstractAsyncContextManager[Exchange]:
        """Send a request with ``sent`` as JSON, or with ``body`` as it is; leaves when the context ends."""
        given = {name.lower(): value for name, value in (headers or {}).items()}
        if self.token is not None:
            given.setdefault("authorization", f"Bearer {self.token}")
        if sent is not _NO_JSON:
            body = json.dumps(sent).encode()
            given.setdefault("content-type", "application/json")
        if isinstance(body, list):
            given.setdefault("transfer-encoding", "chunked")
        elif body:
            given.setdefault("content-length", str(len(body)))
        return self.send(method, path, list(given.items()), body)

    async def call(
        self,
        method: str,
        path: str,
        sent: object = _NO_JSON,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | list[bytes] = b"",
    ) -> Reply:
        """Send a request as `open` does, and return the whole reply."""
        async with self.open(method, path, sent, headers=headers, body=body) as exchange:
            head = await exchange.head()
            return Reply(head.status, head.headers, await exchange.rest())

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.call("GET", path, **more)

    async def post(self, path: str, sent: object = _NO_JSON, **more: Any) -> Reply:
        return await self.call("POST", path, sent, **more)

    async def put(self, path: str, sent: object = _NO_JSON, **more: Any) -> Reply:
        return await self.call("PUT", path, sent, **more)

    async def delete(self, path: str, sent: object = _NO_JSON, **more: Any) -> Reply:
        return await self.call("DELETE", path, sent, **more)


@dataclass(frozen=True)
class Account:
    """Somebody who signed up; ``client`` sends the access token of that session."""

    client: Client
    user: Json
    email: str
    password: str
    access_token: str
    refresh_token: str

    async def log_in(self) -> "Account":
        """Sign in once more, as from another device."""
        reply = await self.client.as_user(None).post("/v1/auth/login", {"email": self.email, "password": self.password})
        assert reply.status == 200, reply
        return _account(self.client, reply, self.email, self.password)


def credentials() -> Json:
    """An address and a password that nobody else has."""
    return {"email": f"someone-{uuid4().hex}@example.com", "password": f"a password {uuid4().hex}"}


async def sign_up(client: Client) -> Account:
    """Make an account of its own."""
    given = credentials()
    reply = await client.as_user(None).post("/v1/auth/signup", given)
    assert reply.status == 201, reply
    return _account(client, reply, given["email"], given["password"])


def _account(client: Client, reply: Reply, email: str, password: str) -> Account:
    body = reply.json()
    return Account(
        client=client.as_user(body["access_token"]),
        user=body["user"],
        email=email,
        password=password,
        access_token=body["access_token"],
        refresh_token=body["refresh_token"],
    )


Frame: TypeAlias = tuple[int | None, str, Json]
"""Id, name and data of an event; a few have no id."""


def sse_frames(body: bytes) -> list[Frame]:
    """The frames of a stream of server-sent events as (id, event, data); comments are left out."""
    frames: list[Frame] = []
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            fields = dict(line.split(": ", 1) for line in lines)
            assert {*fields, "id"} == {"data", "event", "id"}, block
            number = int(fields["id"]) if "id" in fields else None
            frames.append((number, fields["event"], json.loads(fields["data"])))
    return frames


def ndjson_frames(body: bytes) -> list[Frame]:
    """The frames of a stream of lines in the form of `sse_frames`."""
    lines = [json.loads(line) for line in body.splitlines() if line]
    return [(line.pop("id", None), line["event"], line) for line in lines]
