"""Examples of what the server sends, by type: the answers to what Ann asks in `example_requests`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

import msgspec

from deeper_api.chat.answers import Answer
from deeper_api.chat.frames import Context, Done, Failed, Numbered, Piece, Queued, Start
from deeper_api.chat.views import GenerationView
from deeper_api.conversations.documents import Document, DocumentMessage
from deeper_api.errors import error_body
from deeper_api.openai.completions import (
    Chunk,
    ChunkChoice,
    ChunkDelta,
    Completion,
    CompletionChoice,
    CompletionMessage,
    TokenCounts,
)
from deeper_api.openai.models import ListedModel, ListedModels
from deeper_api.routes.api_keys import KeyList, MadeKey
from deeper_api.routes.auth import SessionView, SignedIn, Tokens
from deeper_api.routes.example_requests import ANSWERED, ASKED, CONVERSATION_ID, MODEL, QUESTION, REFRESH_TOKEN
from deeper_api.routes.health import Health
from deeper_api.routes.pages import Page
from deeper_api.routes.search import Match
from deeper_api.routes.usage import UsageView
from deeper_api.store.api_keys import NamedKey
from deeper_api.store.audits import AuditEvent, AuditKind
from deeper_api.store.conversations import Conversation
from deeper_api.store.message_rows import Message, MessageState
from deeper_api.store.usages import DailyUsage, Totals
from deeper_core import (
    ApiKeyId,
    ChatMessage,
    ChatRole,
    ConversationId,
    FinishReason,
    GenerationId,
    KeyScope,
    MessageId,
    Model,
    ModelServerTimedOut,
    Role,
    SessionId,
    Timings,
    Usage,
    User,
    UserId,
)

REQUEST_ID: Final = "019ab4c2-7d3e-7000-8000-0000000000ff"

_ANSWER: Final = "Because air scatters blue light more than red."
THEN: Final = datetime(2026, 11, 23, 9, 30, 0, tzinfo=UTC)
_NOW: Final = datetime(2026, 11, 23, 9, 30, 2, tzinfo=UTC)
_UNIX: Final = int(THEN.timestamp())
_JWT: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMTlhYjRjMi03ZDNlIn0.c2lnbmF0dXJl"


def _id(number: int) -> UUID:
    return UUID(int=0x019AB4C2_7D3E_7000_8000_000000000000 + number)


_USER_ID = UserId(_id(0x0A))
_SESSION_ID = SessionId(_id(0x0B))
_CONVERSATION_ID = ConversationId(UUID(CONVERSATION_ID))
GENERATION_ID = GenerationId(_id(0x0D))
RUNNER_ID = _id(0x0E)
_ASKED, _ANSWERED, _LEFT_OUT = MessageId(UUID(ASKED)), MessageId(UUID(ANSWERED)), MessageId(_id(0x03))

_USAGE = Usage(prompt_tokens=31, completion_tokens=10)
_TIMINGS = Timings(queue_ms=0.4, load_ms=12.5, prefill_ms=80, decode_ms=210, first_token_ms=95.2, total_ms=310.9)
_SAID = ChatMessage(role=ChatRole.ASSISTANT, content=_ANSWER)
ANN = User(id=_USER_ID, email="ann@example.com", role=Role.USER, created_at=THEN)
_TOKENS = Tokens(access_token=_JWT, expires_in=600, refresh_token=REFRESH_TOKEN)
_CONVERSATION = Conversation(id=_CONVERSATION_ID, title="Why the sky is blue", created_at=THEN, active_at=_NOW)
_KEY = NamedKey(
    id=ApiKeyId(_id(0x0E)),
    name="my scripts",
    prefix="abcdefgh",
    scopes=(KeyScope.CHAT,),
    created_at=THEN,
    expires_at=None,
    last_used_at=_NOW,
)
SESSION = SessionView(
    id=_SESSION_ID,
    created_at=THEN,
    last_used_at=_NOW,
    expires_at=datetime(2026, 12, 7, 9, 30, 2, tzinfo=UTC),
    user_agent="Mozilla/5.0",
    ip_address="192.0.2.1",
    current=True,
)
_EVENT = AuditEvent(
    id=_id(0x0F),
    at=THEN,
    kind=AuditKind.LOGGED_IN,
    actor_id=_USER_ID,
    subject_id=_USER_ID,
    ip_address="192.0.2.1",
    user_agent="Mozilla/5.0",
    details={"session_id": str(_SESSION_ID)},
)
_MESSAGES = (
    Message(
        id=_ANSWERED,
        conversation_id=_CONVERSATION_ID,
        parent_id=_ASKED,
        role=ChatRole.ASSISTANT,
        state=MessageState.COMPLETE,
        content=_ANSWER,
        created_at=_NOW,
        model=MODEL,
        generation_id=GENERATION_ID,
        finish_reason=FinishReason.STOP,
        usage=_USAGE,
        timings=_TIMINGS,
    ),
    Message(
        id=_ASKED,
        conversation_id=_CONVERSATION_ID,
        parent_id=None,
        role=ChatRole.USER,
        state=MessageState.COMPLETE,
        content=QUESTION,
        created_at=THEN,
    ),
)
TOTALS = Totals(requests=1, prompt_tokens=31, completion_tokens=10, estimated_requests=0, failed_requests=0)
DAY = DailyUsage(
    day=date(2026, 11, 23),
    model=MODEL,
    requests=1,
    prompt_tokens=31,
    completion_tokens=10,
    estimated_requests=0,
    failed_requests=0,
)
_RUNNING = GenerationView(id=GENERATION_ID, state="running", model=MODEL, created_at=THEN)
_ENDED = GenerationView(
    id=GENERATION_ID,
    state="complete",
    model=MODEL,
    created_at=THEN,
    conversation_id=_CONVERSATION_ID,
    message_id=_ANSWERED,
    parent_id=_ASKED,
    position=len(_ANSWER) + 1,
    message=_SAID,
    finish_reason=FinishReason.STOP,
    usage=_USAGE,
    timings=_TIMINGS,
)
_DOCUMENT = Document(
    format="deepersensor.conversation",
    version=1,
    title="Why the sky is blue",
    created_at=THEN,
    active_at=_NOW,
    messages=(
        DocumentMessage(id=_ASKED, parent_id=None, role=ChatRole.USER, created_at=THEN, content=QUESTION),
        DocumentMessage(
            id=_ANSWERED,
            parent_id=_ASKED,
            role=ChatRole.ASSISTANT,
            created_at=_NOW,
            content=_ANSWER,
            model=MODEL,
        ),
    ),
)
_COUNTS = TokenCounts(prompt_tokens=31, completion_tokens=10, total_tokens=41)
FRAMES: Final[tuple[Numbered, ...]] = (
    (0, Start(generation_id=GENERATION_ID, model=MODEL, created_at=THEN)),
    (None, Queued(position=2, estimate_ms=1_500)),
    (None, Context(dropped=(_LEFT_OUT,))),
    (7, Piece(content="Because")),
    (len(_ANSWER) + 1, Done(finish_reason=FinishReason.STOP, usage=_USAGE, timings=_TIMINGS)),
    (8, Failed(error=error_body(ModelServerTimedOut(), REQUEST_ID))),
)
CHUNK = Chunk(
    id=f"chatcmpl-{GENERATION_ID}",
    created=_UNIX,
    model=MODEL,
    choices=(ChunkChoice(index=0, delta=ChunkDelta(content="Because"), finish_reason=None),),
)

ANSWERS: Final[Mapping[object, Mapping[str, object]]] = {
    Health: {"alive": Health()},
    SignedIn: {
        "ann": SignedIn(access_token=_JWT, expires_in=600, refresh_token=REFRESH_TOKEN, user=ANN),
        "inABrowser": SignedIn(access_token=_JWT, expires_in=600, user=ANN),
    },
    Tokens: {"inTheBody": _TOKENS, "inABrowser": Tokens(access_token=_JWT, expires_in=600)},
    list[SessionView]: {"one": [SESSION]},
    User: {"ann": ANN},
    MadeKey: {"made": MadeKey(**msgspec.structs.asdict(_KEY), key="dsk_abcdefgh_abcdefghijklmnopqrstuvwxyz234567")},
    KeyList: {"one": KeyList(items=[_KEY])},
    Page[AuditEvent]: {"one": Page(items=[_EVENT], cursor=None)},
    Sequence[Model]: {"two": [Model(name=MODEL, context_length=8_192, loaded=True), Model(name="qwen3:8b")]},
    Answer: {
        "kept": Answer(
            generation_id=GENERATION_ID,
            model=MODEL,
            created_at=THEN,
            message=_SAID,
            finish_reason=FinishReason.STOP,
            usage=_USAGE,
            timings=_TIMINGS,
            conversation_id=_CONVERSATION_ID,
            message_id=_ANSWERED,
            parent_id=_ASKED,
        )
    },
    GenerationView: {"running": _RUNNING, "done": _ENDED},
    Page[GenerationView]: {"one": Page(items=[_RUNNING], cursor=None)},
    UsageView: {"oneDay": UsageView(first=DAY.day, last=DAY.day, items=[DAY], totals=TOTALS)},
    Conversation: {"one": _CONVERSATION},
    Page[Conversation]: {"one": Page(items=[_CONVERSATION], cursor=None)},
    Page[Message]: {"newestFirst": Page(items=_MESSAGES, cursor=None)},
    Document: {"exported": _DOCUMENT},
    str: {"exported": f"# Why the sky is blue\n\n## User\n\n{QUESTION}\n\n## Assistant\n\n{_ANSWER}\n"},
    Page[Match]: {
        "one": Page(
            items=[
                Match(
                    conversation_id=_CONVERSATION_ID,
                    conversation_title="Why the sky is blue",
                    message_id=_ASKED,
                    role=ChatRole.USER,
                    created_at=THEN,
                    snippet=QUESTION,
                    highlights=((11, 14),),
                )
            ],
            cursor=None,
        )
    },
    Completion: {
        "stopped": Completion(
            id=f"chatcmpl-{GENERATION_ID}",
            created=_UNIX,
            model=MODEL,
            choices=(
                CompletionChoice(
                    index=0,
                    message=CompletionMessage(content=_ANSWER, refusal=None),
                    finish_reason="stop",
                    logprobs=None,
                ),
            ),
            usage=_COUNTS,
        )
    },
    ListedModels: {"one": ListedModels(data=(ListedModel(id=MODEL, created=_UNIX, owned_by="model server"),))},
    ListedModel: {"one": ListedModel(id=MODEL, created=_UNIX, owned_by="model server", max_model_len=8_192)},
}
