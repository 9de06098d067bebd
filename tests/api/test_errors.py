"""Errors on the wire."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.errors import STATUS, ErrorEnvelope, error_body, error_headers
from deeper_core import (
    DeeperError,
    ErrorCode,
    ErrorDetail,
    InvalidToken,
    ModelNotFound,
    ModelServerOverloaded,
    NotFound,
    RateLimited,
    Unauthenticated,
    ValidationFailed,
    errors,
)


def tree(root: type[DeeperError]) -> Iterator[type[DeeperError]]:
    """The subclasses of ``root`` that the product defines; tests may define others."""
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from tree(child)


ERRORS = list(tree(DeeperError))


def encode_envelope(error: DeeperError, request_id: str | None) -> bytes:
    return msgspec.json.encode(ErrorEnvelope(error=error_body(error, request_id)))


def decoded(error: DeeperError, request_id: str | None = None) -> dict[str, dict[str, object]]:
    return msgspec.json.decode(encode_envelope(error, request_id), type=dict[str, dict[str, object]])


def test_every_code_has_a_status_and_nothing_else_has():
    assert set(STATUS) == set(ErrorCode)


def test_every_status_is_an_error_that_the_contract_names():
    assert set(STATUS.values()) == {400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 502, 503, 504}


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_can_be_sent(error: type[DeeperError]):
    said = decoded(error(), "r1")["error"]
    assert said == {"code": error.code.value, "message": said["message"], "request_id": "r1"}
    assert str(said["message"]).startswith(error.default_message)
    assert 400 <= STATUS[error.code] < 600


def test_of_models_the_api_says_more_than_the_libraries_where_they_are_listed():
    words = "There is no such model. GET /v1/models lists those that can be used."
    assert decoded(ModelNotFound())["error"]["message"] == words
    assert decoded(ModelNotFound("Pull it first."))["error"]["message"] == "Pull it first."


@pytest.mark.parametrize("error", ERRORS)
def test_who_is_not_known_and_only_they_are_asked_for_a_bearer_token(error: type[DeeperError]):
    asked = error_headers(error_body(error(), None)).get("www-authenticate")
    assert asked == ("Bearer" if issubclass(error, Unauthenticated) else None)


def test_details_are_sent_with_their_fields_where_they_have_one():
    details = (ErrorDetail(message="too long", field="$.name"), ErrorDetail(message="odd"))
    assert decoded(ValidationFailed("No.", details=details)) == {
        "error": {
            "code": "validation_failed",
            "message": "No.",
            "details": [{"message": "too long", "field": "$.name"}, {"message": "odd"}],
        }
    }


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), st.text(max_size=40).map(ascii))
def test_any_message_comes_through(message: str, request_id: str):
    envelope = msgspec.json.decode(encode_envelope(NotFound(message), request_id), type=ErrorEnvelope)
    assert (envelope.error.message, envelope.error.request_id) == (message, request_id)


@pytest.mark.parametrize(
    ("seconds", "sent"), [(0, "1"), (0.001, "1"), (1, "1"), (1.0001, "2"), (2.0, "2"), (59.5, "60"), (-5, "1")]
)
def test_the_time_to_wait_is_rounded_up_to_whole_seconds_and_never_nothing(seconds: float, sent: str):
    assert error_headers(error_body(RateLimited(retry_after=seconds), None))["retry-after"] == sent


@given(st.floats(0, 86_400))
def test_who_waits_as_long_as_told_waits_long_enough_and_no_second_more(seconds: float):
    told = error_headers(error_body(ModelServerOverloaded(retry_after=seconds), None))["retry-after"]
    assert told.isdecimal()
    assert seconds <= int(told) <= max(1, seconds + 1)


def test_without_a_time_to_wait_none_is_sent():
    assert "retry-after" not in error_headers(error_body(RateLimited(), None))


def test_one_error_may_need_both_headers():
    headers = error_headers(error_body(InvalidToken(retry_after=3), None))
    assert headers == {"retry-after": "3", "www-authenticate": "Bearer"}
