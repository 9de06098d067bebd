"""Two llama.cpp servers behind one server, of which one is killed while it answers."""

import asyncio
import json
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from tests.api.durability.models import PATIENCE
from tests.api.durability.users import signed_in
from tests.api.durability.viewers import Viewer, asking, question
from tests.fakes.exchanges import Client, Json
from tests.fakes.llama import LlamaServer, running_llama
from tests.fixtures.servers import Backend, StartServer

SETTINGS = {"DEEPER_MODEL_ATTEMPTS": "3"}  # as it is, unless told otherwise
TOKENS = 16
READY = {"postgres": True, "model server (doomed)": True, "model server (other)": True}


def servers(doomed: LlamaServer, other: LlamaServer) -> str:
    """The setting: whatever comes goes to the first, one at a time, for as long as that lives."""
    return json.dumps(
        [
            {"name": "doomed", "kind": "openai", "url": doomed.url, "parallel": 1, "weight": 100},
            {"name": "other", "kind": "openai", "url": f"{other.url}/v1", "parallel": 2, "weight": 0.01},
        ]
    )


def short(text: str) -> Json:
    return question(text, model="tiny", options={"max_tokens": TOKENS})


def endless(text: str) -> Json:
    return question(text, model="tiny", options={"max_tokens": 3_900})


async def readiness(client: Client) -> tuple[int, dict[str, bool]]:
    reply = await client.get("/health/ready")
    return reply.status, {row["name"]: row["ready"] for row in reply.json()["dependencies"]}


async def until_ready_as(client: Client, rows: dict[str, bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while await readiness(client) != (200, rows):  # noqa: ASYNC110  - nothing tells
            await asyncio.sleep(0.05)


async def models(client: Client) -> list[str]:
    return [model["name"] for model in (await client.get("/v1/models")).json()]


def servers_that_answered(backend: Backend) -> list[str]:
    """By which server each answer that ended was given."""
    return [line["server"] for line in backend.process.log("deeper.generations")]


async def test_when_a_model_server_is_killed_in_mid_load_the_other_answers(
    start_server: StartServer, llama: LlamaServer, doomed_llama: LlamaServer
):
    backend = await asyncio.to_thread(start_server, DEEPER_MODEL_SERVERS=servers(doomed_llama, llama), **SETTINGS)
    async with AsyncExitStack() as stack:
        [client] = await stack.enter_async_context(signed_in(backend))

        async def ask(sent: Json) -> Viewer:
            viewer = await stack.enter_async_context(asking(client, sent))
            await viewer.until_begun()
            return viewer

        await until_ready_as(client, READY)
        running = await ask(endless("in mid-stream"))
        await running.until(lambda viewer: viewer.seen.text.content != "")
        waiting = [await ask(short(f"waiting {number}")) for number in range(3)]
        for place, viewer in enumerate(waiting, 1):
            await viewer.until(lambda viewer, place=place: viewer.seen.places == [place])

        await asyncio.to_thread(doomed_llama.kill)

        assert (await running.until_last()).outcome == "answer_incomplete"
        assert running.seen.text.content
        for viewer in waiting:
            assert (await viewer.until_last()).outcome == "length"
            assert viewer.seen.places[-1] == 0
        assert servers_that_answered(backend) == ["doomed", "other", "other", "other"]

        await until_ready_as(client, READY | {"model server (doomed)": False})
        later = [await ask(short(f"later {number}")) for number in range(4)]
        assert [(await viewer.until_last()).outcome for viewer in later] == ["length"] * 4
        assert set(servers_that_answered(backend)[1:]) == {"other"}
        assert await models(client) == ["tiny"]
        assert (await client.get("/v1/me")).status == 200

        port = str(urlsplit(doomed_llama.url).port)
        with running_llama("--port", port, "--slots", "1"):
            await until_ready_as(client, READY)
            again = await ask(short("back again"))
            assert (await again.until_last()).outcome == "length"
            assert servers_that_answered(backend)[-1] == "doomed"


async def test_without_any_model_server_it_is_not_ready_and_says_so(start_server: StartServer):
    nowhere = [
        {"name": name, "kind": "ollama", "url": f"http://127.0.0.1:{port}"} for name, port in (("a", 7), ("b", 9))
    ]
    backend = await asyncio.to_thread(start_server, DEEPER_MODEL_SERVERS=json.dumps(nowhere), **SETTINGS)
    async with signed_in(backend) as [client]:
        async with asyncio.timeout(PATIENCE):
            assert await readiness(client) == (
                503,
                {"postgres": True, "model server (a)": False, "model server (b)": False},
            )
            assert (await client.get("/v1/models")).status == 502
            reply = await client.post("/v1/chat", short("anybody?") | {"stream": False})
            assert (reply.status, reply.json()["error"]["code"]) == (502, "model_server_unreachable")
