"""Full-text search over the messages of one user.

There are two ways to the newest matches, and which is short depends on the word. One that is in many messages is found
soon by going through the user's messages from the newest on. One that is in few is found by the index of words, which
leads to those of the user only because each message has the user as a word. So a look at the newest messages comes
first: it costs a millisecond or two, and both ways then cost about the same whatever the history has grown to. The
planner cannot be left the choice, for its statistics are those of all users' words together.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, LiteralString

from msgspec import Struct
from psycopg.rows import class_row

from deeper_api.store.pool import Connection, Pool, connection
from deeper_core import ChatRole, ConversationId, MessageId, UserId

# So many matches are ranked at most, the newest ones.
CANDIDATES: Final = 1_000
# Characters of the private use area that stand around what was found in a snippet.
MARKS: Final = ("\ue000", "\ue001")

# The look at the newest messages, and how many of them make a word a common one. It then has a hundred matches within
# reach, more than anybody looks at. To visit all matches, as the other way does, takes the longer the more there are.
# For a word in one of a hundred messages, of a million, it is 60 ms.
_GLANCE: Final = 2_000
_COMMON: Final = 8
# Where to stop looking for a common word: after so many messages, in about 15 ms.
_REACH: Final = 25_000

# A short message is shown as it is, of others the places where the words stand.
_SHORT: Final = 250  # characters
_WHOLE: Final = f"StartSel={MARKS[0]}, StopSel={MARKS[1]}, HighlightAll=true"
_PLACES: Final = (
    f"StartSel={MARKS[0]}, StopSel={MARKS[1]}, "
    'MaxFragments=2, MinWords=10, MaxWords=30, ShortWord=0, FragmentDelimiter=" … "'
)

# Each "limit 1" has a message looked up by its key; joined otherwise, a table of medium size would be read whole. The
# headline is made from the surroundings of the first word that was found: PostgreSQL takes seconds for a long text
# and a long query. Texts are searched as far as 100,000 characters, as in the column itself.
_RANK: Final = """
    , ranked as materialized (
        select
            candidates.conversation_id, candidates.id,
            ts_rank_cd(candidate.search, %(words)s::tsquery) as rank,
            count(*) over () as total
        from candidates
        cross join lateral (
            select search
            from messages
            where conversation_id = candidates.conversation_id and id = candidates.id
            limit 1
        ) as candidate
        order by rank desc, candidates.id desc
        limit %(limit)s
        offset %(offset)s
    )
    select
        ranked.conversation_id, ranked.id as message_id, ranked.total,
        messages.role, messages.created_at,
        (select title from conversations where id = ranked.conversation_id) as conversation_title,
        ts_headline(
            'simple',
            translate(
                substr(
                    messages.content,
                    greatest(regexp_instr(left(messages.content, 100000), %(pattern)s, 1, 1, 0, 'i') - 80, 1),
                    1500
                ),
                %(marks)s,
                ''
            ),
            %(words)s::tsquery,
            case when char_length(messages.content) <= %(short)s then %(whole)s else %(places)s end
        ) as headline
    from ranked
    cross join lateral (
        select role, created_at, content
        from messages
        where conversation_id = ranked.conversation_id and id = ranked.id and user_id = %(user_id)s
        limit 1
    ) as messages
    order by ranked.rank desc, ranked.id desc
"""


class Words(Struct, frozen=True, kw_only=True):
    """What to look for: a query in PostgreSQL's own notation, and a regular expression that finds its words."""

    query: str
    pattern: str


class Found(Struct, frozen=True, kw_only=True):
    """A message that was found; ``headline`` has `MARKS` around the words, ``total`` is the number of matches."""

    conversation_id: ConversationId
    conversation_title: str
    message_id: MessageId
    role: ChatRole
    created_at: datetime
    headline: str
    total: int


class SearchStore:
    """Finds messages. Every method raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _PARSE = """
        select websearch_to_tsquery('simple', %(text)s)::text
    """

    async def parse(self, text: str) -> str:
        """Return what a person typed as a query in PostgreSQL's notation; empty where there are no words in it."""
        async with connection(self._pool) as conn:
            row = await (await conn.execute(self._PARSE, {"text": text})).fetchone()
        if row is None:
            raise AssertionError("a query is always returned")
        query: str = row[0]
        return query

    # True as well where all messages can be gone through as fast.
    _IS_COMMON = """
        select
            count(*) < %(glance)s
            or count(*) filter (where newest.search @@ %(words)s::tsquery) >= %(common)s
        from (
            select search
            from messages
            where user_id = %(user_id)s
            order by id desc
            limit %(glance)s
        ) as newest
    """

    _COMMON_WORDS = """
        with candidates as materialized (
            select conversation_id, id
            from (
                select conversation_id, id, search
                from messages
                where user_id = %(user_id)s
                order by id desc
                limit %(reach)s
            ) as newest
            where newest.search @@ %(words)s::tsquery
            limit %(candidates)s
        )
    """

    # "offset 0" keeps apart what the index of words is to find and what is done with it.
    _RARE_WORDS = """
        with candidates as materialized (
            select conversation_id, id
            from (
                select conversation_id, id, user_id
                from messages
                where search @@ %(own_words)s::tsquery
                offset 0
            ) as matches
            where user_id = %(user_id)s
            order by id desc
            limit %(candidates)s
        )
    """

    async def find(self, user_id: UserId, words: Words, *, offset: int, limit: int) -> list[Found]:
        """Return the best of the user's newest matches, from ``offset`` on; among equals the newest come first."""
        values = {
            "user_id": user_id,
            "words": words.query,
            "own_words": f"({words.query}) & 'user:{user_id}'",
            "pattern": words.pattern,
            "marks": "".join(MARKS),
            "short": _SHORT,
            "whole": _WHOLE,
            "places": _PLACES,
            "glance": _GLANCE,
            "common": _COMMON,
            "reach": _REACH,
            "candidates": CANDIDATES,
            "offset": offset,
            "limit": limit,
        }
        async with connection(self._pool) as conn:
            row = await (await conn.execute(self._IS_COMMON, values)).fetchone()
            common = row is not None and bool(row[0])
            return await _found(conn, self._COMMON_WORDS if common else self._RARE_WORDS, values)


async def _found(conn: Connection, candidates: LiteralString, values: Mapping[str, object]) -> list[Found]:
    async with conn.cursor(row_factory=class_row(Found)) as cursor:
        await cursor.execute(candidates + _RANK, values)
        return await cursor.fetchall()
