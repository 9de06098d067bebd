"""What the routes that ask a model have in common."""

from litestar import Response

from deeper_api.chat.answers import Answer, whole_answer
from deeper_api.chat.feeds import Feed
from deeper_api.errors import ErrorBody
from deeper_api.middleware.bodies import JsonRequest
from deeper_api.middleware.refusals import Envelope, refusal_of
from deeper_api.providers.callers import StillStands
from deeper_api.routes.parameters import refusal
from deeper_api.routes.streams import Supervision, departure
from deeper_core import InvalidToken

# Nobody receives it; in the log it says why there is no answer, as nginx does.
_CLIENT_LEFT = 499
_LONGEST_KEY = 255


async def whole(
    request: JsonRequest, feed: Feed, still_stands: StillStands
) -> Answer | Response[Envelope] | Response[None]:
    """Follow ``feed`` to its end and return the answer, or the response that says why there is none.

    Raises:
        InvalidToken: the caller is somebody no more.
    """
    with departure(request.receive) as leaving:
        async with Supervision(leaving, still_stands) as supervision:
            answer = await whole_answer(feed, leaving)
    if supervision.expelled:
        raise InvalidToken
    if isinstance(answer, ErrorBody):
        return refusal_of(answer, request.scope).response()
    return Response(None, status_code=_CLIENT_LEFT) if answer is None else answer


def idempotency_key(request: JsonRequest) -> str | None:
    """Return the key by which the request can be told from others, if it has one.

    Raises:
        ValidationFailed: it is no key.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise refusal("Idempotency-Key", f"Expected 1 to {_LONGEST_KEY} printable characters of ASCII")
    return key
