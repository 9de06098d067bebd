"""The plans of a search, on the messages of many. What is found is tested by the route."""

from collections.abc import Iterator
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from deeper_api.store import searches
from deeper_api.store.searches import SearchStore, Words
from deeper_core import UserId
from tests.api.stores import open_pool

ME = UserId(UUID("019a0000-0000-7000-8000-000000000001"))
# Whoever has few messages among many, and whoever has most of them. Their ids rise, as those of the product do, or it
# would be a matter of luck how many of the newest messages have a word.
SHARES = {"few": 2_500, "most": 20_000}
OTHERS = 6_000
SEED: LiteralString = """
    with made as (
        insert into users (id, email, email_key, password_hash, role)
        values (%(user_id)s, %(user_id)s::text, %(user_id)s::text, 'x', 'user')
        returning id
    ),
    conversation as (
        insert into conversations (id, user_id)
        select gen_random_uuid(), id from made
        returning id, user_id
    )
    insert into messages (conversation_id, id, user_id, role, content)
    select
        conversation.id, ('019a0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, conversation.user_id, 'user',
        'always ' || case when n %% 500 = 0 then 'seldom ' else '' end || 'w' || n %% 97 || ' x' || n %% 1009
    from conversation
    cross join generate_series(1, %(count)s) as n
"""


@pytest.fixture(params=SHARES)
def seeded(request: pytest.FixtureRequest, database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as db:
        for number in range(6):
            db.execute(SEED, {"user_id": UUID(int=number), "count": OTHERS // 6})
        db.execute(SEED, {"user_id": ME, "count": SHARES[request.param]})
        db.execute("vacuum analyze messages")
        yield db


def plan(db: psycopg.Connection, query: LiteralString, words: str) -> str:
    values = {
        "user_id": ME,
        "words": words,
        "own_words": f"({words}) & 'user:{ME}'",
        "pattern": "x",
        "marks": "",
        "short": 1,
        "whole": "",
        "places": "",
        "glance": 2_000,
        "common": 160,
        "reach": 25_000,
        "candidates": 1_000,
        "offset": 0,
        "limit": 20,
    }
    return "\n".join(row[0] for row in db.execute("explain " + query, values, prepare=True).fetchall())


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_no_search_reads_the_whole_table(seeded: psycopg.Connection, mode: str):
    seeded.execute("select set_config('plan_cache_mode', %s, false)", [mode])
    glance = plan(seeded, SearchStore._IS_COMMON, "'always'")
    common = plan(seeded, SearchStore._COMMON_WORDS + searches._RANK, "'always'")
    rare = plan(seeded, SearchStore._RARE_WORDS + searches._RANK, "'seldom'")
    assert "Seq Scan" not in glance + common + rare
    assert "messages_user_id_idx" in glance
    assert "messages_user_id_idx" in common
    assert "Bitmap Index Scan on messages_search_idx" in rare


@pytest.mark.parametrize(("word", "total"), [("always", 1_000), ("seldom", 5), ("w3", 26)])
async def test_both_ways_find_what_there_is(seeded: psycopg.Connection, database_url: str, word: str, total: int):
    count = seeded.execute("select count(*) from messages where user_id = %s", [ME]).fetchone()
    if count == (SHARES["most"],):
        total = {"always": 1_000, "seldom": 40, "w3": 207}[word]
    async with open_pool(database_url) as pool:
        found = await SearchStore(pool).find(ME, Words(query=f"'{word}'", pattern=word), offset=0, limit=20)
    assert [each.total for each in found] == [total] * min(total, 20)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(("word", "way"), [("always", "_COMMON_WORDS"), ("seldom", "_RARE_WORDS")])
async def test_the_way_is_chosen_by_the_word(database_url: str, monkeypatch: pytest.MonkeyPatch, word: str, way: str):
    other = {"_COMMON_WORDS": "_RARE_WORDS", "_RARE_WORDS": "_COMMON_WORDS"}[way]
    monkeypatch.setattr(SearchStore, other, "this is no query")
    async with open_pool(database_url) as pool:
        assert await SearchStore(pool).find(ME, Words(query=f"'{word}'", pattern=word), offset=0, limit=20)
