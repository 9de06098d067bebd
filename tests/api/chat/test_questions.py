"""A question that is repeated while the first one is being taken on."""

import hashlib
from typing import cast

import pytest

from deeper_api.chat.questions import Asked, Questions
from deeper_api.store.generation_rows import KnownKey
from deeper_api.store.histories import HistoryStore, Past
from deeper_api.store.pool import Pool
from deeper_core import ChatRole, Conflict, ConversationId, MessageId, UserId, new_id
from deeper_model import ScriptedProvider
from tests.api.chat.databases import Database, MemoryGenerations
from tests.api.chat.engines import REQUEST, USER, engine_for, follow, question, servers_for, settled


class Busy(HistoryStore):
    """Every conversation ends with an answer that is being written."""

    def __init__(self) -> None:
        super().__init__(cast("Pool", None))

    async def path(self, *_: object, **__: object) -> list[Past]:
        return [Past(id=MessageId(new_id()), role=ChatRole.ASSISTANT, state="running", message=None)]


class Late(MemoryGenerations):
    """At the first look, the key is not there yet."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.looks = 0

    async def find_key(self, user_id: UserId, key: str) -> KnownKey | None:
        self.looks += 1
        return await super().find_key(user_id, key) if self.looks > 1 else None


def asked(fingerprint: bytes) -> Asked:
    return Asked(
        user_id=USER,
        request=REQUEST,
        conversation_id=ConversationId(new_id()),
        idempotency_key="k",
        fingerprint=fingerprint,
    )


@pytest.mark.parametrize("first", [b"the same", None])
async def test_what_is_in_the_way_of_a_repeated_question_may_be_its_own_answer(first: bytes | None):
    provider, database = ScriptedProvider(), Database()
    engine = engine_for(provider, database=database)
    models = servers_for(provider).pool
    questions = Questions(engine=engine, generations=Late(database), histories=Busy(), models=models, titles=None)
    before = question()
    frames = await follow(await engine.answer(before))
    await settled(engine)
    if first is None:
        with pytest.raises(Conflict, match="still being written"):
            await questions.ask(asked(b"the same"))
        await models.close()
        return
    database.keys[USER, "k"] = KnownKey(body_hash=hashlib.sha256(first).digest(), generation_id=before.new.id)
    feed = await questions.ask(asked(b"the same"))
    assert [frame for _, frame in await feed.available()][-1] == frames[-1]
    await models.close()
