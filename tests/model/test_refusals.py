"""What model servers say when they refuse, in their own words, and what it means."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_core import (
    ContextTooLong,
    DeeperError,
    ModelNotFound,
    ModelOutOfMemory,
    ModelServerError,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerRejected,
)
from deeper_model import OpenAICompatibleProvider
from deeper_model.conformance import Peer, running_upstream
from deeper_model.refusals import NO_KEY, NO_PATH, Refusal, classify, classify_stream_error, parse_retry_after
from tests.model.dialects import outcome

WORDS: list[tuple[int, str | dict[str, object], type[DeeperError]]] = [
    (400, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens", ContextTooLong),
    (400, "the input length exceeds the context length", ContextTooLong),
    (400, "tokens to keep from the initial prompt is greater than the context length", ContextTooLong),
    (400, "request (2022 tokens) exceeds the available context size (512 tokens), try increasing it", ContextTooLong),
    (400, {"code": "context_length_exceeded", "message": "too many"}, ContextTooLong),
    (400, "the prompt is longer than the context length currently available to the model; shorten it", ContextTooLong),
    (400, "input after truncation exceeds maximum context length", ContextTooLong),
    (400, "The decoder prompt (length 9000) is longer than the maximum model length of 8192.", ContextTooLong),
    (400, "The input (9000 tokens) is longer than the model's context length (8192 tokens).", ContextTooLong),
    (400, "Requested tokens (9000) exceed context window of 8192", ContextTooLong),
    (400, "Trying to keep the first 9000 tokens when context the overflows.", ContextTooLong),
    (400, "The input token count (9000) exceeds the maximum number of tokens allowed (8192).", ContextTooLong),
    (400, "prompt is too long: 9000 tokens > 8192 maximum", ContextTooLong),
    (500, "the input length exceeds the context length", ContextTooLong),
    (500, "unable to shift context - keep exceeds context (keep: 9000 context: 8192)", ContextTooLong),
    (500, "input length (9000 tokens) exceeds the model's maximum context length (8192 tokens)", ContextTooLong),
    (400, '"tiny" does not support tools', ModelServerRejected),
    (400, {"code": "model_not_found", "message": "The model `x` does not exist"}, ModelNotFound),
    (404, {"message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404}, ModelNotFound),
    (404, 'model "x" not found, try pulling it first', ModelNotFound),
    (404, "models/x is not found for API version v1", ModelNotFound),
    (404, {"message": "File Not Found", "type": "not_found_error", "code": 404}, ModelServerRejected),
    (400, "CUDA out of memory", ModelOutOfMemory),
    (413, "request body too large", ModelServerRejected),
    (422, "unprocessable", ModelServerRejected),
    (499, "request cancelled", ModelServerRejected),
    (500, "llama-server process has terminated: cudaMalloc failed: out of memory", ModelOutOfMemory),
    (500, "llama runner process has terminated: exit status 2", ModelServerFailed),
    (500, {"code": 500, "message": "image input is not supported", "type": "server_error"}, ModelServerRejected),
    (503, "server busy, please try again.  maximum pending requests exceeded", ModelServerOverloaded),
]


@pytest.mark.parametrize(("status", "said", "meant"), WORDS)
def test_words_have_their_meaning(status: int, said: str | dict[str, object], meant: type[DeeperError]) -> None:
    assert type(classify(Refusal(status=status, body=json.dumps({"error": said}).encode()))) is meant


def test_an_error_inside_an_error_is_unwrapped() -> None:
    inner = json.dumps({"error": {"code": 400, "message": "no", "type": "exceed_context_size_error"}})
    assert type(classify(Refusal(status=400, body=json.dumps({"error": inner}).encode()))) is ContextTooLong


@pytest.mark.parametrize("said", [said for status, said, meant in WORDS if status == 500 and meant is ContextTooLong])
def test_a_conversation_can_be_too_long_after_the_stream_began(said: str) -> None:
    assert type(classify_stream_error(said)) is ContextTooLong
    assert type(classify_stream_error(json.dumps({"error": {"code": 400, "message": said}}))) is ContextTooLong


def test_an_error_two_levels_down_says_no_status() -> None:
    said = {"error": {"error": {"code": 503, "message": "no"}}}
    assert type(classify_stream_error(said)) is ModelServerFailed


@given(
    st.integers(100, 999),
    st.binary() | st.recursive(st.text() | st.integers(), st.lists).map(json.dumps).map(str.encode),
)
def test_every_refusal_is_an_error_that_says_nothing_of_its_text(status: int, body: bytes) -> None:
    error = classify(Refusal(status=status, body=body))
    assert isinstance(error, ModelServerError | ModelNotFound)
    assert error.message in {type(error).default_message, NO_KEY, NO_PATH}


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(
    "said",
    [
        b"404 page not found",
        b"<!doctype html><title>Cannot GET /v1/models</title>",
        b'{"detail": "Not Found"}',
        b'{"error": {"message": "Invalid URL (POST /v1/v1/chat/completions)", "type": "invalid_request_error"}}',
        b'{"error": "route /api/models/v1/chat/completions not found"}',
        b'{"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}',
    ],
)
def test_a_path_that_is_not_there_is_told_as_such_and_not_as_a_model(status: int, said: bytes) -> None:
    error = classify(Refusal(status=status, body=said))
    assert not isinstance(error, ModelNotFound)
    assert error.message == NO_PATH


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_every_error_inside_a_stream_is_an_error_of_the_tree(value: object) -> None:
    assert isinstance(classify_stream_error(value), ModelServerError | ModelNotFound)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0", 0.0),
        ("-1", None),
        ("nan", None),
        ("soon", None),
        ("86400", 3_600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 3_600.0),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


@given(st.text())
def test_no_retry_after_is_beyond_an_hour_or_an_exception(value: str) -> None:
    seconds = parse_retry_after(value)
    assert seconds is None or 0 <= seconds <= 3_600


async def test_no_log_and_no_error_holds_the_api_key(caplog: pytest.LogCaptureFixture) -> None:
    async def garbage(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 two hundred\r\n\r\n")

    caplog.set_level(logging.DEBUG)
    async with running_upstream(garbage) as upstream:
        provider = OpenAICompatibleProvider(upstream.url, api_key="sk-secret")
        found = await outcome(provider)
        await provider.close()
    assert upstream.requests[0].headers["authorization"] == "Bearer sk-secret"
    assert found.error is not None
    assert found.error.__cause__ is not None
    told = [caplog.text, repr(found.error), repr(found.error.__cause__), repr(vars(found.error))]
    assert not any("sk-secret" in text for text in told)


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_let_in_is_told_of_the_key_and_not_of_the_model(status: int):
    error = classify(Refusal(status=status, body=b'{"error": {"message": "Incorrect API key provided: sk-secret"}}'))
    assert isinstance(error, ModelServerRejected)
    assert "API key" in str(error)
    assert "secret" not in str(error)
