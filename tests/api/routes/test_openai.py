"""/openai/v1 as it is on the wire."""

import asyncio

import msgspec
import pytest

from deeper_api.config.sections import ModelConfig, ServerConfig
from deeper_core import Delta, Finish, FinishReason, Model, ModelNotFound, ModelServerFailed, ModelServerOverloaded
from deeper_model import ScriptedProvider
from tests.api.routes.test_token_quotas import limited, with_key
from tests.api.shapes import require_error, require_headers
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Json, Reply, sign_up
from tests.fixtures.applications import application, config_for

COMPLETIONS, MODELS = "/openai/v1/chat/completions", "/openai/v1/models"
QUESTION: Json = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}
STREAM: Json = QUESTION | {"stream": True}
END = Finish(reason=FinishReason.STOP)
JSON = {"content-type": "application/json"}


async def test_a_stream_is_server_sent_events_that_no_proxy_keeps_back(account: Account):
    reply = await account.client.post(COMPLETIONS, STREAM)
    assert reply.status == 200
    assert (reply.header("content-type") or "").startswith("text/event-stream")
    assert reply.header("x-accel-buffering") == "no"
    assert reply.body.startswith(b"data: {")
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert b"\nid:" not in reply.body
    require_headers(reply)


async def test_what_comes_is_sent_when_it_comes(account: Account, scripted: ScriptedProvider):
    gate = asyncio.Event()
    scripted.play(Delta(content="first"), gate, Delta(content="second"), END)
    async with account.client.open("POST", COMPLETIONS, STREAM) as exchange:
        await exchange.head()
        assert b"second" not in await exchange.read_until(b"first")
        gate.set()
        await exchange.read_until(b"[DONE]")


@pytest.mark.parametrize("error", [ModelNotFound(), ModelServerFailed(), ModelServerOverloaded(retry_after=3)])
@pytest.mark.parametrize("sent", [QUESTION, STREAM])
async def test_what_fails_before_it_begins_has_a_status(
    account: Account, scripted: ScriptedProvider, error: ModelNotFound, sent: Json
):
    scripted.play(error)
    reply = await account.client.post(COMPLETIONS, sent)
    require_error(reply, {"model_not_found": 404, "model_server_failed": 502}.get(error.code, 503), error.code)
    assert reply.header("retry-after") == ("3" if error.retry_after else None)


async def test_what_fails_later_is_the_end_of_the_stream(account: Account, scripted: ScriptedProvider):
    scripted.play(Delta(content="Hel"), ModelServerFailed())
    reply = await account.client.post(COMPLETIONS, STREAM)
    assert reply.status == 200
    last = reply.body.decode().split("\n\n")[-2]
    assert msgspec.json.decode(last.removeprefix("data: "))["error"]["code"] == "model_server_failed"


async def test_silence_does_not_keep_the_head_back(accounts_url: str, scripted: ScriptedProvider):
    config = msgspec.structs.replace(
        config_for(accounts_url), server=ServerConfig(drain_seconds=0, heartbeat_seconds=0.05)
    )
    gate = asyncio.Event()
    scripted.play(gate, END)
    async with application(config, scripted) as client:
        account = await sign_up(client)
        async with account.client.open("POST", COMPLETIONS, STREAM) as exchange:
            assert (await exchange.head()).status == 200
            await exchange.read_until(b": ping\n\n")
            gate.set()
            await exchange.read_until(b"[DONE]")


@pytest.mark.parametrize("sent", [QUESTION, STREAM])
async def test_leaving_cancels_the_answer_before_it_begins(account: Account, scripted: ScriptedProvider, sent: Json):
    scripted.play(asyncio.Event(), END)
    async with account.client.open("POST", COMPLETIONS, sent) as exchange:
        await scripted.wait_for_streams(1)
        exchange.leave()
    await scripted.wait_for_streams(0)


async def test_waiting_for_a_turn_is_told_in_comments(accounts_url: str, scripted: ScriptedProvider):
    config = msgspec.structs.replace(config_for(accounts_url), model=ModelConfig(parallel=1))
    gate = asyncio.Event()
    scripted.play(Delta(content="x"), gate, END)
    async with application(config, scripted) as client:
        first, second = await sign_up(client), await sign_up(client)
        async with first.client.open("POST", COMPLETIONS, STREAM) as one:
            await one.head()
            await one.read_until(b"x")
            async with second.client.open("POST", COMPLETIONS, STREAM) as other:
                assert (await other.head()).status == 200
                await other.read_until(b": queued 1\n\n")
                gate.set()
                await other.read_until(b"[DONE]")


async def test_nothing_is_kept(account: Account):
    await account.client.post(COMPLETIONS, QUESTION | {"store": True})
    assert (await account.client.get("/v1/conversations")).json()["items"] == []


async def test_a_request_with_a_key_is_asked_once(account: Account, scripted: ScriptedProvider):
    headers = {"idempotency-key": "once"}
    first, second = [await account.client.post(COMPLETIONS, QUESTION, headers=headers) for _ in range(2)]
    assert first.status == 200
    assert first.json() == second.json()
    assert len(scripted.requests) == 1
    require_error(await account.client.post(COMPLETIONS, STREAM, headers=headers), 409, "conflict")


async def test_a_model_that_may_not_be_used_is_not_there(accounts_url: str):
    models = (Model(name="library/llama3:8b", context_length=4_096), Model(name="other:latest"), Model(name="hidden"))
    config = msgspec.structs.replace(
        config_for(accounts_url), model=ModelConfig(parallel=10, allowed=("library/*", "other"))
    )
    async with application(config, ScriptedProvider(models=models)) as client:
        account = await sign_up(client)
        ask = account.client
        listed: Json = (await ask.get(MODELS)).json()
        assert (listed["object"], [each["id"] for each in listed["data"]]) == (
            "list",
            ["library/llama3:8b", "other:latest"],
        )
        assert (await ask.get(f"{MODELS}/library/llama3:8b")).json() == {
            "object": "model",
            "id": "library/llama3:8b",
            "created": 0,
            "owned_by": "deepersensor",
            "max_model_len": 4_096,
        }
        assert (await ask.get(f"{MODELS}/other")).json()["id"] == "other:latest"
        require_error(await ask.get(f"{MODELS}/hidden"), 404, "model_not_found")
        require_error(await ask.post(COMPLETIONS, QUESTION | {"model": "hidden"}), 404, "model_not_found")


async def test_tokens_that_are_spent_are_told_apart_from_requests(accounts_url: str, scripted: ScriptedProvider):
    async with limited(accounts_url, scripted, key_tokens_per_day=50) as client:
        asking = await with_key(await sign_up(client))
        assert (await asking.post(COMPLETIONS, QUESTION)).status == 200
        spent = await asking.post(COMPLETIONS, QUESTION)
    assert (spent.status, spent.json()["error"]["code"]) == (429, "insufficient_quota")
    assert int(spent.header("retry-after") or "") > 60
    assert spent.header("x-should-retry") == "false"  # else a program in JavaScript would wait for all that time


async def test_errors_of_every_layer_have_openais_shape(
    account: Account, client: AsgiClient, monkeypatch: pytest.MonkeyPatch, scripted: ScriptedProvider
):
    async def broken() -> None:
        raise ZeroDivisionError

    ask = account.client
    monkeypatch.setattr(scripted, "list_models", broken)
    replies: dict[str, Reply] = {
        "invalid_token": await client.get(MODELS),
        "not_found": await ask.get("/openai/v1/nothing"),
        "method_not_allowed": await ask.put(COMPLETIONS, {}),
        "unsupported_media_type": await ask.post(COMPLETIONS, headers={"content-type": "text/plain"}, body=b"{}"),
        "body_too_large": await ask.post(COMPLETIONS, headers=JSON, body=b" " * (2 * 1024 * 1024 + 1)),
        "invalid_request": await ask.post(COMPLETIONS, headers=JSON, body=b"{"),
        "validation_failed": await ask.post(COMPLETIONS, {}),
        "internal_error": await ask.get(MODELS),
    }
    for code, reply in replies.items():
        assert "type" in reply.json()["error"], reply
        require_error(reply, reply.status, code)
    assert replies["invalid_token"].header("www-authenticate") == "Bearer"


@pytest.mark.parametrize("path", ["/openai/v1/responses", "/openai/v1/embeddings", "/openai/chat/completions"])
async def test_a_path_that_is_not_there_is_answered_with_those_that_are(account: Account, path: str):
    reply = await account.client.post(path, {"model": "scripted", "input": "Hello"})
    require_error(reply, 404, "not_found")
    there = "POST /openai/v1/chat/completions, GET /openai/v1/models, GET /openai/v1/models/{model_id}"
    assert reply.json()["error"]["message"] == f"There is no such thing here. What there is: {there}."


async def test_a_client_whose_address_lacks_the_path_is_told_of_it(account: Account):
    reply = await account.client.post("/v1/chat/completions", {"model": "scripted", "messages": []})
    words = "There is no such thing here. OpenAI's clients find what they need below /openai/v1."
    require_error(reply, 404, "not_found", words)


async def test_a_model_that_is_not_there_is_answered_with_where_they_are_listed(account: Account):
    for reply in (
        await account.client.get(f"{MODELS}/nothing"),
        await account.client.post(COMPLETIONS, {"model": "nothing", "messages": [{"role": "user", "content": "x"}]}),
    ):
        require_error(reply, 404, "model_not_found")
        words = "There is no such model. GET /openai/v1/models lists those that can be used."
        assert reply.json()["error"]["message"] == words


async def test_requests_that_no_guard_has_seen_are_refused_in_openais_shape(
    accounts_url: str, scripted: ScriptedProvider
):
    async with limited(accounts_url, scripted, anonymous_burst=1) as client:
        replies = [await client.get("/openai/v1/nothing") for _ in range(2)]
    assert [reply.status for reply in replies] == [404, 429]
    require_error(replies[1], 429, "rate_limited")
    assert "type" in replies[1].json()["error"]
