import psycopg
import pytest

from tests.api.shapes import ANY_ID, ANY_TIME, require_error, require_headers
from tests.api.trees import pages, require_refusal
from tests.fakes.exchanges import Account, Json, Reply

NEW = {"id": ANY_ID, "title": "", "created_at": ANY_TIME, "active_at": ANY_TIME}


async def make(account: Account, title: str | None = None) -> Json:
    reply = await account.client.post("/v1/conversations", {"title": title})
    assert reply.status == 201, reply
    return reply.json()


async def change(account: Account, conversation: Json, sent: object) -> Reply:
    return await account.client.call("PATCH", f"/v1/conversations/{conversation['id']}", sent)


async def titles(account: Account, query: str = "") -> list[str]:
    return [each["title"] for page in await pages(account, f"/v1/conversations{query}") for each in page]


@pytest.mark.parametrize("sent", [{}, {"title": None}])
async def test_a_new_conversation_is_empty_and_says_where_it_is(account: Account, sent: Json):
    reply = await account.client.post("/v1/conversations", sent)
    assert (reply.status, reply.json()) == (201, NEW)
    require_headers(reply)
    location = reply.header("location") or ""
    assert location == f"/v1/conversations/{reply.json()['id']}"
    found = await account.client.get(location)
    assert (found.status, found.json()) == (200, reply.json())


async def test_a_conversation_can_be_made_without_a_body(account: Account):
    reply = await account.client.post("/v1/conversations")
    assert (reply.status, reply.json()) == (201, NEW)


async def test_a_title_is_kept_without_the_blanks_around_it(account: Account):
    assert (await make(account, " My plan\n"))["title"] == "My plan"


@pytest.mark.parametrize("title", ["", "  ", "x" * 201, "two\nlines", "x" * 3_000, 5, ["x"]])
async def test_what_cannot_be_a_title_is_refused(account: Account, title: object):
    conversation = await make(account, "before")
    for reply in (
        await account.client.post("/v1/conversations", {"title": title}),
        await change(account, conversation, {"title": title}),
    ):
        require_refusal(reply, "$.title")
    assert await titles(account) == ["before"]


async def test_nul_in_a_title_is_refused(account: Account):
    require_error(await account.client.post("/v1/conversations", {"title": "a\0b"}), 400, "invalid_request")


async def test_a_title_cannot_be_taken_away(account: Account):
    require_refusal(await change(account, await make(account, "x"), {"title": None}), "$.title")


async def test_a_conversation_is_renamed(account: Account, accounts_url: str):
    conversation = await make(account)
    reply = await change(account, conversation, {"title": "Better"})
    assert (reply.status, reply.json()) == (200, conversation | {"title": "Better"})
    with psycopg.connect(accounts_url) as db:
        row = db.execute("select title_source from conversations where id = %s", [conversation["id"]]).fetchone()
    assert row == ("user",)


async def test_a_change_of_nothing_changes_nothing(account: Account, accounts_url: str):
    conversation = await make(account)
    reply = await change(account, conversation, {})
    assert (reply.status, reply.json()) == (200, conversation)
    with psycopg.connect(accounts_url) as db:
        row = db.execute("select title_source from conversations where id = %s", [conversation["id"]]).fetchone()
    assert row == ("words",)


async def test_an_archived_conversation_leaves_the_list_and_comes_back(account: Account):
    kept, conversation = await make(account, "kept"), await make(account, "archived")
    archived = (await change(account, conversation, {"archived": True})).json()
    assert archived == conversation | {"archived_at": ANY_TIME}
    assert (await change(account, conversation, {"archived": True})).json() == archived
    assert [await titles(account), await titles(account, "?archived=true")] == [["kept"], ["archived"]]
    assert (await change(account, conversation, {"archived": False})).json() == conversation
    assert [await titles(account), await titles(account, "?archived=true")] == [["archived", "kept"], []]
    assert (await account.client.get(f"/v1/conversations/{kept['id']}")).json() == kept


async def test_the_list_has_the_newest_activity_first(account: Account, accounts_url: str):
    made = [await make(account, title) for title in "abc"]
    with psycopg.connect(accounts_url) as db:
        db.execute("update conversations set active_at = now() + interval '1 hour' where id = %s", [made[0]["id"]])
    assert await titles(account) == ["a", "c", "b"]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 100])
@pytest.mark.parametrize("archived", [False, True])
async def test_pages_have_every_conversation_once_also_where_moments_are_the_same(
    account: Account, accounts_url: str, limit: int, archived: bool
):
    made = [await make(account, str(number)) for number in range(7)]
    with psycopg.connect(accounts_url) as db:
        db.execute(
            "update conversations set active_at = '2026-01-01', archived_at = case when %s then now() end "
            "where id = any(%s)",
            [archived, [each["id"] for each in made]],
        )
    found = await pages(account, f"/v1/conversations?limit={limit}&archived={str(archived).lower()}")
    assert [each["title"] for page in found for each in page] == ["6", "5", "4", "3", "2", "1", "0"]
    assert {len(page) for page in found[:-1]} <= {limit}
    assert 0 < len(found[-1]) <= limit


async def test_a_page_has_fifty_unless_more_are_wanted(account: Account):
    for _ in range(51):
        await make(account)
    assert [len(page) for page in await pages(account, "/v1/conversations")] == [50, 1]


async def test_a_deleted_conversation_is_gone(account: Account):
    conversation = await make(account, "x")
    reply = await account.client.delete(f"/v1/conversations/{conversation['id']}")
    assert (reply.status, reply.body) == (204, b"")
    require_headers(reply)
    assert await titles(account) == []
    for method in ("GET", "DELETE"):
        again = await account.client.call(method, f"/v1/conversations/{conversation['id']}")
        require_error(again, 404, "not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("limit=%00", "limit"),
        ("archived=maybe", "archived"),
        ("cursor=", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%ff", "cursor"),
        ("cursor=%ED%A0%80", "cursor"),
        ("cursor=w6A", "cursor"),
        ("cursor=" + "A" * 129, "cursor"),
        ("cursor=" + "A" * 60_000, "cursor"),
        ("cursor=k6RwYXRo", "cursor"),
        ("cursor=..%2f", "cursor"),
        ("cursor=é", "cursor"),
    ],
)
async def test_a_query_that_cannot_be_is_refused_by_the_name_of_its_parameter(account: Account, query: str, field: str):
    reply = await account.client.get(f"/v1/conversations?{query}")
    require_refusal(reply, field)


async def test_a_cursor_of_another_list_is_refused(account: Account):
    conversation = await make(account)
    await make(account)
    cursor = (await account.client.get("/v1/conversations?limit=1")).json()["cursor"]
    for path in (f"/v1/conversations/{conversation['id']}/messages?", "/v1/search?q=x&"):
        require_refusal(await account.client.get(f"{path}cursor={cursor}"), "cursor")


@pytest.mark.parametrize("name", ["x", "0", "%00", "..", "019a0000-0000-7000-8000-00000000000", "' or 1=1 --"])
@pytest.mark.parametrize("rest", ["", "/messages", "/export"])
async def test_what_is_no_id_of_a_conversation_does_not_exist(account: Account, name: str, rest: str):
    require_error(await account.client.get(f"/v1/conversations/{name}{rest}"), 404, "not_found")
