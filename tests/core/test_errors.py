import copy
import pickle
import re
from collections.abc import Iterator

import pytest

from deeper_core import (
    DeeperError,
    ErrorCode,
    ErrorDetail,
    InternalError,
    ModelServerError,
    RateLimited,
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


def test_every_code_belongs_to_exactly_one_class():
    assert sorted(error.code for error in ERRORS) == sorted(ErrorCode)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_defines_its_own_code_message_and_docstring(error):
    assert {"code", "default_message", "__doc__"} <= vars(error).keys()
    assert error.__doc__


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_named_like_its_code(error):
    assert re.sub(r"(?<!^)(?=[A-Z])", "_", error.__name__).lower() == error.code


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_speaks_for_itself(error):
    raised = error()
    assert str(raised) == raised.message == error.default_message
    assert raised.message.endswith(".")
    assert (raised.details, raised.retry_after) == ((), None)


def test_the_drawing_is_the_tree():
    assert errors.__doc__ is not None
    drawn: list[tuple[str, str]] = []
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ((?:[│ ]   )*(?:[├└]── )?)([A-Z]\w+)", line)
        if found:
            depth = len(found[1]) // 4
            path[depth:] = [found[2]]
            drawn.append((found[2], path[depth - 1] if depth else "Exception"))
    assert drawn[0] == ("DeeperError", "Exception")
    assert drawn[1:] == [(error.__name__, error.__bases__[0].__name__) for error in ERRORS]


def test_a_message_and_details_can_be_given():
    detail = ErrorDetail(message="too long", field="$.name")
    raised = RateLimited("Slow down.", details=(detail,), retry_after=1.5)
    assert (raised.message, raised.details, raised.retry_after) == ("Slow down.", (detail,), 1.5)


def test_whoever_prints_an_error_reads_what_is_wrong():
    details = (ErrorDetail(message="Expected an address", field="$.email"), ErrorDetail(message="Say who you are"))
    assert str(ValidationFailed(details=details)) == (
        "A value in the request is not allowed. $.email: Expected an address. Say who you are."
    )


def test_an_empty_message_becomes_the_usual_one():
    assert InternalError("").message == InternalError.default_message


def test_only_errors_that_may_pass_say_that_asking_again_may_help():
    retryable = {error.__name__ for error in ERRORS if issubclass(error, ModelServerError) and error.retryable}
    assert retryable == {"ModelServerUnreachable", "ModelServerOverloaded"}


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301  - our own
def test_an_error_can_be_copied(again):
    copied = again(RateLimited("Slow down.", retry_after=2.0))
    assert (type(copied), copied.message, copied.retry_after) == (RateLimited, "Slow down.", 2.0)


def test_errors_know_nothing_of_http():
    assert not any(hasattr(error, name) for error in ERRORS for name in ("status", "status_code", "headers"))
