"""What becomes of a question: who stays, comes back elsewhere, cancels, leaves, and who asks by OpenAI's door."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.api.durability.viewers import Transcript, Viewer, asking, following
from tests.fakes.exchanges import Json
from tests.soak.models import MODEL
from tests.soak.records import Asked, Conversation
from tests.soak.traffic import LOST
from tests.soak.visitors import Visitor

# For what may be away for as long as a fault lasts, and a while after that.
_PATIENCE = 45.0  # seconds
# Then a conversation is long enough.
_MOST_QUESTIONS = 6
_DISCONNECTS = (None, None, "cancel", "continue", {"cancel_after": 2})


async def stay(visitor: Visitor) -> None:
    """Ask, and follow the answer to its end, wherever that is."""
    asked, sent = _question(visitor)
    if (seen := await _ask(visitor, asked, sent)) is not None:
        await _follow(visitor, asked, seen)


async def be_cut_off(visitor: Visitor) -> None:
    """Lose the stream after so many bytes, and go on elsewhere, maybe later."""
    asked, sent = _question(visitor, lasting=True)
    if (seen := await _ask(visitor, asked, sent, limit=visitor.chance.randrange(300, 3_000))) is not None:
        await asyncio.sleep(visitor.chance.choice([0, 0, 0.5, 3]))
        await _follow(visitor, asked, seen)


async def cancel(visitor: Visitor) -> None:
    """Stop the answer from any server, and follow it to its end."""
    asked, sent = _question(visitor, lasting=True)
    seen = await _ask(visitor, asked, sent, limit=visitor.chance.randrange(300, 1_000))
    if seen is not None and seen.start is not None:
        await asyncio.sleep(visitor.chance.uniform(0, 0.5))
        await visitor.call("cancel", "POST", f"/v1/generations/{seen.generation_id}/cancel")
        await _follow(visitor, asked, seen)


async def leave(visitor: Visitor) -> None:
    """Go away at any moment, and never come back."""
    asked, sent = _question(visitor)
    client = visitor.at(visitor.which()).adding("x-request-id", asked.request_id)
    async with asking(client, sent) as viewer:
        await asyncio.sleep(visitor.chance.uniform(0, 1))
    _learn(visitor, asked, viewer)


async def wait_for_all(visitor: Visitor) -> None:
    """Ask for the whole answer at once, at either door."""
    asked = visitor.begin(store=False)
    if visitor.chance.random() < 0.5:
        path, sent = "/v1/chat", _body(asked) | {"stream": False}
    else:
        path, sent = "/openai/v1/chat/completions", _body(asked)
    reply = await _send(visitor, asked, path, sent)
    if reply is not None:
        told: Json = json.loads(reply)
        choice: Json = told if path == "/v1/chat" else told["choices"][0]
        asked.seen, asked.outcome = choice["message"]["content"], choice["finish_reason"]


async def stream_at_the_other_door(visitor: Visitor) -> None:
    """Stream as OpenAI's clients do."""
    asked = visitor.begin(store=False)
    reply = await _send(visitor, asked, "/openai/v1/chat/completions", _body(asked) | {"stream": True})
    for block in (reply or b"").decode().split("\n\n"):
        data = block.removeprefix("data: ")
        if data in {block, "[DONE]"}:
            continue
        chunk: Json = json.loads(data)
        if "error" in chunk:
            asked.outcome = chunk["error"]["code"]
        for choice in chunk.get("choices", []):
            asked.seen += choice["delta"].get("content") or ""
            asked.outcome = choice["finish_reason"] or asked.outcome


async def _send(visitor: Visitor, asked: Asked, path: str, sent: Json) -> bytes | None:
    reply = await visitor.call("ask at once", "POST", path, sent, headers={"x-request-id": asked.request_id})
    asked.accepted = reply is not None
    return None if reply is None else reply.body


def _body(asked: Asked) -> Json:
    return {"model": MODEL, "messages": [{"role": "user", "content": asked.question.text}]}


def _question(visitor: Visitor, *, lasting: bool = False) -> tuple[Asked, Json]:
    """Return something to ask, where its answer is kept or not; ``lasting`` for who is not there all the time."""
    asked = visitor.begin(store=visitor.chance.random() < 0.6)
    sent = _body(asked)
    disconnect = "continue" if lasting else visitor.chance.choice(_DISCONNECTS)
    if disconnect is not None:
        sent["on_disconnect"] = disconnect
    if asked.store:
        sent["store"] = True
        talks = [one for one in visitor.records.conversations_of(visitor.user_id) if one.questions < _MOST_QUESTIONS]
        if talks and visitor.chance.random() < 0.6:
            conversation = visitor.chance.choice(talks)
            conversation.questions += 1
            sent["conversation_id"] = conversation.id
    return asked, sent


async def _ask(visitor: Visitor, asked: Asked, sent: Json, *, limit: int | None = None) -> Transcript | None:
    """Ask, if there is a key as often as it takes; return what was seen of the stream, None if it never began."""
    key = f"key {asked.request_id}" if visitor.chance.random() < 0.5 else None
    end = visitor.place.now + _PATIENCE
    while True:
        which, began = visitor.which(), visitor.place.now
        client = visitor.at(which).adding("x-request-id", asked.request_id)
        async with asking(client, sent, key=key, limit=limit) as viewer:
            await _read(visitor, viewer, "ask", which, began)
        _learn(visitor, asked, viewer)
        if viewer.seen.start is not None:
            return viewer.seen
        limit = None  # it may have been too little to see which answer it is
        if key is None or viewer.status in {409, 429} or not await visitor.come_in():
            return None
        if visitor.place.now > end:
            visitor.traffic.complain(visitor.place.now, f"nobody takes {asked.request_id} on")
            return None
        await asyncio.sleep(visitor.chance.uniform(0.1, 0.5))


async def _follow(visitor: Visitor, asked: Asked, seen: Transcript) -> None:
    """Come back to the answer until its end is seen."""
    end = visitor.place.now + _PATIENCE
    while seen.last is None and seen.start is not None and await visitor.come_in():
        which, began = visitor.which(), visitor.place.now
        async with following(visitor.at(which), seen.generation_id, seen) as viewer:
            await _read(visitor, viewer, "come back", which, began)
        _learn(visitor, asked, viewer)
        if viewer.status == 204:
            visitor.traffic.complain(
                visitor.place.now, f"no event left, but the last one of {asked.request_id} never came"
            )
            return
        if seen.last is None and visitor.place.now > end:
            visitor.traffic.complain(visitor.place.now, f"the end of {asked.request_id} does not come")
            return
        await asyncio.sleep(visitor.chance.uniform(0.1, 0.5))


async def _read(visitor: Visitor, viewer: Viewer, what: str, which: int, began: float) -> None:
    """Read a stream to its end, and take note of what it came to."""
    with suppress(AssertionError):  # told below
        await viewer.until_closed()
    if viewer.refusal is not None and viewer.status is not None:
        visitor.note(what, which, began, viewer.status, json.loads(viewer.refusal)["error"]["code"])
    elif viewer.fault is not None or viewer.open:
        visitor.traffic.complain(
            visitor.place.now, f"{what} since {began:.1f} s: {viewer.fault or 'no end'}: {viewer.seen}"
        )
    elif viewer.status is None or (viewer.seen.last is None and not viewer.left and viewer.status != 204):
        visitor.note(what, which, began, LOST)
    else:
        visitor.traffic.statuses[what, viewer.status] += 1


def _learn(visitor: Visitor, asked: Asked, viewer: Viewer) -> None:
    seen = viewer.seen
    asked.accepted |= viewer.status == 200
    if len(seen.text.content) >= len(asked.seen):
        asked.seen = seen.text.content
    if seen.last is not None:
        asked.outcome = seen.outcome
    if seen.start is not None and (made := seen.start.get("conversation_id")) and made not in visitor.records.deleted:
        visitor.records.kept.setdefault(made, Conversation(made, visitor.user_id, questions=1))


Deed = Callable[[Visitor], Awaitable[None]]

# What each of them does, and how often beside the others.
DEEDS: dict[Deed, int] = {
    stay: 20,
    be_cut_off: 15,
    cancel: 8,
    leave: 12,
    wait_for_all: 8,
    stream_at_the_other_door: 8,
    Visitor.read: 30,
    Visitor.search: 8,
    Visitor.make: 3,
    Visitor.rename: 3,
    Visitor.delete: 4,
    Visitor.refresh: 3,
    Visitor.log_out: 2,
    Visitor.stare: 1,
}


async def live(visitor: Visitor, over: asyncio.Event) -> None:
    """Do one thing after the other until it is ``over``."""
    deeds, weights = list(DEEDS), list(DEEDS.values())
    while not over.is_set():
        if await visitor.come_in():
            [deed] = visitor.chance.choices(deeds, weights)
            await deed(visitor)
        await visitor.pause()
