"""Nothing that is secret or said in confidence gets into the log of a server, whatever goes wrong there."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from deeper_api.store import migrations
from deeper_model.conformance import Peer
from tests.api.routes.test_table import DOCUMENT, NOBODYS_ID, TABLE, call
from tests.fakes.exchanges import Account, Client, Json, Reply
from tests.fakes.http import HttpClient, open_client
from tests.fixtures.postgres import OwnPostgres, ignore_progress
from tests.fixtures.servers import Backend, StartServer

JWT_SECRET = uuid4().hex + uuid4().hex
MODEL_KEY = f"sk-{uuid4().hex}"


class Secrets:
    """Texts that are found again wherever they get to, and what the server gave out."""

    def __init__(self) -> None:
        self.all = {"the secret of the tokens": JWT_SECRET, "the key of the model server": MODEL_KEY}

    def new(self, name: str) -> str:
        """Return a secret of this name."""
        return self.all.setdefault(name, f"canary{uuid4().hex}")

    def keep(self, reply: Reply) -> Reply:
        """Remember the tokens of a reply: each part that nobody may know."""
        body = reply.json() if reply.status < 300 and reply.body.startswith(b"{") else {}
        for name in ("access_token", "refresh_token", "key"):
            if token := body.get(name):
                self.all[f"{name} {len(self.all)}"] = token[-20:]
        return reply

    def found_in(self, text: str) -> list[str]:
        """The lines of ``text`` in which one of them is, each with its name."""
        lines = text.splitlines()
        return [f"{name}: {line}" for name, secret in self.all.items() for line in lines if secret in line]


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def server(start_server: StartServer, own_postgres: OwnPostgres) -> Backend:
    """A server that tells all that it ever tells."""
    migrations.apply(own_postgres.url, ignore_progress)
    return start_server(
        DEEPER_DB_URL=own_postgres.url,
        DEEPER_LOG_LEVEL="debug",
        DEEPER_SERVER_DRAIN_SECONDS="1",
        DEEPER_JWT_SECRET=JWT_SECRET,
        DEEPER_OPENAI_API_KEY=MODEL_KEY,
    )


@pytest.fixture
async def client(server: Backend) -> AsyncGenerator[HttpClient]:
    async with open_client(server.url) as client:
        yield client


async def sign_up(client: Client, secrets: Secrets) -> Account:
    given: Json = {"email": f"{secrets.new('address')}@example.com", "password": secrets.new("password")}
    body = secrets.keep(await client.post("/v1/auth/signup", given)).json()
    return Account(
        client=client.as_user(body["access_token"]),
        user=body["user"],
        email=given["email"],
        password=given["password"],
        access_token=body["access_token"],
        refresh_token=body["refresh_token"],
    )


class Model:
    """A model server that answers with secrets, and fails as the question says."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def play(self, peer: Peer) -> None:
        if not peer.request.path.endswith("/chat/completions"):
            await peer.reply(500, self._secrets.new("error of the model server").encode())
            return
        question = peer.request.body.decode()
        if "refuse" in question:
            error = {"error": {"message": self._secrets.new("refusal of the model server"), "code": "x"}}
            await peer.reply(400, json.dumps(error).encode())
            return
        await peer.stream_head("text/event-stream")
        if "garbage" in question:
            await peer.chunk(f"data: {{{self._secrets.new('garbage of the model server')}\n\n".encode())
        delta = {"choices": [{"index": 0, "delta": {"content": self._secrets.new("answer")}, "finish_reason": None}]}
        await peer.chunk(f"data: {json.dumps(delta)}\n\n".encode())
        if "cut" in question:
            peer.reset()
            return
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await peer.chunk(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
        await peer.chunk(b"")


def question(secrets: Secrets, text: str = "", **more: object) -> Json:
    content = f"{text} {secrets.new('question')}"
    return {"model": "m", "messages": [{"role": "user", "content": content}], **more}


async def sign_in_every_way(account: Account, secrets: Secrets) -> None:
    """Use what opens accounts, rightly and wrongly."""
    client, given = account.client.as_user(None), {"email": account.email, "password": account.password}
    for sent in (
        given,
        given | {"transport": "cookie"},
        given | {"password": secrets.new("wrong password")},
        given | {"email": f"{secrets.new('unknown address')}@example.com"},
        given | {"email": secrets.new("no address")},
        given | {"password": [secrets.new("password that is no text")]},
        given | {secrets.new("unknown field"): 1},
        given | {"password": secrets.new("password with NUL") + "\0"},
    ):
        secrets.keep(await client.post("/v1/auth/login", sent))
        secrets.keep(await client.post("/v1/auth/signup", sent))
    for header in ("Bearer {}", "Basic {}", "{}", "Bearer dsk_{}", "Bearer a.{}.c", "Bearer {}\u00e9"):
        for path in ("/v1/me", "/v1/models", "/nothing"):
            await client.get(path, headers={"authorization": header.format(secrets.new("authorization"))})
    cookie = {"cookie": f"__Host-deeper_refresh={secrets.new('cookie')}", "origin": f"https://{secrets.new('origin')}"}
    await client.post("/v1/auth/refresh", headers=cookie)
    await client.post("/v1/auth/refresh", {"refresh_token": secrets.new("refresh token")})
    first = secrets.keep(await client.post("/v1/auth/refresh", {"refresh_token": account.refresh_token})).json()
    secrets.keep(await client.post("/v1/auth/refresh", {"refresh_token": first["refresh_token"]}))
    change = {"current_password": secrets.new("wrong present password"), "new_password": secrets.new("new password")}
    await account.client.put("/v1/me/password", change)
    await account.client.delete("/v1/me", {"password": secrets.new("another wrong password")})


async def ask_every_way(account: Account, secrets: Secrets) -> None:
    """Ask, keep, search and change, rightly and wrongly."""
    client = account.client
    named = {"name": secrets.new("name of a key"), "scopes": ["chat"]}
    key = secrets.keep(await client.post("/v1/api-keys", named)).json()["key"]
    for asking in (client, client.as_user(key)):
        for how in ("", "refuse", "garbage", "cut"):
            for more in ({}, {"stream": False}, {"store": True}):
                await asking.post("/v1/chat", question(secrets, how, **more))
    await client.post("/v1/chat", question(secrets, options={secrets.new("unknown option"): 1}))
    await client.post("/v1/chat", question(secrets), headers={"idempotency-key": secrets.new("idempotency key")})
    (conversation, *_) = (await client.get("/v1/conversations")).json()["items"]
    path = f"/v1/conversations/{conversation['id']}"
    await client.call("PATCH", path, {"title": secrets.new("title")})
    for then in ("", "/messages", "/export", "/export?format=markdown"):
        await client.get(path + then)
    for query in (f"/v1/search?q={secrets.new('search')}", f"/v1/search?q=x&cursor={secrets.new('cursor')}"):
        await client.get(query)
    await client.post("/v1/conversations/import", DOCUMENT | {"title": secrets.new("imported title")})
    await client.get(f"/v1/conversations/{secrets.new('path')}")
    await client.get(f"/v1/generations/{NOBODYS_ID}/events", headers={"last-event-id": secrets.new("event id")})
    odd = {name: secrets.new(name) for name in ("user-agent", "x-forwarded-for", "referer", "accept")}
    await client.get("/v1/me", headers=odd)
    await client.call(
        "POST", "/v1/chat", body=secrets.new("body").encode(), headers={"content-type": "application/json"}
    )


async def call_every_route(account: Account) -> None:
    for (method, path), (sent, _, _) in TABLE.items():
        if path != "/v1/auth/logout":
            await call(account.client, method, path, sent)


def told(server: Backend) -> str:
    """All that the server has written, and with what its processes were started."""
    processes = [server.process.pid, *server.process.workers()]
    return server.process.output() + "".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in processes)


async def test_whatever_people_do_and_models_say_the_log_says_nothing_of_it(
    server: Backend, client: HttpClient, secrets: Secrets
):
    async with server.model(Model(secrets).play, looks=True):
        account = await sign_up(client, secrets)
        await ask_every_way(account, secrets)
        await call_every_route(account)
        await sign_in_every_way(account, secrets)
    statuses = {line["status"] for line in server.process.log("deeper.requests")}
    assert {200, 201, 204, 400, 401, 403, 404, 409, 422, 502} <= statuses
    assert secrets.found_in(told(server)) == []


# As a fault of ours might: the database tells the whole row that it refuses.
FAULTY = """
    alter table users add constraint refused check (email not like 'again%') not valid;
    alter table messages add constraint refused check (false) not valid;
    alter table audit_events add constraint refused check (false) not valid;
    alter table api_keys add constraint refused check (false) not valid;
"""


async def test_what_the_database_refuses_stays_with_it(
    server: Backend, client: HttpClient, secrets: Secrets, own_postgres: OwnPostgres
):
    async with server.model(Model(secrets).play, looks=True):
        account = await sign_up(client, secrets)
        with psycopg.connect(own_postgres.url, autocommit=True) as database:
            database.execute(FAULTY.encode())
        given = {"email": f"again{secrets.new('second address')}@example.com", "password": secrets.new("password")}
        replies = [
            await client.post("/v1/auth/signup", given),
            await account.client.post("/v1/api-keys", {"name": secrets.new("name of a key"), "scopes": ["read"]}),
            await account.client.post("/v1/chat", question(secrets, store=True)),
            await account.log_in(),
        ]
    assert [reply.status for reply in replies[:2] if isinstance(reply, Reply)] == [500, 500]
    assert len(server.process.log("deeper.errors")) >= 2
    assert len(server.process.log("deeper.audit")) >= 1
    assert secrets.found_in(told(server)) == []


async def test_without_its_database_the_log_says_no_more(
    server: Backend, client: HttpClient, secrets: Secrets, own_postgres: OwnPostgres
):
    async with server.model(Model(secrets).play, looks=True):
        account = await sign_up(client, secrets)
        key = secrets.keep(await account.client.post("/v1/api-keys", {"name": "x", "scopes": ["read"]})).json()["key"]
        own_postgres.stop()
        given = {"email": account.email, "password": account.password}
        await asyncio.gather(
            client.post("/v1/auth/login", given),
            client.post("/v1/auth/refresh", {"refresh_token": account.refresh_token}),
            client.as_user(key).get("/v1/me"),
            account.client.post("/v1/chat", question(secrets, store=True)),
            account.client.get(f"/v1/search?q={secrets.new('search')}"),
        )
    statuses = {line["status"] for line in server.process.log("deeper.requests")}
    assert 503 in statuses
    server.process.terminate()
    assert server.process.wait() == 0
    assert secrets.found_in(server.process.output()) == []
