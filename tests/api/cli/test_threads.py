"""Where the next question of a talk goes."""

from datetime import UTC, datetime

import msgspec

from deeper_api.chat.frames import Start
from deeper_api.cli.clients import Conversation, Message, Question
from deeper_api.cli.threads import Thread
from deeper_core import ConversationId, GenerationId, MessageId, new_id

CONVERSATION = ConversationId(new_id())
ANSWER = MessageId(new_id())


def start(conversation_id: ConversationId | None = CONVERSATION) -> Start:
    """What an answer begins with."""
    now = datetime.now(UTC)
    return Start(generation_id=GenerationId(new_id()), model="m", created_at=now, conversation_id=conversation_id)


def sent(question: Question) -> dict[str, object]:
    """What of a question is for the server to read, apart from the model."""
    body: dict[str, object] = msgspec.json.decode(msgspec.json.encode(question))
    assert body.pop("model") == "m"
    return body


def test_the_first_question_opens_a_conversation():
    assert sent(Thread().question("m", "a")) == {"messages": [{"role": "user", "content": "a"}], "store": True}


def test_the_next_question_comes_after_the_answer():
    thread = Thread()
    thread.begin(start())
    thread.keep("a", "b", ANSWER)
    assert sent(thread.question("m", "c")) == {
        "messages": [{"role": "user", "content": "c"}],
        "conversation_id": str(CONVERSATION),
        "parent_id": str(ANSWER),
    }


def test_after_a_first_answer_that_failed_the_conversation_begins_anew():
    thread = Thread()
    thread.begin(start())
    assert sent(thread.question("m", "c")) == {
        "messages": [{"role": "user", "content": "c"}],
        "conversation_id": str(CONVERSATION),
        "parent_id": None,
    }


def test_after_an_answer_that_failed_the_question_comes_after_the_one_before():
    thread = Thread(conversation=Conversation(CONVERSATION, "about"), last=Message(ANSWER))
    thread.begin(start())
    assert sent(thread.question("m", "c"))["parent_id"] == str(ANSWER)


def test_what_is_not_kept_is_sent_again_each_time():
    thread = Thread(kept=False)
    thread.begin(start(None))
    thread.keep("a", "b", None)
    assert sent(thread.question("m", "c")) == {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c"},
        ]
    }


def test_of_what_is_not_kept_a_failed_question_is_forgotten():
    thread = Thread(kept=False)
    thread.begin(start(None))
    assert sent(thread.question("m", "c")) == {"messages": [{"role": "user", "content": "c"}]}
