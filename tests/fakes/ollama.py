"""A stand-in for Ollama: ``python -m tests.fakes.ollama`` prints its address and serves Ollama's native API.

With ``--forward URL`` the answers come from a real llama.cpp server, reshaped as Ollama since 0.30 reshapes those of
the llama.cpp server that it runs itself. Without it they are a fixed text, a word at a time. What is faked is the form
only: Ollama's model store, scheduler and prompt templates are not here, and no long conversation is ever cut.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import aiohttp
from aiohttp import web

VERSION = "0.33.0"
_WORDS = [
    "This",
    "answer",
    "comes",
    "from",
    "a",
    "stand-in",
    "for",
    "Ollama",
    ".",
    "It",
    "says",
    "the",
    "same",
    "to",
    "everybody",
    ".",
]
_DIGEST = "0" * 64
_LOADED_FOR_EVER = "2318-01-01T00:00:00Z"
_BODY_LIMIT = 64 * 2**20

Json = dict[str, Any]


class _RunnerError(Exception):
    """The llama.cpp server refused: Ollama hands its status and its raw body on."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass
class OllamaStandIn:
    """The server's state: ``open_chats`` and ``chats`` are for tests to look at."""

    model: str = "tiny:latest"
    forward: str | None = None
    delay: float = 0.0
    thinking: bool = False
    open_chats: int = 0
    chats: list[Json] = field(default_factory=list[Json])
    session: aiohttp.ClientSession | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_open(self, count: int) -> None:
        """Return once exactly ``count`` chats are being answered."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.open_chats == count)

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(client_max_size=_BODY_LIMIT)
        application.cleanup_ctx.append(self._sessions)
        application.router.add_get("/", self._root)
        application.router.add_get("/api/version", self._version)
        application.router.add_get("/api/tags", self._tags)
        application.router.add_get("/api/ps", self._ps)
        application.router.add_post("/api/show", self._show)
        application.router.add_post("/api/chat", self._chat)
        return application

    async def _sessions(self, _: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(force_close=True)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as self.session:
            yield

    async def _root(self, _: web.Request) -> web.Response:
        return web.Response(text="Ollama is running")

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": VERSION})

    async def _tags(self, _: web.Request) -> web.Response:
        entry = self._entry() | {"modified_at": "2026-08-21T10:11:12.123456789+02:00"}
        return web.json_response({"models": [entry | {"capabilities": self._capabilities()}]})

    async def _ps(self, _: web.Request) -> web.Response:
        entry = self._entry() | {"expires_at": _LOADED_FOR_EVER, "size_vram": 0, "context_length": 512}
        return web.json_response({"models": [entry]})

    async def _show(self, request: web.Request) -> web.Response:
        body = cast("Json", await request.json())
        if not self._has(str(body.get("model") or body.get("name") or "")):
            return _error(404, f"model '{body.get('model')}' not found")
        return web.json_response(
            {
                "modelfile": "FROM tiny\n",
                "template": "{{ .Prompt }}",
                "details": self._entry()["details"],
                "model_info": {"general.architecture": "llama", "llama.context_length": 4096},
                "capabilities": self._capabilities(),
                "modified_at": "2026-08-21T10:11:12.123456789+02:00",
            }
        )

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        try:
            body = cast("Json", json.loads(await request.read()))
        except ValueError:
            return _error(400, "invalid character in JSON")
        model = str(body.get("model") or "")
        if not model:
            return _error(400, "model is required")
        if not self._has(model):
            return _error(404, f"model '{model}' not found")
        if body.get("think") and not self.thinking:
            return _error(400, f'"{model}" does not support thinking')
        if not body.get("messages"):
            reason = "unload" if body.get("keep_alive") == 0 else "load"
            return web.json_response(_line(model, done=True, done_reason=reason))
        self.chats.append(body)
        await self._count(1)
        try:
            return await self._answer(request, model, body)
        finally:
            await self._count(-1)

    async def _count(self, step: int) -> None:
        self.open_chats += step
        async with self.changed:
            self.changed.notify_all()

    async def _answer(self, request: web.Request, model: str, body: Json) -> web.StreamResponse:
        lines = self._forwarded(model, body) if self.forward else self._canned(model, body)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        collected: list[Json] = []
        try:
            async with contextlib.aclosing(lines):
                async for line in lines:
                    collected.append(line)
                    if body.get("stream", True):
                        # The status goes out with the first line, never before it.
                        if not response.prepared:
                            await response.prepare(request)
                        await response.write(json.dumps(line).encode() + b"\n")
        except _RunnerError as error:
            if not response.prepared:
                return _error(error.status, error.text)
            await response.write(json.dumps({"error": error.text}).encode() + b"\n")
        if body.get("stream", True):
            return response
        return web.json_response(_joined(collected))

    async def _canned(self, model: str, body: Json) -> AsyncGenerator[Json, None]:
        started = time.perf_counter_ns()
        most = int((body.get("options") or {}).get("num_predict") or -1)
        words = _WORDS if most < 0 else _WORDS[:most]
        for place, word in enumerate(words):
            await asyncio.sleep(self.delay)
            yield _line(model, content=word if place == 0 else f" {word}")
        prompt = sum(len(str(message.get("content", "")).split()) for message in body["messages"])
        yield _line(
            model,
            done=True,
            done_reason="stop" if len(words) == len(_WORDS) else "length",
            total_duration=time.perf_counter_ns() - started,
            load_duration=1_000_000,
            prompt_eval_count=prompt,
            prompt_eval_duration=1_000_000,
            eval_count=len(words),
            eval_duration=time.perf_counter_ns() - started,
        )

    async def _forwarded(self, model: str, body: Json) -> AsyncGenerator[Json, None]:
        started = time.perf_counter_ns()
        runner = _Runner()
        async for chunk in self._chunks(_runner_body(body)):
            content, thinking = runner.take(chunk)
            if content or thinking:
                yield _line(model, content=content, thinking=thinking)
        if runner.reason is None:
            return  # as with Ollama, an answer of the runner that just ends, just ends
        yield _line(
            model, tool_calls=runner.tool_calls(), done=True, total_duration=time.perf_counter_ns() - started,
            load_duration=1_000_000, **runner.metrics(),
        )  # fmt: skip

    async def _chunks(self, body: Json) -> AsyncGenerator[Json, None]:
        assert self.session is not None
        async with self.session.post(f"{self.forward}/v1/chat/completions", json=body) as reply:
            if reply.status != 200:
                raise _RunnerError(reply.status, await reply.text())
            async for line in reply.content:
                if line.startswith(b"data: ") and line.strip() != b"data: [DONE]":
                    chunk = cast("Json", json.loads(line[6:]))
                    if "error" in chunk:
                        raise _RunnerError(500, json.dumps(chunk))
                    yield chunk

    def _has(self, name: str) -> bool:
        return (name if ":" in name else f"{name}:latest").lower() == self.model

    def _capabilities(self) -> list[str]:
        return ["completion", "tools", *(["thinking"] if self.thinking else [])]

    def _entry(self) -> Json:
        details = {
            "parent_model": "", "format": "gguf", "family": "llama", "families": None, "parameter_size": "153.79K",
            "quantization_level": "F32",
        }  # fmt: skip
        return {"name": self.model, "model": self.model, "size": 615_168, "digest": _DIGEST, "details": details}


class _Runner:
    """Collects from the llama.cpp server's chunks what Ollama says on its last line."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._calls: dict[int, Json] = {}
        self._usage: Json = {}
        self._timings: Json = {}

    def take(self, chunk: Json) -> tuple[str, str]:
        """Return the chunk's content and thinking, and keep the rest."""
        self._usage = chunk.get("usage") or self._usage
        self._timings = chunk.get("timings") or self._timings
        content = thinking = ""
        for choice in chunk.get("choices") or []:
            delta: Json = choice.get("delta") or {}
            content += delta.get("content") or ""
            thinking += delta.get("reasoning_content") or ""
            for call in delta.get("tool_calls") or []:
                kept = self._calls.setdefault(call["index"], {"id": "", "name": "", "arguments": ""})
                kept["id"] += call.get("id") or ""
                kept["name"] += call["function"].get("name") or ""
                kept["arguments"] += call["function"].get("arguments") or ""
            self.reason = choice.get("finish_reason") or self.reason
        return content, thinking

    def tool_calls(self) -> list[Json]:
        """The calls, whole, their arguments as objects; those that broke off are left out."""
        calls: list[Json] = []
        for index, call in sorted(self._calls.items()):
            with contextlib.suppress(ValueError):
                function = {"index": index, "name": call["name"], "arguments": json.loads(call["arguments"])}
                calls.append({"id": call["id"], "function": function})
        return calls

    def metrics(self) -> Json:
        """Reason, counts and times; what is zero is left out, as Ollama does."""
        found = {
            "done_reason": "length" if self.reason == "length" else "stop",
            "prompt_eval_count": self._usage.get("prompt_tokens"),
            "eval_count": self._usage.get("completion_tokens"),
            "prompt_eval_duration": int(self._timings.get("prompt_ms", 0) * 1e6),
            "eval_duration": int(self._timings.get("predicted_ms", 0) * 1e6),
        }
        return {name: value for name, value in found.items() if value}


def _runner_body(body: Json) -> Json:
    """A native chat request in llama.cpp's form."""
    options: Json = body.get("options") or {}
    sent: Json = {"stream": True, "stream_options": {"include_usage": True}}
    sent["messages"] = [_runner_message(message) for message in body["messages"]]
    same = ("temperature", "top_p", "top_k", "seed", "stop", "presence_penalty", "frequency_penalty", "logit_bias")
    sent |= {name: options[name] for name in same if name in options}
    sent |= {name: body[name] for name in ("tools", "tool_choice") if name in body}
    if "num_predict" in options:
        sent["max_tokens"] = options["num_predict"]
    wanted = body.get("format")
    if wanted == "json":
        sent["response_format"] = {"type": "json_object"}
    elif wanted:
        sent["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}
    return sent


def _runner_message(message: Json) -> Json:
    sent = {name: message[name] for name in ("role", "content", "tool_call_id") if name in message}
    if message.get("thinking"):
        sent["reasoning_content"] = message["thinking"]
    if message.get("tool_calls"):
        sent["tool_calls"] = [
            {
                "id": call.get("id", ""),
                "type": "function",
                "function": {
                    "name": call["function"]["name"],
                    "arguments": json.dumps(call["function"].get("arguments") or {}),
                },
            }
            for call in message["tool_calls"]
        ]
    return sent


def _line(
    model: str, *, content: str = "", thinking: str = "", tool_calls: list[Json] | None = None, done: bool = False,
    **metrics: object,
) -> Json:  # fmt: skip
    message: Json = {"role": "assistant", "content": content}
    if thinking:
        message["thinking"] = thinking
    if tool_calls:
        message["tool_calls"] = tool_calls
    made = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {"model": model, "created_at": made, "message": message, "done": done, **metrics}


def _joined(lines: list[Json]) -> Json:
    """The one object that a request without streaming gets."""
    last = dict(lines[-1])
    message = dict(last["message"])
    for name in ("content", "thinking"):
        text = "".join(line["message"].get(name, "") for line in lines)
        if text or name == "content":
            message[name] = text
    return last | {"message": message}


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


@contextlib.asynccontextmanager
async def running_ollama(stand_in: OllamaStandIn, port: int = 0) -> AsyncGenerator[str, None]:
    """Serve ``stand_in`` in this event loop and give its address."""
    runner = web.AppRunner(stand_in.application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def running_ollama_process(*arguments: str) -> Generator[str]:
    """Run this module with ``arguments`` in a process of its own and give its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.ollama", "--stdin", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield cast("IO[str]", process.stdout).readline().strip()
    finally:
        process.kill()
        process.communicate()


async def _serve(arguments: argparse.Namespace) -> None:
    stand_in = OllamaStandIn(
        model=arguments.model, forward=arguments.forward, delay=arguments.delay, thinking=arguments.think
    )
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    if arguments.stdin:
        loop.add_reader(sys.stdin.fileno(), done.set)
    async with running_ollama(stand_in, arguments.port) as url:
        print(url, flush=True)
        await done.wait()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forward", help="the address of a llama.cpp server, such as tests.fakes.llama prints")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", default="tiny:latest")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between the words of a fixed answer")
    parser.add_argument("--think", action="store_true", help="say that the model can think")
    parser.add_argument("--stdin", action="store_true", help="end with standard input")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
