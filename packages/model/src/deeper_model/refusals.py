"""Which error a model server means by what it says.

Model servers have no machine codes in common. The status decides first; the text is only a hint, and never part of our
error's message: it may hold paths, addresses or a part of somebody's prompt.
"""

import json
import logging
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

import msgspec
from msgspec import Struct

from deeper_core import (
    ContextTooLong,
    DeeperError,
    JsonObject,
    ModelNotFound,
    ModelOutOfMemory,
    ModelProtocolBroken,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerRejected,
    ModelServerTimedOut,
    ModelServerUnreachable,
)

_log = logging.getLogger(__name__)
_LOGGED_CHARACTERS = 500
_LONGEST_RETRY_AFTER = 3_600.0

# The words of Ollama, llama.cpp, vLLM, SGLang, LM Studio, OpenAI, Anthropic and Google; all in lower case.
_CONTEXT = re.compile(
    r"exceed_context_size|context_length_exceeded|exceeds? (the )?((available|maximum|model's) )?context"
    r"|max(imum)? context length|(greater|longer) than the ((model's|maximum) )?(context|model length)"
    r"|input length exceeds|prompt is too long|context (window|length|size) (is )?(exceeded|too)"
    r"|context (the )?overflows|exceeds the maximum number of tokens"
)
_MEMORY = re.compile(
    r"out.of.memory|more system memory|not enough (memory|vram)|unable to allocate|failed to allocate"
    r"|insufficient (memory|vram)|cudamalloc failed"
)
# llama.cpp's, with the status 500: asking again, or another time, will not help.
_UNABLE = re.compile(r"(image|audio|video) input is not supported")
# A slash before it, and it is the path that is not there.
_NO_MODEL = re.compile(
    r"(?<!/)model.{0,300}(not found|does not exist|not exist)|model_not_found|no such model", re.DOTALL
)
# Of 529 only Anthropic and its imitators know.
_BY_STATUS: dict[int, type[DeeperError]] = {
    408: ModelServerTimedOut,
    429: ModelServerOverloaded,
    502: ModelServerUnreachable,
    503: ModelServerOverloaded,
    504: ModelServerTimedOut,
    529: ModelServerOverloaded,
}
NO_KEY = "The model server does not let this server in. Its API key is missing, wrong, or not for this."
NO_PATH = "The model server has nothing at the path that it was asked for. The path of its URL is likely to be wrong."
_BUSY = re.compile(r"server busy|overloaded|maximum pending requests|loading model|rate.?limit")


class Refusal(Struct, frozen=True, kw_only=True):
    """What a model server said instead of an answer; ``retry_after`` is the header of that name."""

    status: int
    body: bytes
    retry_after: str | None = None


def classify(refusal: Refusal) -> DeeperError:
    """Return the error that ``refusal`` means."""
    status = refusal.status
    text = _text(refusal.body)
    _log.debug("model server answered %d: %r", status, text[:_LOGGED_CHARACTERS])
    hint = text.lower()
    known = _BY_STATUS.get(status)
    if known is not None:
        return known(retry_after=parse_retry_after(refusal.retry_after))
    if status in {404, 405} and not isinstance(_decode(refusal.body), dict):
        # No error of an API but of a web server: this is not the kind of model server that was configured.
        return ModelProtocolBroken(NO_PATH)
    if 400 <= status < 500:
        return _classify_rejection(status, hint)
    return _classify_failure(hint) if status >= 500 else ModelProtocolBroken()


def classify_stream_error(error: object) -> DeeperError:
    """Return the error that ``error`` means, the value of an ``error`` key inside a stream.

    There is no status any more, unless the error brings one along.
    """
    # The standard library's encoder, because the text of an error may hold halves of surrogate pairs.
    try:
        body = json.dumps({"error": error}).encode()
    except RecursionError:  # nested so deeply that it could just be read
        body = b""
    status = _status_of(error)
    if status is not None:
        return classify(Refusal(status=status, body=body))
    text = _text(body)
    _log.debug("model server broke its stream off: %r", text[:_LOGGED_CHARACTERS])
    hint = text.lower()
    if _NO_MODEL.search(hint):
        return ModelNotFound()
    if _BUSY.search(hint):
        return ModelServerOverloaded()
    return _classify_failure(hint)


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 section 10.2.3), at most an hour; None if it has none."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    # A comparison that fails for NaN, too.
    return min(seconds, _LONGEST_RETRY_AFTER) if seconds >= 0 else None


def _classify_rejection(status: int, hint: str) -> DeeperError:
    if status in {401, 403}:
        return ModelServerRejected(NO_KEY)
    if status == 404 or "model_not_found" in hint:
        return ModelNotFound() if _NO_MODEL.search(hint) else ModelServerRejected(NO_PATH)
    if status == 405:
        return ModelServerRejected(NO_PATH)
    if _CONTEXT.search(hint):
        return ContextTooLong()
    if _MEMORY.search(hint):
        return ModelOutOfMemory()
    return ModelServerRejected()


def _classify_failure(hint: str) -> DeeperError:
    if _CONTEXT.search(hint):
        return ContextTooLong()
    if _MEMORY.search(hint):
        return ModelOutOfMemory()
    if _UNABLE.search(hint):
        return ModelServerRejected()
    return ModelServerFailed()


def _decode(body: bytes | str) -> object:
    try:
        return cast("object", msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _unwrap(value: object) -> object:
    """Return the JSON inside ``value`` if it is the text of an object: Ollama passes its runner's errors on so."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return _decode(value) or value
    return value


def _text(body: bytes) -> str:
    """Return everything that ``body`` says, one level of nested JSON unwrapped, as one text."""
    found = _decode(body)
    if not isinstance(found, dict):
        return body.decode("utf-8", "replace")
    fields = cast("JsonObject", found)
    error = fields.get("error", fields)
    inner = _unwrap(error)
    try:
        return inner if isinstance(inner, str) else msgspec.json.encode(inner).decode()
    except RecursionError:  # pragma: no cover  - where the C stack itself is the limit: Python 3.14
        return body.decode("utf-8", "replace")


def _status_of(error: object) -> int | None:
    """Return the HTTP status that an error object carries: llama.cpp's ``code``, possibly one level down."""
    inner = _unwrap(error)
    for _ in range(2):
        if not isinstance(inner, dict):
            return None
        fields = cast("JsonObject", inner)
        code = fields.get("code", fields.get("status"))
        if isinstance(code, int) and 400 <= code < 600:
            return code
        inner = fields.get("error")
    return None
