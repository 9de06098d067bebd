"""What nobody expected, inside a stream and outside: told in general words, and logged once."""

import pytest

from deeper_core import ChatEvent, ChatRequest
from deeper_model import ScriptedProvider
from tests.api.routes.test_chat import NDJSON, QUESTION
from tests.api.shapes import require_error
from tests.fakes.exchanges import Account, Reply, ndjson_frames, sse_frames
from tests.fixtures.applications import LogLines

SECRET = "sk-canary-4711"
GENERIC = "Something went wrong on our side. The request id helps to find out what."


class Boom(RuntimeError):
    """An error of a kind that nobody translates."""


class _Stream:
    """A stream that raises ``error`` at its first step."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __aiter__(self) -> "_Stream":
        return self

    async def __anext__(self) -> ChatEvent:
        raise self._error

    async def aclose(self) -> None:
        pass


@pytest.fixture
def broken(scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch) -> ScriptedProvider:
    """A provider with a fault of programming, whose text holds a secret."""

    def chat_stream(request: ChatRequest) -> _Stream:
        return _Stream(Boom(f"{SECRET} for {request.model}"))

    async def list_models() -> None:
        raise Boom(SECRET) from ValueError(SECRET)

    monkeypatch.setattr(scripted, "chat_stream", chat_stream)
    monkeypatch.setattr(scripted, "list_models", list_models)
    return scripted


def require_logged_once(log_lines: LogLines, logger: str, reply: Reply) -> None:
    (line,) = [line for line in map(dict, log_lines.of(logger)) if line["level"] == "error"]
    assert line["request_id"] == reply.header("x-request-id")
    assert "Boom" in line["exception"]
    assert "in list_models" in line["exception"] or "in __anext__" in line["exception"]
    assert SECRET not in "".join(log_lines.text)


@pytest.mark.usefixtures("broken")
async def test_outside_of_a_stream(account: Account, log_lines: LogLines):
    reply = await account.client.get("/v1/models")
    require_error(reply, 500, "internal_error", GENERIC)
    require_logged_once(log_lines, "deeper.errors", reply)


@pytest.mark.usefixtures("broken")
async def test_in_a_whole_answer(account: Account, log_lines: LogLines):
    reply = await account.client.post("/v1/chat", QUESTION | {"stream": False})
    require_error(reply, 500, "internal_error", GENERIC)
    require_logged_once(log_lines, "deeper.generations", reply)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("headers", [{}, NDJSON])
async def test_inside_a_stream(account: Account, log_lines: LogLines, headers: dict[str, str]):
    reply = await account.client.post("/v1/chat", QUESTION, headers=headers)
    _, (number, event, frame) = (ndjson_frames if headers else sse_frames)(reply.body)
    error = {"code": "internal_error", "message": GENERIC, "request_id": reply.header("x-request-id")}
    assert (number, event, frame) == (1, "error", {"event": "error", "error": error})
    require_logged_once(log_lines, "deeper.generations", reply)


async def test_the_log_of_an_answer_tells_how_it_went_and_nothing_of_what_was_said(
    account: Account, log_lines: LogLines
):
    reply = await account.client.post("/v1/chat", QUESTION | {"messages": [{"role": "user", "content": SECRET}]})
    assert SECRET.encode() in reply.body  # the scripted model repeats the question
    (line,) = log_lines.of("deeper.generations")
    assert {name: line[name] for name in ("message", "request_id", "user_id", "model", "outcome")} == {
        "message": "generation ended",
        "request_id": reply.header("x-request-id"),
        "user_id": account.user["id"],
        "model": "scripted",
        "outcome": "stop",
    }
    assert SECRET not in "".join(log_lines.text)
