from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from deeper_api.store import messages as message_store
from deeper_core import new_id
from tests.api.shapes import ANY_ID, require_error
from tests.api.trees import at, chain, ids_by_content, keep, messages_of, pages, require_refusal, said, user_id
from tests.fakes.exchanges import Account, Json


def tree() -> list[Json]:
    """Two beginnings; the second has two answers, and the first of these goes on.

    one ── two
    three ─┬─ four ── six
           └─ five
    """
    one = said(None, "one")
    two = said(one, "two", "assistant")
    three = said(None, "three")
    four = said(three, "four", "assistant")
    five = said(three, "five", "assistant")
    six = said(four, "six")
    return [one, two, three, four, five, six]


def contents(messages: list[Json]) -> list[str]:
    return [each["content"] for each in messages]


async def test_a_message_has_what_is_known_of_it_and_nothing_else(account: Account):
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    question = said(None, "What?", images=["AAEC"])
    answer = said(question, "", "assistant", thinking="Hm.", tool_calls=[call], model="llama", state="cancelled")
    result = said(answer, "2", "tool", tool_call_id="c1", tool_name="add")
    conversation_id = await keep(account, [question, answer, result])
    ids = [each["id"] for each in await messages_of(account, conversation_id)][::-1]
    same = {"conversation_id": conversation_id}
    assert await messages_of(account, conversation_id) == [
        same
        | {"id": ANY_ID, "parent_id": ids[1], "role": "tool", "state": "complete", "content": "2", "created_at": at(2)}
        | {"tool_call_id": "c1", "tool_name": "add"},
        same
        | {"id": ANY_ID, "parent_id": ids[0], "role": "assistant", "state": "cancelled", "content": ""}
        | {"created_at": at(1), "thinking": "Hm.", "tool_calls": [call], "model": "llama"},
        same
        | {"id": ANY_ID, "parent_id": None, "role": "user", "state": "complete", "content": "What?"}
        | {"created_at": at(0), "images": ["AAEC"]},
    ]


def generation(db: psycopg.Connection, account: Account, message: Json, **more: object) -> str:
    """Write a row of the ledger for a message."""
    values: dict[str, object] = {
        "id": new_id(),
        "user_id": user_id(account),
        "runner_id": new_id(),
        "conversation_id": message["conversation_id"],
        "message_id": message["id"],
        "state": "complete",
        "ended_at": "2026-01-01",
        "finish_reason": "stop",
        "error": None,
        "estimated": False,
    } | more
    db.execute(
        """
        insert into generations (
            id, user_id, runner_id, conversation_id, message_id, model, state, ended_at, finish_reason, error,
            prompt_tokens, completion_tokens, estimated, timings
        )
        values (
            %(id)s, %(user_id)s, %(runner_id)s, %(conversation_id)s, %(message_id)s, 'llama', %(state)s, %(ended_at)s,
            %(finish_reason)s, %(error)s, 7, 5, %(estimated)s, '{"load_ms": 1.5}'
        )
        """,
        values,
    )
    return str(values["id"])


async def test_an_answer_tells_of_its_generation(account: Account, accounts_url: str):
    conversation_id = await keep(account, chain("a", "b"))
    answer = (await messages_of(account, conversation_id))[0]
    with psycopg.connect(accounts_url, autocommit=True) as db:
        made = generation(db, account, answer)
    assert (await messages_of(account, conversation_id))[0] == answer | {
        "generation_id": made,
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 7, "completion_tokens": 5},
        "timings": {"load_ms": 1.5},
    }


async def test_a_failed_answer_tells_of_its_error(account: Account, accounts_url: str):
    conversation_id = await keep(account, chain("a", "b"))
    answer = (await messages_of(account, conversation_id))[0]
    error = {"code": "model_server_failed", "message": "It failed.", "request_id": "x"}
    with psycopg.connect(accounts_url, autocommit=True) as db:
        made = generation(db, account, answer, state="failed", finish_reason=None, error=Jsonb(error), estimated=True)
    assert (await messages_of(account, conversation_id))[0] == answer | {
        "generation_id": made,
        "error": error,
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "estimated": True},
        "timings": {"load_ms": 1.5},
    }


async def test_a_running_answer_tells_where_its_text_is_to_be_had(account: Account, accounts_url: str):
    conversation_id = await keep(account, chain("a", ""))
    answer = (await messages_of(account, conversation_id))[0]
    with psycopg.connect(accounts_url, autocommit=True) as db:
        made = generation(db, account, answer, state="running", ended_at=None, finish_reason=None)
        db.execute("update messages set state = 'running' where id = %s", [answer["id"]])
    running = answer | {"state": "running", "generation_id": made}
    assert (await messages_of(account, conversation_id))[0] == running


async def test_what_a_model_named_without_measure_stays_readable(account: Account, accounts_url: str):
    conversation_id = await keep(account, chain("a", "b"))
    call = {"id": "x" * 300, "type": "function", "function": {"name": "y" * 300, "arguments": "{"}}
    with psycopg.connect(accounts_url, autocommit=True) as db:
        db.execute(
            "update messages set tool_calls = %s where conversation_id = %s and role = 'assistant'",
            [Jsonb([call]), conversation_id],
        )
    assert (await messages_of(account, conversation_id))[0]["tool_calls"] == [call]


async def test_without_a_path_all_messages_come_the_newest_first(account: Account):
    conversation_id = await keep(account, tree())
    found = await messages_of(account, conversation_id)
    assert contents(found) == ["six", "five", "four", "three", "two", "one"]
    assert all("siblings" not in each for each in found)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("leaf=newest", ["six", "four", "three"]),
        ("leaf=two", ["two", "one"]),
        ("leaf=one", ["one"]),
        ("leaf=four", ["four", "three"]),
        ("through=one", ["two", "one"]),
        ("through=three", ["five", "three"]),
        ("through=four", ["six", "four", "three"]),
        ("through=six", ["six", "four", "three"]),
        ("through=five", ["five", "three"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_a_path_goes_up_to_the_root(account: Account, query: str, path: list[str], limit: int):
    conversation_id = await keep(account, tree())
    ids = await ids_by_content(account, conversation_id)
    name, _, which = query.partition("=")
    found = await pages(
        account, f"/v1/conversations/{conversation_id}/messages?{name}={ids.get(which, which)}&limit={limit}"
    )
    assert contents([each for page in found for each in page]) == path
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)


async def test_the_messages_of_a_path_know_their_siblings_oldest_first(account: Account):
    conversation_id = await keep(account, tree())
    ids = await ids_by_content(account, conversation_id)
    found = await messages_of(account, conversation_id, "?leaf=newest")
    assert [each["siblings"] for each in found] == [
        [ids["six"]],
        [ids["four"], ids["five"]],
        [ids["one"], ids["three"]],
    ]


async def test_the_newest_path_ends_at_a_leaf_whatever_another_servers_clock_said(account: Account, accounts_url: str):
    conversation_id = await keep(account, chain("a", "b"))
    ids = await ids_by_content(account, conversation_id)
    with psycopg.connect(accounts_url, autocommit=True) as db:  # an answer with an id less than its question's
        db.execute(
            "insert into messages (conversation_id, id, user_id, parent_id, role, content) "
            "values (%s, '01900000-0000-7000-8000-000000000000', %s, %s, 'user', 'c')",
            [conversation_id, user_id(account), ids["b"]],
        )
    assert contents(await messages_of(account, conversation_id, "?leaf=newest")) == ["c", "b", "a"]


async def test_a_long_path_comes_in_pages_without_gaps(account: Account):
    conversation_id = await keep(account, chain(*map(str, range(120))))
    found = await pages(account, f"/v1/conversations/{conversation_id}/messages?leaf=newest")
    assert [len(page) for page in found] == [50, 50, 20]
    assert contents([each for page in found for each in page]) == [str(number) for number in range(119, -1, -1)]


@pytest.mark.parametrize("query", ["", "leaf=newest"])
async def test_a_page_ends_early_where_it_has_become_large(
    account: Account, query: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(message_store, "PAGE_BYTES", 1_000)
    conversation_id = await keep(account, chain("a", "b" * 600, "c" * 600, "d" * 5_000, "e"))
    found = await pages(account, f"/v1/conversations/{conversation_id}/messages?{query}")
    assert [[each["content"][:1] for each in page] for page in found] == [["e", "d"], ["c", "b"], ["a"]]


@pytest.mark.parametrize("query", ["", "?leaf=newest"])
async def test_a_conversation_without_messages_has_an_empty_page(account: Account, query: str):
    conversation_id = (await account.client.post("/v1/conversations", {})).json()["id"]
    reply = await account.client.get(f"/v1/conversations/{conversation_id}/messages{query}")
    assert (reply.status, reply.json()) == (200, {"items": [], "cursor": None})


@pytest.mark.parametrize("name", ["leaf", "through"])
async def test_a_path_of_a_message_that_is_not_there_is_not_found(account: Account, name: str):
    conversation_id = await keep(account, tree())
    other = await ids_by_content(account, await keep(account, tree()))
    for message_id in (str(uuid4()), other["six"]):
        reply = await account.client.get(f"/v1/conversations/{conversation_id}/messages?{name}={message_id}")
        require_error(reply, 404, "not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("leaf=x", "leaf"),
        ("leaf=", "leaf"),
        ("leaf=%00", "leaf"),
        ("leaf=oldest", "leaf"),
        ("through=newest", "through"),
        ("through=%ff", "through"),
        ("leaf=newest&through=019a0000-0000-7000-8000-000000000000", "through"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("leaf=newest&cursor=x", "cursor"),
    ],
)
async def test_a_query_that_cannot_be_is_refused_by_the_name_of_its_parameter(account: Account, query: str, field: str):
    conversation_id = await keep(account, tree())
    reply = await account.client.get(f"/v1/conversations/{conversation_id}/messages?{query}")
    require_refusal(reply, field)


async def test_a_cursor_of_a_path_is_none_of_the_tree(account: Account):
    conversation_id = await keep(account, tree())
    path = f"/v1/conversations/{conversation_id}/messages"
    cursor = (await account.client.get(f"{path}?leaf=newest&limit=1")).json()["cursor"]
    require_refusal(await account.client.get(f"{path}?cursor={cursor}"), "cursor")


async def test_times_are_those_of_the_original(account: Account):
    conversation_id = await keep(account, chain("a", "b"))
    assert [each["created_at"] for each in await messages_of(account, conversation_id)] == [at(1), at(0)]
