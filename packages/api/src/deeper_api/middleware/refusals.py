"""Errors as responses: in the one envelope of this API, or below /openai in the shape that OpenAI's clients know."""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
from litestar import MediaType, Response
from litestar.types import Message, Scope, Send
from msgspec import Struct

from deeper_api.errors import STATUS, ErrorBody, ErrorEnvelope, error_headers
from deeper_api.openai.errors import (
    OpenAIErrorEnvelope,
    openai_envelope,
    openai_headers,
    openai_status,
    speaks_openai,
)

Envelope = ErrorEnvelope | OpenAIErrorEnvelope
Header = tuple[bytes, bytes]

# Where the scope's state says that tokens are what the caller has spent too many of.
_QUOTA_SPENT = "quota_spent"


class Refusal(Struct, frozen=True, kw_only=True):
    """An error as it leaves."""

    status: int
    headers: Mapping[str, str]
    envelope: Envelope

    def response(self, headers: Mapping[str, str] | None = None) -> Response[Envelope]:
        """Return it as a handler does, with further ``headers``."""
        given = {**self.headers, **(headers or {})}
        return Response(self.envelope, status_code=self.status, media_type=MediaType.JSON, headers=given)

    async def send(self, send: Send, headers: Sequence[Header] = ()) -> None:
        """Send it as a whole response, with further ``headers``."""
        content = msgspec.json.encode(self.envelope)
        given = {"content-type": "application/json", "content-length": str(len(content)), **self.headers}
        encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in given.items()]
        start = {"type": "http.response.start", "status": self.status, "headers": [*encoded, *headers]}
        await send(cast("Message", start))
        await send({"type": "http.response.body", "body": content, "more_body": False})


def refusal_of(body: ErrorBody, scope: Scope) -> Refusal:
    """Return the error that ``body`` tells of as it leaves on this connection."""
    if not speaks_openai(scope["path"]):
        return Refusal(status=STATUS[body.code], headers=error_headers(body), envelope=ErrorEnvelope(error=body))
    envelope = openai_envelope(body, quota_spent=_QUOTA_SPENT in scope["state"])
    headers = error_headers(body) | openai_headers(body)
    return Refusal(status=openai_status(body.code), headers=headers, envelope=envelope)


def say_quota_is_spent(scope: Scope) -> None:
    """Say that a request is one too many because of the tokens that earlier ones have spent."""
    scope["state"][_QUOTA_SPENT] = True
