"""POST /v1/chat with ``store``, ``conversation_id`` and ``parent_id``."""

import asyncio

import pytest
from msgspec.structs import replace

from deeper_core import ChatMessage, ChatRole, Delta, Finish, FinishReason, Model, ModelServerFailed, Usage
from deeper_model import ScriptedProvider
from tests.api.routes.answers import QUESTION, ask, frames, keep, messages, said, text
from tests.api.shapes import ANY_ID, ANY_TIME, require_error
from tests.api.trees import require_refusal
from tests.fakes.exchanges import Account, Json, Reply, sign_up, sse_frames
from tests.fixtures.applications import application, config_for

DONE = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))
NOBODYS_ID = "019a0000-0000-7000-8000-000000000000"


def asked(scripted: ScriptedProvider) -> list[tuple[str, str]]:
    """What the model was asked last."""
    return [(message.role.value, message.content) for message in scripted.requests[-1].messages]


class TestANewConversation:
    async def test_the_stream_says_where_everything_is_kept(self, account: Account, scripted: ScriptedProvider):
        scripted.play(Delta(content="Hi."), DONE)
        (_, _, start), *_, (_, _, last) = await frames(account, store=True)
        question, answer = await messages(account, start["conversation_id"])
        assert start == {
            "event": "start",
            "generation_id": ANY_ID,
            "model": "scripted",
            "created_at": ANY_TIME,
            "conversation_id": ANY_ID,
            "message_id": answer["id"],
            "parent_id": question["id"],
        }
        assert last["message_id"] == answer["id"]
        assert (question["role"], question["content"], question["parent_id"]) == ("user", "Hello", None)
        assert (answer["role"], answer["content"], answer["parent_id"]) == ("assistant", "Hi.", question["id"])
        assert (answer["state"], answer["generation_id"]) == ("complete", start["generation_id"])

    async def test_a_whole_answer_says_it_as_well(self, account: Account):
        whole = (await ask(account, store=True, stream=False)).json()
        question, answer = await messages(account, whole["conversation_id"])
        assert (whole["message_id"], whole["parent_id"]) == (answer["id"], question["id"])
        assert whole["message"]["content"] == answer["content"]

    @pytest.mark.parametrize("store", [None, False])
    async def test_what_is_not_to_be_kept_is_not(self, account: Account, store: bool | None):
        (_, _, start), *_ = await frames(account, store=store)
        assert start.keys() == {"event", "generation_id", "model", "created_at"}
        assert (await account.client.get("/v1/conversations")).json()["items"] == []

    async def test_its_title_is_the_first_words_of_the_first_question(self, account: Account):
        sent = {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "# Why is the *sky*\nblue?"},
                {"role": "user", "content": "And the grass?"},
            ]
        }
        start = await keep(account, sent)
        conversation = (await account.client.get(f"/v1/conversations/{start['conversation_id']}")).json()
        assert conversation["title"] == "Why is the sky blue?"

    async def test_all_new_messages_are_kept_in_their_order(self, account: Account):
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        given: list[Json] = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Look", "images": ["AAEC"]},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [call]},
            {"role": "tool", "content": "42", "tool_call_id": "c", "tool_name": "f"},
        ]
        start = await keep(account, {"messages": given})
        kept = await messages(account, start["conversation_id"])
        assert [each["parent_id"] for each in kept] == [None, *(each["id"] for each in kept[:-1])]
        for sent, message in zip(given, kept, strict=False):
            assert {name: message.get(name) for name in sent if sent[name]} == {n: v for n, v in sent.items() if v}

    async def test_the_end_of_an_answer_is_saved_when_the_stream_ends(
        self, account: Account, scripted: ScriptedProvider
    ):
        scripted.play(Delta(thinking="Hm."), Delta(content="Hi."), DONE)
        async with account.client.open("POST", "/v1/chat", QUESTION | {"store": True}) as exchange:
            await exchange.head()
            body = await exchange.read_until(b"event: done")
            (_, _, start), *_ = sse_frames(body + b"\n\n" if not body.endswith(b"\n\n") else body)
            _, answer = await messages(account, start["conversation_id"])
        assert (answer["state"], answer["content"], answer["thinking"]) == ("complete", "Hi.", "Hm.")


class TestGoingOn:
    async def test_the_model_is_sent_what_was_said_before(self, account: Account, scripted: ScriptedProvider):
        scripted.play(Delta(thinking="Hm."), Delta(content="Hi."), DONE)
        start = await keep(account)
        again = await keep(account, said("And you?"), conversation_id=start["conversation_id"])
        assert asked(scripted) == [("user", "Hello"), ("assistant", "Hi."), ("user", "And you?")]
        assert again["conversation_id"] == start["conversation_id"]
        kept = await messages(account, start["conversation_id"])
        assert [each["parent_id"] for each in kept] == [None, kept[0]["id"], kept[1]["id"], kept[2]["id"]]

    async def test_another_parent_is_a_branch(self, account: Account, scripted: ScriptedProvider):
        start = await keep(account)
        conversation = start["conversation_id"]
        await keep(account, said("one"), conversation_id=conversation)
        branch = await keep(account, said("two"), conversation_id=conversation, parent_id=start["message_id"])
        assert [content for _, content in asked(scripted)[2:]] == ["two"]
        path = f"/v1/conversations/{conversation}/messages?leaf={branch['message_id']}"
        branched = (await account.client.get(path)).json()["items"]
        assert len(branched) == 4
        assert len(branched[1]["siblings"]) == 2

    async def test_no_messages_answer_the_parent_again(self, account: Account, scripted: ScriptedProvider):
        start = await keep(account)
        again = await keep(
            account, {"messages": []}, conversation_id=start["conversation_id"], parent_id=start["parent_id"]
        )
        assert asked(scripted) == [("user", "Hello")]
        assert again["parent_id"] == start["parent_id"]
        question, *answers = await messages(account, start["conversation_id"])
        assert {each["parent_id"] for each in answers} == {question["id"]}
        assert {each["id"] for each in answers} == {start["message_id"], again["message_id"]}

    async def test_no_messages_and_no_parent_answer_the_newest_question_again(
        self, account: Account, scripted: ScriptedProvider
    ):
        scripted.play(ModelServerFailed())
        start = await keep(account)
        reply = await account.client.post(
            "/v1/chat",
            {"model": "scripted", "messages": [], "conversation_id": start["conversation_id"]},
        )
        require_refusal(reply, "$.parent_id")  # the newest is the answer that failed

    async def test_no_parent_is_a_new_beginning(self, account: Account, scripted: ScriptedProvider):
        start = await keep(account)
        await keep(account, said("anew"), conversation_id=start["conversation_id"], parent_id=None)
        assert asked(scripted) == [("user", "anew")]
        roots = [each for each in await messages(account, start["conversation_id"]) if each["parent_id"] is None]
        assert [each["content"] for each in roots] == ["Hello", "anew"]

    async def test_a_partial_answer_is_gone_on_from(self, account: Account, scripted: ScriptedProvider):
        scripted.play(Delta(content="Half an"), ModelServerFailed())
        start = await keep(account)
        await keep(account, said("Go on"), conversation_id=start["conversation_id"])
        assert asked(scripted) == [("user", "Hello"), ("assistant", "Half an"), ("user", "Go on")]

    async def test_an_answer_of_which_nothing_came_is_not_sent(self, account: Account, scripted: ScriptedProvider):
        scripted.play(ModelServerFailed())
        start = await keep(account)
        again = await keep(account, said("Please"), conversation_id=start["conversation_id"])
        assert asked(scripted) == [("user", "Hello"), ("user", "Please")]
        assert (await messages(account, start["conversation_id"]))[2]["parent_id"] == start["message_id"]
        assert again["conversation_id"] == start["conversation_id"]

    async def test_the_conversation_is_the_newest_again(self, account: Account):
        first, second = await keep(account), await keep(account)
        await keep(account, said("more"), conversation_id=first["conversation_id"])
        listed = (await account.client.get("/v1/conversations")).json()["items"]
        assert [each["id"] for each in listed] == [first["conversation_id"], second["conversation_id"]]


class TestRefusals:
    async def test_what_is_still_being_written_cannot_be_followed(self, account: Account, scripted: ScriptedProvider):
        scripted.play(Delta(content="a"), asyncio.Event())
        async with account.client.open("POST", "/v1/chat", QUESTION | {"store": True}) as exchange:
            await exchange.head()
            (_, _, start), *_ = sse_frames(await exchange.read_until(b"\n\n"))
            reply = await ask(account, said("more"), conversation_id=start["conversation_id"])
            require_error(reply, 409, "conflict")
            aside = await frames(
                account,
                {"messages": []},
                conversation_id=start["conversation_id"],
                parent_id=start["parent_id"],
            )
            assert aside[-1][1] == "done"
            await account.client.post(f"/v1/generations/{start['generation_id']}/cancel")
            assert (await frames(account, said("more"), conversation_id=start["conversation_id"]))[-1][1] == "done"

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            ({"messages": []}, "$.messages"),
            ({"messages": [], "store": True}, "$.messages"),
            ({"parent_id": NOBODYS_ID}, "$.parent_id"),
            ({"parent_id": None}, "$.parent_id"),
            ({"parent_id": NOBODYS_ID, "store": True}, "$.parent_id"),
            ({"conversation_id": NOBODYS_ID, "store": False}, "$.store"),
            ({"conversation_id": "x"}, "$.conversation_id"),
            ({"on_disconnect": "stay"}, "$.on_disconnect"),
            ({"on_disconnect": {"cancel_after": -1}}, "$.on_disconnect.cancel_after"),
            ({"on_disconnect": {"cancel_after": 3_601}}, "$.on_disconnect.cancel_after"),
            ({"on_disconnect": {}}, "$.on_disconnect"),
        ],
    )
    async def test_what_makes_no_sense_is_refused(
        self, account: Account, scripted: ScriptedProvider, sent: Json, field: str
    ):
        require_refusal(await ask(account, sent), field)
        assert scripted.requests == []

    async def test_what_has_an_answer_is_not_answered_again(self, account: Account):
        start = await keep(account)
        conversation = start["conversation_id"]
        reply = await ask(account, {"messages": []}, conversation_id=conversation, parent_id=start["message_id"])
        require_refusal(reply, "$.parent_id")
        reply = await ask(account, {"messages": []}, conversation_id=conversation, parent_id=None)
        require_refusal(reply, "$.messages")

    @pytest.mark.parametrize(
        "place", ["unknown conversation", "foreign conversation", "unknown parent", "other parent"]
    )
    async def test_what_is_not_there_is_not_found(self, account: Account, scripted: ScriptedProvider, place: str):
        mine, other, foreign = await keep(account), await keep(account), await keep(await sign_up(account.client))
        sent = {
            "unknown conversation": {"conversation_id": NOBODYS_ID},
            "foreign conversation": {"conversation_id": foreign["conversation_id"]},
            "unknown parent": {"conversation_id": mine["conversation_id"], "parent_id": NOBODYS_ID},
            "other parent": {"conversation_id": mine["conversation_id"], "parent_id": other["message_id"]},
        }[place]
        count = len(scripted.requests)
        require_error(await ask(account, sent), 404, "not_found")
        assert len(scripted.requests) == count


class TestContexts:
    SMALL = Model(name="scripted", family="scripted", context_length=200, loaded=True)

    async def test_what_does_not_fit_is_left_out_and_named(self, accounts_url: str):
        scripted = ScriptedProvider(models=(self.SMALL,))
        async with application(config_for(accounts_url), scripted) as client:
            account = await sign_up(client)
            scripted.play(Delta(content="b " * 200), DONE)
            start = await keep(account, said("a " * 100))
            found = await frames(account, said("short"), conversation_id=start["conversation_id"])
            kept = await messages(account, start["conversation_id"])
            whole = await ask(account, said("again"), conversation_id=start["conversation_id"], stream=False)
        assert [event for _, event, _ in found[:2]] == ["start", "context"]
        dropped = [each["id"] for each in kept[:2]]
        assert found[1] == (None, "context", {"event": "context", "dropped": dropped})
        assert scripted.requests[1].messages == (ChatMessage(role=ChatRole.USER, content="short"),)
        assert whole.json()["dropped"][:2] == dropped

    async def test_what_fits_has_nothing_to_name(self, account: Account):
        start = await keep(account)
        found = await frames(account, said("more"), conversation_id=start["conversation_id"])
        assert [event for _, event, _ in found].count("context") == 0

    async def test_a_question_that_is_too_long_for_the_model_fails_and_is_kept(self, accounts_url: str):
        scripted = ScriptedProvider(models=(self.SMALL,))
        async with application(config_for(accounts_url), scripted) as client:
            account = await sign_up(client)
            found = await frames(account, said("a " * 300), store=True)
            (_, _, start), (_, event, last) = found
            question, answer = await messages(account, start["conversation_id"])
        assert (event, last["error"]["code"]) == ("error", "context_too_long")
        assert (question["content"], answer["state"], answer["error"]["code"]) == (
            "a " * 300,
            "failed",
            "context_too_long",
        )


async def test_a_failure_keeps_what_had_come(account: Account, scripted: ScriptedProvider):
    scripted.play(Delta(content="half an", pieces=2), ModelServerFailed())
    found = await frames(account, store=True)
    (_, _, start), *_, (_, event, last) = found
    _, answer = await messages(account, start["conversation_id"])
    assert (event, text(found)) == ("error", "half an")
    assert (answer["state"], answer["content"]) == ("failed", "half an")
    assert answer["error"] == last["error"]
    assert (answer["usage"]["completion_tokens"], answer["usage"]["estimated"]) == (2, True)


async def test_no_connection_to_the_database_is_held_while_models_talk(accounts_url: str, scripted: ScriptedProvider):
    config = config_for(accounts_url)
    config = replace(config, db=replace(config.db, pool_size=1))
    gate = asyncio.Event()
    for _ in range(30):
        scripted.play(Delta(content="a"), gate, Delta(content="b"), DONE)
    async with application(config, scripted) as client:
        account = await sign_up(client)
        asking = [asyncio.create_task(ask(account, store=True)) for _ in range(30)]
        await scripted.wait_for_streams(30)
        async with asyncio.timeout(5):
            assert (await account.client.get("/v1/conversations")).status == 200
        gate.set()
        replies: list[Reply] = [await each for each in asking]
        assert [text(sse_frames(reply.body)) for reply in replies] == ["ab"] * 30
        assert len((await account.client.get("/v1/conversations?limit=100")).json()["items"]) == 30
