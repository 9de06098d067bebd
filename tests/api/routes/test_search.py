from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deeper_api.store import searches
from tests.api.shapes import ANY_ID, require_error, require_headers
from tests.api.trees import at, chain, keep, pages, require_refusal, said
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Json, sign_up


@pytest.fixture(params=["common", "rare"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to the matches; a test that asks for it has to see the same on either."""
    monkeypatch.setattr(searches, "_GLANCE", 2_000 if request.param == "common" else 0)
    return str(request.param)


async def search(account: Account, text: str, more: str = "") -> list[Json]:
    reply = await account.client.get(f"/v1/search?q={quote(text)}{more}")
    assert reply.status == 200, reply
    require_headers(reply)
    return reply.json()["items"]


def marked(match: Json) -> list[str]:
    return [match["snippet"][start:end] for start, end in match["highlights"]]


@pytest.mark.usefixtures("way")
async def test_a_match_says_where_it_is_and_what_was_found(account: Account):
    conversation_id = await keep(account, chain("Why is the Sky blue?", "Rayleigh scattering."), title="Colours")
    assert await search(account, "sky") == [
        {
            "conversation_id": conversation_id,
            "conversation_title": "Colours",
            "message_id": ANY_ID,
            "role": "user",
            "created_at": at(0),
            "snippet": "Why is the Sky blue?",
            "highlights": [[11, 14]],
        }
    ]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("blue", ["a blue sky", "blue and red sky", "bluebells"]),
        ("BLUE", ["a blue sky", "blue and red sky", "bluebells"]),
        ("bl", ["a blue sky", "blue and red sky", "bluebells"]),
        ("b", ["b"]),
        ("blue sky", ["a blue sky", "blue and red sky"]),
        ("blue sk", ["a blue sky", "blue and red sky"]),
        ("bl sky", []),
        ('"blue sky"', ["a blue sky"]),
        ('"blue sk"', []),
        ("sky -red", ["a blue sky"]),
        ("red or bluebells", ["blue and red sky", "bluebells"]),
        ("blue-", ["a blue sky", "blue and red sky", "bluebells"]),
        ("été", ["L'ÉTÉ"]),
        ("天", ["天空"]),
        ("quoted", ["a “quoted” word"]),
        ("nothing", []),
    ],
)
async def test_words_are_found(account: Account, text: str, found: list[str]):
    await keep(account, chain("a blue sky", "blue and red sky", "bluebells", "b", "L'ÉTÉ", "天空", "a “quoted” word"))
    assert sorted(each["snippet"] for each in await search(account, text)) == sorted(found)


@pytest.mark.usefixtures("way")
async def test_where_more_of_the_words_stand_close_together_comes_first_and_then_the_newest(account: Account):
    await keep(account, chain("red " + "x " * 30 + "blue", "red blue", "red blue", "red blue red blue"))
    found = [each["created_at"] for each in await search(account, "red blue")]
    assert found == [at(3), at(2), at(1), at(0)]


@pytest.mark.usefixtures("way")
async def test_pages_have_every_match_once(account: Account):
    await keep(account, chain(*(f"word {number}" for number in range(45))))
    found = await pages(account, "/v1/search?q=word&limit=20")
    assert [len(page) for page in found] == [20, 20, 5]
    assert len({each["message_id"] for page in found for each in page}) == 45
    assert [len(page) for page in await pages(account, "/v1/search?q=word&limit=45")] == [45]
    assert [len(page) for page in await pages(account, "/v1/search?q=word")] == [20, 20, 5]


@pytest.mark.usefixtures("way")
async def test_the_newest_matches_only_are_ranked(account: Account, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(searches, "CANDIDATES", 3)
    await keep(account, chain("word word word", "word", "word", "word"))
    assert [each["created_at"] for each in await search(account, "word")] == [at(3), at(2), at(1)]


@pytest.mark.usefixtures("way")
async def test_nobody_finds_what_others_wrote(account: Account, client: AsgiClient):
    other = await sign_up(client)
    await keep(other, chain("our secret"))
    for text in ("secret", "sec", f"user:{other.user['id']}", f"secret or user:{other.user['id']}", "-nothing"):
        assert await search(account, text) == []
    assert len(await search(other, "secret")) == 1


async def test_an_excluded_word_alone_finds_all_others(account: Account):
    await keep(account, chain("one", "two"))
    assert [each["snippet"] for each in await search(account, "-one")] == ["two"]


async def test_what_is_deleted_is_not_found(account: Account):
    conversation_id = await keep(account, chain("one"))
    await account.client.delete(f"/v1/conversations/{conversation_id}")
    assert await search(account, "one") == []


async def test_a_snippet_is_around_the_word_in_a_long_message(account: Account):
    await keep(account, chain("lorem ipsum " * 5_000 + "the needle is here " + "dolor " * 5_000))
    (match,) = await search(account, "needle")
    assert marked(match) == ["needle"]
    assert "the needle is here" in match["snippet"]
    assert len(match["snippet"]) < 1_000


async def test_marks_in_the_text_itself_move_nothing(account: Account):
    await keep(account, chain("\ue001\ue000 a\ue000 b\ue001 the \ue000 needle \ue001 \ue000"))
    (match,) = await search(account, "needle")
    assert marked(match) == ["needle"]
    assert not set(match["snippet"]) & {"\ue000", "\ue001"}


async def test_places_are_counted_in_code_points_and_a_snippet_is_one_line(account: Account):
    await keep(account, chain("👩‍👩‍👧\n🌍 needle\tx"))
    (match,) = await search(account, "needle")
    assert (match["snippet"][:6], marked(match)) == ("👩‍👩‍👧 ", ["needle"])
    assert "\n" not in match["snippet"]
    assert "\t" not in match["snippet"]


async def test_an_answer_of_a_tool_is_found_by_its_role(account: Account):
    question = said(None, "x")
    await keep(account, [question, said(question, "needle", "tool", tool_name="t")])
    assert [each["role"] for each in await search(account, "needle")] == ["tool"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=",
        "q=%20",
        "q=!!",
        "q=%22%22",
        "q=-",
        "q=%00",
        "q=a%00b",
        "q=" + "x" * 301,
        "q=" + "+".join("abcdefghijklmnopq"),
    ],
)
async def test_a_query_without_words_or_with_too_many_is_refused(account: Account, query: str):
    require_refusal(await account.client.get(f"/v1/search?{query}"), "q")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=51", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=kqZzZWFyY2jNB9A", "cursor"),  # an offset of 2,000
        ("cursor=kqZzZWFyY2j_", "cursor"),  # of -1
    ],
)
async def test_a_query_that_cannot_be_is_refused_by_the_name_of_its_parameter(account: Account, query: str, field: str):
    require_refusal(await account.client.get(f"/v1/search?q=x&{query}"), field)


async def test_text_that_is_no_unicode_does_no_harm(account: Account):
    await keep(account, chain("needle"))
    for query in ("q=%ff+needle", "q=%ED%A0%80+needle"):
        reply = await account.client.get(f"/v1/search?{query}")
        assert reply.status in {200, 422}


QUERY_PIECES = st.sampled_from(
    [*"ab\"'-!&|():*\\<> ", " or ", "user:", "http://", "été", "<->", "a.b", "@", "%", "_", "$1"]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(QUERY_PIECES, min_size=1, max_size=30).map("".join) | st.text(min_size=1, max_size=30))
async def test_whatever_is_typed_is_searched_for_or_refused(account: Account, text: str):
    reply = await account.client.get(f"/v1/search?q={quote(text, errors='replace')}")
    if reply.status == 200:
        assert reply.json() == {"items": [], "cursor": None}
    else:
        require_refusal(reply, "q")


async def test_nobody_in_particular_cannot_search(client: AsgiClient):
    require_error(await client.get("/v1/search?q=x"), 401, "invalid_token")
