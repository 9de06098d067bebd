"""POST /openai/v1/chat/completions: ask a model as OpenAI's clients do."""

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from deeper_api.chat.allowances import allowance, permits
from deeper_api.chat.answers import Answer
from deeper_api.chat.questions import Asked, Questions
from deeper_api.config import AppConfig
from deeper_api.middleware.bodies import JsonRequest
from deeper_api.middleware.refusals import Envelope
from deeper_api.openai.completions import Completion, chunk_wire, completion_of
from deeper_api.openai.requests import CompletionBody
from deeper_api.providers.callers import Caller, StillStands
from deeper_api.routes.answers import idempotency_key, whole
from deeper_api.routes.streams import PatientStream
from deeper_core import ModelNotFound


@post("/openai/v1/chat/completions", status_code=200, operation_id="createChatCompletion", tags=["openai"])
async def create_chat_completion(
    request: JsonRequest,
    data: JSONBody[CompletionBody],
    caller: NamedDependency[Caller],
    questions: NamedDependency[SkipValidation[Questions]],
    request_id: NamedDependency[str],
    config: NamedDependency[SkipValidation[AppConfig]],
    still_stands: NamedDependency[SkipValidation[StillStands]],
) -> Response[Completion] | PatientStream | Response[Envelope] | Response[None]:
    """Answer as OpenAI's API does: whole, or with ``"stream": true`` as chunks in server-sent events.

    No conversation is kept, and the answer is cancelled when whoever asked goes away, unless the request has an
    ``Idempotency-Key``: then it may be sent again, as for /v1/chat.
    """
    if not permits(config, caller.role, data.model):
        raise ModelNotFound
    key = idempotency_key(request)
    feed = await questions.ask(
        Asked(
            user_id=caller.user_id,
            request=data.request(),
            request_id=request_id,
            idempotency_key=key,
            fingerprint=b"" if key is None else msgspec.json.encode(data, order="deterministic"),
            allowance=allowance(config, caller.role, caller.tokens_per_day),
            key_id=caller.key_id,
        )
    )
    if data.stream:
        include_usage = data.stream_options is not None and bool(data.stream_options.include_usage)
        return PatientStream(
            feed, chunk_wire(include_usage=include_usage), config.server.heartbeat_seconds, still_stands
        )
    answer = await whole(request, feed, still_stands)
    return Response(completion_of(answer)) if isinstance(answer, Answer) else answer
