"""Errors in OpenAI's shape."""

import pytest

from deeper_api.errors import STATUS, ErrorBody
from deeper_api.openai.errors import openai_envelope, openai_headers, openai_status, speaks_openai
from deeper_core import ErrorCode, ErrorDetail

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_has_a_status_and_a_type_that_belong_together(code: ErrorCode):
    status = openai_status(code)
    assert status == (400 if STATUS[code] == 422 else STATUS[code])
    error = openai_envelope(ErrorBody(code=code, message="Oh.")).error
    assert error.type == _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    assert (error.message, error.param) == ("Oh.", None)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (ErrorCode.INVALID_TOKEN, "invalid_api_key"),
        (ErrorCode.MODEL_NOT_FOUND, "model_not_found"),
        (ErrorCode.CONTEXT_TOO_LONG, "context_length_exceeded"),
        (ErrorCode.RATE_LIMITED, "rate_limit_exceeded"),
        (ErrorCode.OVERLOADED, "overloaded"),
    ],
)
def test_codes_that_frameworks_look_at_are_openais(code: ErrorCode, said: str):
    assert openai_envelope(ErrorBody(code=code, message="Oh.")).error.code == said


def test_tokens_that_are_spent_are_a_quota():
    error = openai_envelope(ErrorBody(code=ErrorCode.RATE_LIMITED, message="Oh."), quota_spent=True).error
    assert (error.type, error.code) == ("insufficient_quota", "insufficient_quota")


@pytest.mark.parametrize(
    ("code", "retry_after", "in_vain"),
    [
        (ErrorCode.CONFLICT, None, True),
        (ErrorCode.RATE_LIMITED, 1, False),
        (ErrorCode.RATE_LIMITED, 60, False),
        (ErrorCode.RATE_LIMITED, 61, True),
        (ErrorCode.OVERLOADED, None, False),
        (ErrorCode.OVERLOADED, 3_600, True),
        (ErrorCode.VALIDATION_FAILED, None, False),
    ],
)
def test_what_would_be_asked_again_in_vain_is_not(code: ErrorCode, retry_after: int | None, in_vain: bool):
    headers = openai_headers(ErrorBody(code=code, message="Oh.", retry_after=retry_after))
    assert headers == ({"x-should-retry": "false"} if in_vain else {})


def test_the_place_of_a_fault_is_its_param_and_the_fault_is_in_the_message():
    detail = ErrorDetail(message="Expected `str`", field="$.messages[0].content")
    error = openai_envelope(ErrorBody(code=ErrorCode.VALIDATION_FAILED, message="No.", details=(detail,))).error
    assert (error.param, error.message) == ("messages[0].content", "No. messages[0].content: Expected `str`")


@pytest.mark.parametrize(
    ("path", "does"),
    [
        ("/openai", True),
        ("/openai/v1/x", True),
        ("/openai/", True),
        ("/openapi/openapi.json", False),
        ("/v1/chat", False),
    ],
)
def test_only_what_is_below_openai_speaks_so(path: str, does: bool):
    assert speaks_openai(path) is does
