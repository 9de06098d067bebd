"""Export and import: what comes out goes in again."""

import asyncio
import json
import logging
from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.exceptions import LitestarException

from deeper_api.conversations import service
from deeper_api.routes import transfers
from deeper_api.store import imports
from deeper_api.store import messages as message_store
from tests.api.shapes import ANY_ID, require_error, require_headers
from tests.api.trees import (
    at,
    chain,
    document,
    ids_by_content,
    keep,
    messages_of,
    require_refusal,
    said,
    user_id,
)
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Json, Reply, sign_up
from tests.fakes.http import HttpClient

IMPORT = "/v1/conversations/import"
LIMIT = 8 * 1024 * 1024
TYPE = {"content-type": "application/json"}


async def export(account: Account, conversation_id: str, query: str = "") -> Reply:
    reply = await account.client.get(f"/v1/conversations/{conversation_id}/export{query}")
    assert reply.status == 200, reply
    require_headers(reply)
    return reply


def plain(exported: Json) -> Json:
    """A document in which each id is the place of its message."""
    places = {each["id"]: place for place, each in enumerate(exported["messages"])}
    assert len(places) == len(exported["messages"])
    messages = [
        each | {"id": places[each["id"]], "parent_id": each["parent_id"] and places[each["parent_id"]]}
        for each in exported["messages"]
    ]
    return exported | {"messages": messages}


# Round trips

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=5)
CALL = st.fixed_dictionaries(
    {"id": NAME, "type": st.just("function"), "function": st.fixed_dictionaries({"name": NAME, "arguments": TEXT})}
)
IMAGES = st.lists(st.sampled_from(["AAEC", "/+8=", ""]), min_size=1, max_size=3)
STATES = st.sampled_from(["cancelled", "failed", "interrupted"])


@st.composite
def messages(draw: st.DrawFn) -> list[Json]:
    """Messages of any tree, in any order."""
    made: list[Json] = []
    for number in range(draw(st.integers(0, 8))):
        parent = draw(st.none() | st.sampled_from(made)) if made else None
        role = draw(st.sampled_from(["system", "user", "assistant", "tool"]))
        optional = {
            "thinking": TEXT,
            "images": IMAGES,
            "tool_calls": st.lists(CALL, min_size=1, max_size=2),
            "tool_call_id": TEXT,
            "tool_name": TEXT,
            "model": NAME,
        } | ({"state": STATES} if role == "assistant" else {})
        more = draw(st.fixed_dictionaries({}, optional=optional))
        made.append(said(parent, draw(TEXT), role, created_at=at(number), **more))
    return draw(st.permutations(made))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=messages(), title=st.sampled_from(["", "x", "Grüße 👋"]))
async def test_what_is_exported_imported_and_exported_again_is_the_same(account: Account, made: list[Json], title: str):
    given_document = document(made, title=title, active_at=at(5))
    once = (await export(account, await keep(account, made, title=title, active_at=at(5)))).json()
    twice = (await export(account, await keep(account, once["messages"], title=title, active_at=at(5)))).json()
    assert plain(once) == plain(twice) == plain(given_document)
    assert {each["id"] for each in once["messages"]}.isdisjoint(each["id"] for each in twice["messages"])


async def test_a_conversation_of_many_pages_comes_out_whole(account: Account):
    made = chain(*map(str, range(1_234)))
    exported = (await export(account, await keep(account, made))).json()
    assert plain(exported) == plain(document(made))


async def test_large_messages_come_out_in_small_pages(account: Account, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(message_store, "PAGE_BYTES", 1_000)
    made = chain(*("x" * 900 for _ in range(20)))
    conversation_id = await keep(account, made)
    assert plain((await export(account, conversation_id)).json()) == plain(document(made))
    assert (await export(account, conversation_id, "?format=markdown")).body.count(b"## ") == 20


async def test_an_export_is_a_file_named_after_its_title(account: Account):
    conversation_id = await keep(account, chain("a"), title="Grüße")
    reply = await export(account, conversation_id, "?format=json")
    assert reply.header("content-type") == "application/json"
    assert reply.header("content-disposition") == (
        "attachment; filename=\"Gr-e.json\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.json"
    )
    reply = await export(account, conversation_id, "?format=markdown")
    assert reply.header("content-type") == "text/markdown; charset=utf-8"
    assert (reply.header("content-disposition") or "").endswith(".md")


async def test_an_export_has_the_oldest_first_under_their_ids(account: Account):
    conversation_id = await keep(account, chain("a", "b"))
    ids = await ids_by_content(account, conversation_id)
    first = {"id": ids["a"], "parent_id": None, "role": "user", "created_at": at(0), "content": "a"}
    second = {"id": ids["b"], "parent_id": ids["a"], "role": "assistant", "created_at": at(1), "content": "b"}
    assert (await export(account, conversation_id)).json() == document([first, second])


async def test_an_answer_that_is_still_written_is_exported_as_an_interrupted_one(account: Account, accounts_url: str):
    conversation_id = await keep(account, chain("a", "b"))
    with psycopg.connect(accounts_url, autocommit=True) as db:
        db.execute(
            "update messages set state = 'running' where conversation_id = %s and role = 'assistant'", [conversation_id]
        )
    exported = (await export(account, conversation_id)).json()
    assert exported["messages"][1]["state"] == "interrupted"
    exported["messages"][1]["state"] = "running"
    again = await keep(account, exported["messages"])
    assert (await messages_of(account, again))[0]["state"] == "interrupted"


async def test_markdown_shows_the_path_to_the_newest_leaf(account: Account):
    question = said(None, "What *is* it?")
    answers = [said(question, f"Answer {number}", "assistant", model="m") for number in (1, 2)]
    shown = await export(account, await keep(account, [question, *answers]), "?format=markdown")
    assert shown.body.decode() == ("# A title\n\n## User\n\nWhat *is* it?\n\n## Assistant · m\n\nAnswer 2\n")


@pytest.mark.parametrize("form", ["json", "markdown"])
async def test_a_conversation_without_messages_can_be_exported(account: Account, form: str):
    reply = await export(account, await keep(account, []), f"?format={form}")
    if form == "json":
        assert reply.json() == document([])
    else:
        assert reply.body == b"# A title\n"


@pytest.mark.parametrize("form", ["", "xml", "%00", "JSON"])
async def test_a_form_that_is_not_known_is_refused(account: Account, form: str):
    conversation_id = await keep(account, [])
    reply = await account.client.get(f"/v1/conversations/{conversation_id}/export?format={form}")
    require_refusal(reply, "format")


@pytest.mark.parametrize("form", ["json", "markdown"])
async def test_an_export_of_what_is_deleted_meanwhile_breaks_off(
    account: Account, form: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    conversation_id = await keep(account, chain(*map(str, range(300))))
    reached, go_on = asyncio.Event(), asyncio.Event()
    send = transfers._sent

    async def held_up(*arguments: object, **more: object) -> bool:
        reached.set()
        await go_on.wait()
        return await send(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(transfers, "_sent", held_up)
    path = f"/v1/conversations/{conversation_id}/export?format={form}"

    async def delete_in_the_middle() -> None:
        async with account.client.open("GET", path) as exchange:
            assert (await exchange.head()).status == 200
            await reached.wait()
            await account.client.delete(f"/v1/conversations/{conversation_id}")
            go_on.set()
            with pytest.raises(AssertionError, match="broke off"):
                await exchange.rest()

    with pytest.raises(LitestarException, match="after response started"):  # tells the server to cut the connection
        await delete_in_the_middle()
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(record.getMessage(), record.__dict__["fields"]) for record in told] == [
        ("response broken off", {"code": "not_found"})
    ]


async def test_an_export_ends_when_the_client_leaves(account: Account, monkeypatch: pytest.MonkeyPatch):
    conversation_id = await keep(account, chain(*map(str, range(300))))
    sent: list[bytes] = []
    reached, go_on = asyncio.Event(), asyncio.Event()
    send = transfers._sent

    async def counted(to: Callable[..., object], content: bytes, *, more: bool) -> bool:
        sent.append(content)
        reached.set()
        await go_on.wait()
        return await send(to, content, more=more)  # type: ignore[arg-type]

    monkeypatch.setattr(transfers, "_sent", counted)
    async with account.client.open("GET", f"/v1/conversations/{conversation_id}/export") as exchange:
        await exchange.head()
        await reached.wait()
        exchange.leave()
        go_on.set()
    assert len(sent) < 5


async def test_a_client_that_takes_nothing_is_left(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transfers, "STALL_SECONDS", 0.01)

    async def stuck(_: object) -> None:
        await asyncio.Event().wait()

    assert not await transfers._sent(stuck, b"x", more=True)


# Imports


async def test_an_imported_conversation_is_a_new_one(account: Account, accounts_url: str):
    reply = await account.client.post(IMPORT, document(chain("a", "b"), title="  My\ttitle ", active_at=at(1)))
    expected = {"id": ANY_ID, "title": "My title", "created_at": at(0), "active_at": at(1)}
    assert (reply.status, reply.json()) == (201, expected)
    assert reply.header("location") == f"/v1/conversations/{reply.json()['id']}"
    assert (await account.client.get(reply.header("location") or "")).json() == reply.json()
    with psycopg.connect(accounts_url) as db:
        row = db.execute(
            "select title_source, user_id from conversations where id = %s", [reply.json()["id"]]
        ).fetchone()
    assert row == ("user", user_id(account))


async def test_a_conversation_without_a_title_may_get_one(account: Account, accounts_url: str):
    conversation_id = await keep(account, [], title="")
    with psycopg.connect(accounts_url) as db:
        row = db.execute("select title_source from conversations where id = %s", [conversation_id]).fetchone()
    assert row == ("words",)


async def test_no_imported_time_is_later_than_now(account: Account):
    future = "2999-01-01T00:00:00+01:00"
    made = [said(None, "a", created_at=future)]
    conversation_id = await keep(account, made, created_at=future, active_at=future)
    conversation = (await account.client.get(f"/v1/conversations/{conversation_id}")).json()
    (kept,) = await messages_of(account, conversation_id)
    assert kept["created_at"] == conversation["created_at"] == conversation["active_at"] < future


def without(message: Json, name: str) -> Json:
    return {key: value for key, value in message.items() if key != name}


A = said(None, "a")
B = said(A, "b", "assistant")
LOOSE = [said(None) for _ in range(3)]
LOOP = [each | {"parent_id": LOOSE[number - 1]["id"]} for number, each in enumerate(LOOSE)]

REFUSED: dict[str, tuple[Json, str]] = {
    "another format": (document([], format="chatgpt"), "$.format"),
    "a later version": (document([], version=2), "$.version"),
    "a title that is too long": (document([], title="x" * 201), "$.title"),
    "a time without a zone": (document([], created_at="2026-01-01T00:00:00"), "$.created_at"),
    "a time before all times": (document([], active_at="0001-01-01T00:00:00+14:00"), "$.active_at"),
    "a message before all times": (document([A | {"created_at": at(0)[1:]}]), "$.messages[0].created_at"),
    "a message of 1969": (document([A | {"created_at": "1969-12-31T23:59:59Z"}]), "$.messages[0].created_at"),
    "an id twice": (document([A, B, A]), "$.messages[2].id"),
    "no content": (document([without(A, "content")]), "$.messages[0]"),
    "an id that is none": (document([A | {"id": "1"}]), "$.messages[0].id"),
    "a parent that is not there": (document([A, said(said(None))]), "$.messages[1].parent_id"),
    "no word of a parent": (document([without(A, "parent_id")]), "$.messages[0]"),
    "a message that follows itself": (document([A | {"parent_id": A["id"]}]), "$.messages[0].parent_id"),
    "messages in a circle": (document([A, *LOOP]), "$.messages[1].parent_id"),
    "a role that nobody has": (document([A | {"role": "robot"}]), "$.messages[0].role"),
    "a question that failed": (document([A | {"state": "failed"}]), "$.messages[0].state"),
    "a question that is still asked": (document([A | {"state": "running"}]), "$.messages[0].state"),
    "an empty model": (document([B | {"parent_id": None, "model": ""}]), "$.messages[0].model"),
    "a model without end": (document([A | {"model": "x" * 257}]), "$.messages[0].model"),
    "a name of a tool without end": (document([A | {"tool_name": "x" * 257}]), "$.messages[0].tool_name"),
    "an image that is none": (document([A | {"images": ["!"]}]), "$.messages[0].images[0]"),
    "more images than a message has": (document([A | {"images": [""] * 17}]), "$.messages[0].images"),
    "a field that nobody knows": (document([A | {"user_id": "x"}]), "$.messages[0]"),
    "whose it is to be": (document([], user_id=str(uuid4())), "$"),
    "too many messages": (document([A] * 10_001), "$.messages"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_a_conversation_is_refused_with_its_place(account: Account, name: str):
    sent, field = REFUSED[name]
    reply = await account.client.post(IMPORT, sent)
    if field == "$":
        require_error(reply, 422, "validation_failed", details=reply.json()["error"]["details"])
    else:
        require_refusal(reply, field)
    assert (await account.client.get("/v1/conversations")).json()["items"] == []


async def test_nul_is_refused(account: Account):
    require_error(await account.client.post(IMPORT, document([said(None, "a\0")])), 400, "invalid_request")


async def test_parents_may_come_after_their_children(account: Account):
    conversation_id = await keep(account, [B | {"created_at": at(1)}, A | {"created_at": at(0)}])
    found = await messages_of(account, conversation_id)
    assert [(each["content"], each["parent_id"]) for each in found] == [("a", None), ("b", found[0]["id"])]


async def test_a_conversation_of_ten_thousand_messages_is_kept_and_deleted(account: Account):
    conversation_id = await keep(account, chain(*map(str, range(10_000))))
    (newest,) = await messages_of(account, conversation_id, "?leaf=newest&limit=1")
    assert newest["content"] == "9999"
    assert (await account.client.delete(f"/v1/conversations/{conversation_id}")).status == 204


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 201), (LIMIT + 1, 413)])
async def test_the_body_of_an_import_has_8_mib_at_most(account: Account, size: int, status: int):
    empty = json.dumps(document([said(None, "")])).encode()
    body = json.dumps(document([said(None, "x" * (size - len(empty)))])).encode()
    reply = await account.client.post(IMPORT, headers=TYPE, body=body)
    assert reply.status == status
    if status == 413:
        message = "The request body is too large: at most 8,388,608 bytes are accepted here."
        require_error(reply, 413, "body_too_large", message)


@pytest.mark.parametrize("path", ["/v1/conversations"])
async def test_the_body_of_another_route_here_has_64_kib_at_most(account: Account, path: str):
    reply = await account.client.post(path, headers=TYPE, body=b"{}".ljust(64 * 1024 + 1))
    require_error(reply, 413, "body_too_large")


async def test_more_imports_at_once_than_there_are_connections_for_are_turned_away(
    account: Account, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_IMPORTS", 0)
    reply = await account.client.post(IMPORT, document([]))
    require_error(reply, 503, "overloaded")


async def test_an_import_that_fails_leaves_nothing(account: Account, monkeypatch: pytest.MonkeyPatch):
    copy = imports.ImportStore._copy

    async def failing(*arguments: object) -> None:
        await copy(*arguments)  # type: ignore[arg-type]
        raise RuntimeError("in the middle")

    monkeypatch.setattr(imports.ImportStore, "_copy", failing)
    require_error(await account.client.post(IMPORT, document(chain("a"))), 500, "internal_error")
    assert (await account.client.get("/v1/conversations")).json()["items"] == []


async def test_an_account_that_is_deleted_meanwhile_gets_no_conversation(client: AsgiClient, accounts_url: str):
    other = await sign_up(client)
    with psycopg.connect(accounts_url, autocommit=True) as db:
        db.execute("delete from users where id = %s", [user_id(other)])
    for path, sent in ((IMPORT, document([])), ("/v1/conversations", {})):
        reply = await other.client.post(path, sent)
        assert reply.status == 401


async def test_behind_granian_a_conversation_goes_out_and_in(http_account: Account, http_client: HttpClient):
    made = chain(*(f"message {number} " * 500 for number in range(300)))
    exported = await export(http_account, await keep(http_account, made))
    assert plain(exported.json()) == plain(document(made))
    assert (await http_client.get("/health")).status == 200
