"""/v1/generations: answers by their own names."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from deeper_core import Delta, Finish, FinishReason, FunctionCallDelta, ModelServerFailed, ToolCallDelta, Usage
from deeper_model import ScriptedProvider
from tests.api.routes.answers import (
    QUESTION,
    ask,
    events,
    frames,
    keep,
    look,
    messages,
    text,
    until_state,
    used,
)
from tests.api.shapes import ANY_ID, ANY_MS, ANY_TIME, require_error
from tests.api.trees import require_refusal
from tests.fakes.exchanges import Account, Frame, Json, ndjson_frames, sign_up, sse_frames

DONE = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))
CALL = ToolCallDelta(index=0, id="c", function=FunctionCallDelta(name="f", arguments="{}"))
SCRIPT = (
    Delta(thinking="Hm 😀"),
    Delta(content="Hel"),
    Delta(content="lo\n\né"),
    Delta(tool_calls=(CALL,)),
    Delta(thinking="so"),
    Delta(content="漢字\r"),
)
LENGTH = 4 + 8 + 1 + 2 + 3


def flat(found: list[Frame]) -> list[tuple[str, object]]:
    """Each position of the pieces."""
    return [
        (kind, unit)
        for _, event, frame in found
        if event == "delta"
        for kind in ("thinking", "content", "tool_calls")
        for unit in frame.get(kind, ())
    ]


class TestLooking:
    async def test_of_a_running_one_it_says_how_far_it_is(self, account: Account, scripted: ScriptedProvider):
        gate = asyncio.Event()
        scripted.play(Delta(thinking="Hm."), Delta(content="Hel"), gate, Delta(content="lo"), DONE)
        async with account.client.open("POST", "/v1/chat", QUESTION | {"store": True}) as exchange:
            await exchange.head()
            body = await exchange.read_until(b"Hel")
            start = sse_frames(body.partition(b"\n\n")[0])[0][2]
            about = {
                name: start[name] for name in ("model", "created_at", "conversation_id", "message_id", "parent_id")
            }
            running: Json = {"id": start["generation_id"], "state": "running"} | about
            message = {"role": "assistant", "content": "Hel", "thinking": "Hm."}
            assert await look(account, start["generation_id"]) == running | {"message": message, "position": 6}
            listed = (await account.client.get("/v1/generations")).json()
            assert listed == {"items": [running], "cursor": None}
            gate.set()
            await exchange.rest()
        assert (await account.client.get("/v1/generations")).json() == {"items": [], "cursor": None}

    async def test_of_an_ended_one_it_says_how_it_ended(self, account: Account, scripted: ScriptedProvider):
        scripted.play(Delta(content="Hello"), DONE)
        start = (await frames(account))[0][2]
        assert await look(account, start["generation_id"]) == {
            "id": start["generation_id"],
            "state": "complete",
            "model": "scripted",
            "created_at": start["created_at"],
            "position": 5,
            "message": {"role": "assistant", "content": "Hello"},
            "finish_reason": "stop",
            "usage": {"prompt_tokens": 3, "completion_tokens": 2},
            "timings": {"queue_ms": ANY_MS, "first_token_ms": ANY_MS, "total_ms": ANY_MS},
        }

    async def test_of_a_failed_one_it_says_why(self, account: Account, scripted: ScriptedProvider):
        scripted.play(Delta(content="half"), ModelServerFailed())
        found = await frames(account, store=True)
        seen = await look(account, found[0][2]["generation_id"])
        assert (seen["state"], seen["message"]["content"]) == ("failed", "half")
        assert seen["error"] == found[-1][2]["error"]

    async def test_the_newest_running_one_is_listed_first(self, account: Account, scripted: ScriptedProvider):
        for _ in range(3):
            scripted.play(asyncio.Event())
        other = await sign_up(account.client)
        scripted.play(asyncio.Event())
        asking = [asyncio.create_task(ask(account, on_disconnect="continue")) for _ in range(3)]
        asking.append(asyncio.create_task(ask(other, on_disconnect="continue")))
        await scripted.wait_for_streams(4)
        async with asyncio.timeout(10):
            while len(items := (await account.client.get("/v1/generations")).json()["items"]) < 3:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0.001)
        ids = [each["id"] for each in items]
        assert ids == sorted(ids, reverse=True)
        for who, generation_id in [(account, each) for each in ids]:
            await who.client.post(f"/v1/generations/{generation_id}/cancel")
        [theirs] = (await other.client.get("/v1/generations")).json()["items"]
        await other.client.post(f"/v1/generations/{theirs['id']}/cancel")
        await asyncio.gather(*asking)


class TestFollowing:
    async def test_from_every_position_on_the_rest_comes_to_the_byte(
        self, account: Account, scripted: ScriptedProvider
    ):
        scripted.play(*SCRIPT, DONE)
        first = await frames(account, store=True)
        whole = flat(first)
        assert len(whole) == LENGTH
        generation_id = first[0][2]["generation_id"]
        for after in range(LENGTH + 1):
            found = await events(account, generation_id, after)
            assert flat(found) == whole[after:]
            assert found[-1] == (LENGTH + 1, "done", first[-1][2])
            assert [number for number, _, _ in found] == sorted(number or 0 for number, _, _ in found)

    async def test_from_every_position_on_the_rest_comes_while_it_runs(
        self, account: Account, scripted: ScriptedProvider
    ):
        gate = asyncio.Event()
        scripted.play(*SCRIPT, gate, Delta(content="end"), DONE)
        asking = asyncio.create_task(ask(account, store=True))
        await scripted.wait_for_streams(1)
        async with asyncio.timeout(10):
            while not (items := (await account.client.get("/v1/generations")).json()["items"]):  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0.001)
        [running] = items
        following = [asyncio.create_task(events(account, running["id"], after)) for after in range(LENGTH + 4)]
        for _ in range(20):
            await asyncio.sleep(0)
        gate.set()
        whole = flat(sse_frames((await asking).body))
        assert len(whole) == LENGTH + 3
        for after, each in enumerate(following):
            assert flat(await each) == whole[after:]

    async def test_without_a_position_it_begins_at_the_start(self, account: Account, scripted: ScriptedProvider):
        scripted.play(*SCRIPT, DONE)
        first = await frames(account)
        found = await events(account, first[0][2]["generation_id"])
        assert (found[0], found[-1], flat(found)) == (first[0], first[-1], flat(first))

    @pytest.mark.parametrize("position", [LENGTH + 1])
    @pytest.mark.parametrize("store", [True, False])
    async def test_who_has_seen_everything_is_told_not_to_come_again(
        self, account: Account, scripted: ScriptedProvider, position: int, store: bool
    ):
        scripted.play(*SCRIPT, DONE)
        start = (await frames(account, store=store))[0][2]
        path = f"/v1/generations/{start['generation_id']}/events"
        reply = await account.client.get(path, headers={"last-event-id": str(position)})
        assert (reply.status, reply.body) == (204, b"")
        reply = await account.client.get(f"{path}?after={position}")
        assert (reply.status, reply.body) == (204, b"")

    async def test_the_header_goes_before_the_parameter(self, account: Account, scripted: ScriptedProvider):
        scripted.play(Delta(content="Hello"), DONE)
        start = (await frames(account))[0][2]
        path = f"/v1/generations/{start['generation_id']}/events?after=1"
        assert text(sse_frames((await account.client.get(path)).body)) == "ello"
        reply = await account.client.get(path, headers={"last-event-id": "3"})
        assert text(sse_frames(reply.body)) == "lo"
        reply = await account.client.get(path, headers={"last-event-id": ""})
        assert text(sse_frames(reply.body)) == "ello"

    @pytest.mark.parametrize("given", ["x", "-1", "1.5", "\u0661", " 1", "9" * 20, "0x1", "1,2"])
    async def test_what_is_no_position_is_refused(self, account: Account, given: str):
        start = await keep(account)
        path = f"/v1/generations/{start['generation_id']}/events"
        if given.isascii():
            reply = await account.client.get(path, headers={"last-event-id": given})
            require_refusal(reply, "Last-Event-ID")
        quoted = given.replace(" ", "%20").encode("ascii", "ignore").decode() or "%D9%A1"
        for headers in ({}, {"last-event-id": "1"}):
            require_refusal(await account.client.get(f"{path}?after={quoted}", headers=headers), "after")

    async def test_a_position_far_behind_the_end_gets_the_last_frame(self, account: Account):
        start = await keep(account)
        [(_, event, _)] = await events(account, start["generation_id"], 2**53 - 1)
        assert event == "done"

    async def test_lines_carry_the_same(self, account: Account, scripted: ScriptedProvider):
        scripted.play(*SCRIPT, DONE)
        start = (await frames(account))[0][2]
        path = f"/v1/generations/{start['generation_id']}/events"
        reply = await account.client.get(path, headers={"accept": "application/x-ndjson", "last-event-id": "2"})
        assert reply.header("content-type") == "application/x-ndjson"
        assert flat(ndjson_frames(reply.body)) == flat(await events(account, start["generation_id"], 2))

    async def test_a_long_answer_leaves_the_others_their_turns(self, account: Account, scripted: ScriptedProvider):
        words = "0123456789abcdef" * 4_096
        scripted.play(*[Delta(content=words)] * 32, DONE)
        start = await keep(account)
        turns = 0

        async def live() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        seen: list[int] = []
        living = asyncio.create_task(live())
        body = bytearray()
        path = f"/v1/generations/{start['generation_id']}/events"
        async with account.client.open("GET", path) as exchange:
            await exchange.head()
            while piece := await exchange.read():
                body += piece
                seen.append(turns)
        living.cancel()
        assert text(sse_frames(bytes(body))) == words * 32
        assert len(seen) >= 32
        assert all(later > earlier for earlier, later in pairwise(seen[1:]))


class TestCancelling:
    @pytest.mark.parametrize("store", [True, False])
    async def test_a_running_one_is_stopped_and_what_had_come_is_kept(
        self, account: Account, scripted: ScriptedProvider, store: bool
    ):
        scripted.play(Delta(content="half an", pieces=2), asyncio.Event())
        async with account.client.open("POST", "/v1/chat", QUESTION | {"store": store}) as exchange:
            await exchange.head()
            body = await exchange.read_until(b"half an")
            start = sse_frames(body.partition(b"\n\n")[0])[0][2]
            reply = await account.client.post(f"/v1/generations/{start['generation_id']}/cancel")
            found = sse_frames(body + await exchange.rest())
        seen = reply.json()
        assert (reply.status, seen["state"], seen["message"]["content"]) == (200, "cancelled", "half an")
        assert (found[-1][1], found[-1][2]["finish_reason"]) == ("done", "cancelled")
        assert scripted.open_streams == 0
        [usage] = await used(account)
        assert (usage["completion_tokens"], usage["estimated_requests"]) == (2, 1)
        assert usage["prompt_tokens"] > 0
        if store:
            _, answer = await messages(account, start["conversation_id"])
            assert (answer["state"], answer["content"]) == ("cancelled", "half an")
            assert (answer["usage"]["completion_tokens"], answer["usage"]["estimated"]) == (2, True)

    async def test_one_that_has_ended_stays_as_it_is(self, account: Account):
        start = await keep(account)
        before = await look(account, start["generation_id"])
        reply = await account.client.post(f"/v1/generations/{start['generation_id']}/cancel")
        assert (reply.status, reply.json()) == (200, before)

    async def test_twice_is_once(self, account: Account, scripted: ScriptedProvider):
        scripted.play(Delta(content="half an"), asyncio.Event())
        async with account.client.open("POST", "/v1/chat", QUESTION) as exchange:
            await exchange.head()
            start = sse_frames((await exchange.read_until(b"half")).partition(b"\n\n")[0])[0][2]
            path = f"/v1/generations/{start['generation_id']}/cancel"
            first, second = await asyncio.gather(account.client.post(path), account.client.post(path))
        assert first.json() == second.json()


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/events"), ("POST", "/cancel")])
class TestStrangers:
    async def test_a_running_one_is_nobody_elses(
        self, account: Account, scripted: ScriptedProvider, method: str, path: str
    ):
        scripted.play(Delta(content="mine"), asyncio.Event())
        stranger = await sign_up(account.client)
        async with account.client.open("POST", "/v1/chat", QUESTION) as exchange:
            await exchange.head()
            start = sse_frames((await exchange.read_until(b"mine")).partition(b"\n\n")[0])[0][2]
            reply = await stranger.client.call(method, f"/v1/generations/{start['generation_id']}{path}")
            require_error(reply, 404, "not_found")
            assert scripted.open_streams == 1

    async def test_an_ended_one_is_nobody_elses(self, account: Account, method: str, path: str):
        start = await keep(account)
        stranger = await sign_up(account.client)
        reply = await stranger.client.call(method, f"/v1/generations/{start['generation_id']}{path}")
        require_error(reply, 404, "not_found")

    async def test_what_was_deleted_is_gone(self, account: Account, method: str, path: str):
        start = await keep(account)
        await account.client.delete(f"/v1/conversations/{start['conversation_id']}")
        reply = await account.client.call(method, f"/v1/generations/{start['generation_id']}{path}")
        require_error(reply, 404, "not_found")

    async def test_a_path_that_names_none_is_none(self, account: Account, method: str, path: str):
        for generation_id in ("x", "1", "%00"):
            reply = await account.client.call(method, f"/v1/generations/{generation_id}{path}")
            assert reply.status in {404, 405}


async def test_an_abandoned_answer_can_be_looked_at(account: Account, scripted: ScriptedProvider):
    scripted.play(Delta(content="half an"), asyncio.Event())
    async with account.client.open("POST", "/v1/chat", QUESTION) as exchange:
        await exchange.head()
        start = sse_frames((await exchange.read_until(b"half")).partition(b"\n\n")[0])[0][2]
        exchange.leave()
    seen = await until_state(account, start["generation_id"], "cancelled")
    assert seen["message"]["content"] == "half an"
    assert (seen["id"], seen["created_at"]) == (ANY_ID, ANY_TIME)


async def test_running_generations_come_in_pages(account: Account, scripted: ScriptedProvider):
    gate = asyncio.Event()
    started: list[str] = []
    async with AsyncExitStack() as stack:
        for _ in range(3):
            scripted.play(gate, DONE)
            stream = await stack.enter_async_context(account.client.open("POST", "/v1/chat", QUESTION))
            await stream.head()
            [(_, _, start)] = sse_frames(await stream.read_until(b"\n\n"))
            started.append(start["generation_id"])
        first = (await account.client.get("/v1/generations?limit=2")).json()
        rest = (await account.client.get(f"/v1/generations?limit=2&cursor={first['cursor']}")).json()
        gate.set()
    assert [each["id"] for each in first["items"] + rest["items"]] == started[::-1]
    assert (len(first["items"]), rest["cursor"]) == (2, None)
