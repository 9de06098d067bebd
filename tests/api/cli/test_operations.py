"""``deeper user``, ``generations``, ``usage`` and ``audit``, as operators use them beside running servers."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from deeper_core import UserId
from deeper_model.conformance import Peer
from tests.api.cli.commands import Deeper
from tests.api.ledgers import Entry, enter
from tests.fakes.exchanges import Json, sign_up
from tests.fakes.http import open_client
from tests.fixtures.servers import Backend, StartServer
from tests.model.dialects import OPENAI

NOBODY = "019a0000-0000-7000-8000-000000000000"
QUESTION: Json = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def server(start_server: StartServer) -> Backend:
    return start_server()


async def never_finish(peer: Peer) -> None:
    await OPENAI.begin(peer, "piece")
    await peer.wait_gone()


@pytest.fixture
def operate(deeper: Deeper, database_url: str) -> Deeper:
    return deeper.but(DEEPER_DB_URL=database_url)


def rows(operate: Deeper, *arguments: str) -> list[Json]:
    """What a command prints for programs."""
    done = operate(*arguments, "--json")
    assert (done.code, done.err) == (0, ""), done
    return json.loads(done.out)


async def test_an_account_is_looked_at_given_a_quota_signed_out_and_deleted(server: Backend, operate: Deeper):
    async with open_client(server.url) as client:
        account = await sign_up(client)
        made = (await account.client.post("/v1/api-keys", {"name": "a b", "scopes": ["read"]})).json()
        shown = json.loads(operate("user", "show", account.email, "--json").out)
        assert (shown["id"], shown["sessions"], shown["api_keys"]) == (account.user["id"], 1, 1)
        assert f"email\t{account.email}" in operate("user", "show", account.email).out.splitlines()
        assert operate("user", "quota", account.email, "5").out == f"Changed {account.email}.\n"
        assert json.loads(operate("user", "show", account.email, "--json").out)["tokens_per_day"] == 5
        operate("user", "quota", account.email, "server")
        assert json.loads(operate("user", "show", account.email, "--json").out)["tokens_per_day"] is None
        (session,) = rows(operate, "user", "sessions", account.email)
        assert session["user_id"] == account.user["id"]
        (key,) = rows(operate, "user", "keys", account.email)
        assert key["id"] == made["id"]
        assert operate("user", "keys", account.email).out.split("\t")[:3] == [made["id"], "a b", "read"]
        assert operate("user", "revoke-key", account.email, made["id"]).out == f"Revoked {made['id']}.\n"
        assert rows(operate, "user", "keys", account.email) == []
        assert operate("user", "sign-out", account.email).out == f"Ended 1 session(s) of {account.email}.\n"
        assert operate("user", "delete", account.email, stdin="n\n").code == 1
        assert operate("user", "delete", account.email, "--yes").out == f"Deleted {account.email}.\n"
        kinds = [each["kind"] for each in rows(operate, "audit", "--limit", "6")]
        expected = ["account_deleted", "session_revoked", "api_key_revoked", "quota_changed", "quota_changed"]
        assert kinds == [*expected, "api_key_made"]
        login = {"email": account.email, "password": account.password}
        assert (await client.post("/v1/auth/login", login)).status == 401


async def test_what_runs_is_listed_and_cancelled_while_it_streams(server: Backend, operate: Deeper):
    async with open_client(server.url) as client, server.model(never_finish):
        account = await sign_up(client)
        async with account.client.open("POST", "/v1/chat", QUESTION) as stream:
            await stream.head()
            await stream.read_until(b"piece")
            (running,) = await asyncio.to_thread(rows, operate, "generations", "list")
            assert (running["email"], running["model"], running["position"]) == (account.email, "tiny", None)
            line = (await asyncio.to_thread(operate, "generations", "list")).out.split("\t")
            assert line[:3] == [running["id"], account.email, "tiny"]
            done = await asyncio.to_thread(operate, "generations", "cancel", running["id"])
            assert done.out == "Told its server to stop it.\n"
            assert b'"finish_reason":"cancelled"' in await stream.rest()
        assert rows(operate, "generations", "list") == []
        assert operate("generations", "cancel", running["id"]).out == "It has ended already.\n"
        (noted,) = rows(operate, "audit", "--kind", "generation_cancelled", "--email", account.email)
        assert (noted["actor_id"], noted["details"]) == (None, {"generation_id": running["id"]})


def test_who_used_most_comes_first(operate: Deeper, database_url: str):
    def make(email: str, *entries: Entry) -> None:
        told = operate("user", "create", email, "--generate").out
        enter(database_url, UserId(UUID(told.splitlines()[0].rpartition("id ")[2].rstrip("."))), entries)

    today = datetime.now(UTC)
    make("most@example.com", Entry(today), Entry(today, "gemma"), Entry(today))
    make("least@example.com", Entry(today), Entry(today - timedelta(days=40)))
    assert [line.split("\t") for line in operate("usage").out.splitlines()] == [
        ["most@example.com", "llama", "2", "20", "40", "0"],
        *sorted(
            [["least@example.com", "llama", "1", "10", "20", "0"], ["most@example.com", "gemma", "1", "10", "20", "0"]]
        ),
    ]
    assert [each["requests"] for each in rows(operate, "usage", "--by", "user")] == [3, 1]
    first = f"{today - timedelta(days=50):%Y-%m-%d}"
    days = rows(operate, "usage", "--by", "day", "--email", "least@example.com", "--from", first)
    assert [each["day"] for each in days] == [f"{today:%Y-%m-%d}", f"{today - timedelta(days=40):%Y-%m-%d}"]
    assert rows(operate, "usage", "--model", "nothing") == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("user", "show", "nobody@example.com"), 1, "There is no account with this e-mail address."),
        (("user", "keys", "nobody@example.com"), 1, "There is no account with this e-mail address."),
        (("user", "sign-out", "nobody"), 1, "e-mail"),
        (("user", "quota", "nobody@example.com", "-1"), 2, "No such option"),
        (("user", "quota", "nobody@example.com", "many"), 2, "Expected a number up to 1000000000, or `server`."),
        (("user", "quota", "nobody@example.com", "9" * 5_000), 2, "Expected a number"),
        (("user", "revoke-key", "nobody@example.com", "x"), 2, "'x' is no id."),
        (("generations", "cancel", "x"), 2, "'x' is no id."),
        (("generations", "cancel", NOBODY), 1, "There is no such generation."),
        (("usage", "--by", "hour"), 2, "'hour' is not one of"),
        (("usage", "--email", "nobody@example.com"), 1, "There is no account with this e-mail address."),
        (("audit", "--kind", "x"), 2, "is not one of"),
    ],
)
def test_what_makes_no_sense_is_explained(operate: Deeper, arguments: tuple[str, ...], code: int, said: str):
    done = operate(*arguments)
    assert (done.code, said in done.said) == (code, True), done


def test_the_last_administrator_is_not_deleted(operate: Deeper):
    operate("user", "create", "a@example.com", "--role", "admin", "--generate")
    done = operate("user", "delete", "a@example.com", "--yes")
    assert (done.code, "This is the last administrator of this server." in done.said) == (1, True)


def test_accounts_are_listed_for_programs(operate: Deeper):
    operate("user", "create", "a@example.com", "--generate")
    (user,) = rows(operate, "user", "list")
    assert (user["email"], user["role"], user["disabled_at"]) == ("a@example.com", "user", None)
