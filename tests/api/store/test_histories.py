import random

import pytest
from msgspec.structs import replace

from deeper_api.store import histories as module
from deeper_api.store.generation_rows import NewGeneration
from deeper_api.store.generations import GenerationStore
from deeper_api.store.histories import HistoryStore, Past
from deeper_api.store.journals import JournalStore
from deeper_api.store.pool import Pool
from deeper_core import (
    ChatMessage,
    ChatRole,
    ConversationId,
    FunctionCall,
    MessageId,
    ToolCall,
    UserId,
    new_id,
)
from tests.api.store.asking import RUNNER, change, conversation_of, end, make_user, stored

ENOUGH = 1_000_000


@pytest.fixture
def histories(pool: Pool) -> HistoryStore:
    return HistoryStore(pool)


async def say(
    pool: Pool, user_id: UserId, text: str, answer: str, after: NewGeneration | None = None, **more: object
) -> NewGeneration:
    """Ask, and let it be answered."""
    conversation_id = None if after is None else after.conversation_id
    new = stored(user_id, conversation_id, None if after is None else after.message_id, text=text)
    question = replace(new.messages[0], **more)
    await GenerationStore(pool).begin(RUNNER, [replace(new, messages=(question, new.messages[1]))])
    await JournalStore(pool, RUNNER).end([end(new, answer)])
    return new


async def path(
    histories: HistoryStore, user_id: UserId, new: NewGeneration, leaf: MessageId | None = None, near: int = ENOUGH
) -> list[Past]:
    found = await histories.path(user_id, conversation_of(new), leaf, near=near)
    assert found is not None
    return found


def texts(found: list[Past]) -> list[str | None]:
    return [past.message and past.message.content for past in found]


async def test_a_path_goes_from_the_beginning_to_the_newest_message(
    pool: Pool, histories: HistoryStore, user_id: UserId
):
    first = await say(pool, user_id, "one", "two")
    second = await say(pool, user_id, "three", "four", first)
    found = await path(histories, user_id, first)
    assert texts(found) == ["one", "two", "three", "four"]
    assert [past.role for past in found] == [ChatRole.USER, ChatRole.ASSISTANT] * 2
    assert found[-1].id == second.message_id


async def test_a_path_to_a_leaf_passes_by_other_branches(pool: Pool, histories: HistoryStore, user_id: UserId):
    first = await say(pool, user_id, "one", "two")
    await say(pool, user_id, "left", "left too", first)
    await say(pool, user_id, "right", "right too", first)
    assert texts(await path(histories, user_id, first, first.message_id)) == ["one", "two"]
    assert texts(await path(histories, user_id, first)) == ["one", "two", "right", "right too"]


async def test_a_leaf_that_is_not_there_has_no_path(pool: Pool, histories: HistoryStore, user_id: UserId):
    first, elsewhere = await say(pool, user_id, "one", "two"), await say(pool, user_id, "other", "other")
    assert await path(histories, user_id, first, MessageId(new_id())) == []
    assert await path(histories, user_id, first, elsewhere.message_id) == []


async def test_a_foreign_conversation_is_none(pool: Pool, histories: HistoryStore, user_id: UserId):
    first = await say(pool, user_id, "one", "two")
    stranger = await make_user(pool)
    for leaf in (None, first.message_id):
        assert await histories.path(stranger, conversation_of(first), leaf, near=ENOUGH) is None
    assert await histories.path(user_id, ConversationId(new_id()), None, near=ENOUGH) is None


async def test_an_empty_conversation_has_an_empty_path(pool: Pool, histories: HistoryStore, user_id: UserId):
    conversation_id = ConversationId(new_id())
    await change(
        pool, "insert into conversations (id, user_id) values (%(id)s, %(user)s)", id=conversation_id, user=user_id
    )
    assert await histories.path(user_id, conversation_id, None, near=ENOUGH) == []
    assert await histories.path(user_id, conversation_id, MessageId(new_id()), near=ENOUGH) == []


async def test_what_is_far_back_is_named_but_not_read(pool: Pool, histories: HistoryStore, user_id: UserId):
    first = await say(pool, user_id, "x" * 1_000, "y" * 1_000)
    second = await say(pool, user_id, "z" * 1_000, "short", first)
    found = await path(histories, user_id, first, near=1_500)
    assert texts(found) == [None, None, "z" * 1_000, "short"]
    assert [past.role for past in found] == [ChatRole.USER, ChatRole.ASSISTANT] * 2
    assert [past.id for past in found][-1] == second.message_id
    assert len({past.id for past in found}) == 4


@pytest.mark.parametrize("near", [0, 1])
async def test_the_last_message_is_read_however_long_it_is(
    pool: Pool, histories: HistoryStore, user_id: UserId, near: int
):
    first = await say(pool, user_id, "x" * 1_000, "y" * 1_000)
    assert texts(await path(histories, user_id, first, near=near)) == [None, "y" * 1_000]


async def test_system_messages_are_read_however_far_back(pool: Pool, histories: HistoryStore, user_id: UserId):
    first = await say(pool, user_id, "Be brief.", "y" * 1_000, role=ChatRole.SYSTEM)
    second = await say(pool, user_id, "z" * 1_000, "short", first)
    assert texts(await path(histories, user_id, second, near=10)) == ["Be brief.", None, None, "short"]


async def test_an_image_counts_for_what_it_costs_a_model_not_for_its_bytes(
    pool: Pool, histories: HistoryStore, user_id: UserId
):
    image = b"\x00\xff" * 50_000
    first = await say(pool, user_id, "look", "nice", images=(f"\\x{image.hex()}",))
    found = await path(histories, user_id, first, near=5_000)
    assert found[0].message is not None
    assert found[0].message.images == (image,)
    assert texts(await path(histories, user_id, first, near=3_000)) == [None, "nice"]


async def test_no_more_images_are_read_than_memory_is_meant_for_them(
    pool: Pool, histories: HistoryStore, user_id: UserId, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_IMAGES_BYTES", 10_000)
    image = f"\\x{random.Random(0).randbytes(6_000).hex()}"
    first = await say(pool, user_id, "look", "nice", images=(image,))
    second = await say(pool, user_id, "and here", "nicer", first, images=(image,))
    assert texts(await path(histories, user_id, second)) == [None, "nice", "and here", "nicer"]


async def test_a_message_is_read_whole(pool: Pool, histories: HistoryStore, user_id: UserId):
    call = ToolCall(id="c", function=FunctionCall(name="f", arguments='{"a": 1}'))
    new = stored(user_id)
    await GenerationStore(pool).begin(RUNNER, [new])
    await JournalStore(pool, RUNNER).end([end(new, "so", thinking="hm", tool_calls=(call,))])
    result = await say(pool, user_id, "42", "so it is", new, role=ChatRole.TOOL, tool_call_id="c", tool_name="f")
    _, answered, told, _ = await path(histories, user_id, result)
    assert answered.message == ChatMessage(role=ChatRole.ASSISTANT, content="so", thinking="hm", tool_calls=(call,))
    assert told.message == ChatMessage(role=ChatRole.TOOL, content="42", tool_call_id="c", tool_name="f")


async def test_calls_of_an_answer_that_was_cut_off_are_left_out(pool: Pool, histories: HistoryStore, user_id: UserId):
    call = ToolCall(id="c", function=FunctionCall(name="f", arguments='{"a'))
    new = stored(user_id)
    await GenerationStore(pool).begin(RUNNER, [new])
    await JournalStore(pool, RUNNER).end([end(new, "so", tool_calls=(call,), state="cancelled")])
    last = (await path(histories, user_id, new))[-1]
    assert (last.state, last.message) == ("cancelled", ChatMessage(role=ChatRole.ASSISTANT, content="so"))


async def test_a_long_conversation_is_one_path(pool: Pool, histories: HistoryStore, user_id: UserId):
    last = None
    for turn in range(30):
        last = await say(pool, user_id, f"q{turn}", f"a{turn}", last)
    assert last is not None
    assert texts(await path(histories, user_id, last)) == [f"{who}{turn}" for turn in range(30) for who in "qa"]
