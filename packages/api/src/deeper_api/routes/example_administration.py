"""Examples of what administrators are sent, by type: what they see of Ann, who asks in `example_requests`."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import asdict

from deeper_api.routes.admin_servers import ModelServer, ModelServerList
from deeper_api.routes.admin_usage import UsageReport
from deeper_api.routes.admin_users import SessionList, UserDetails
from deeper_api.routes.example_answers import ANN, DAY, GENERATION_ID, RUNNER_ID, SESSION, THEN, TOTALS
from deeper_api.routes.example_requests import MODEL
from deeper_api.routes.pages import Page
from deeper_api.store.overviews import RunningOfSomebody, WhoseGeneration
from deeper_api.store.people import Account
from deeper_api.store.usages import UsageRow
from deeper_core import ErrorCode

_ACCOUNT = Account(**asdict(ANN), tokens_per_day=100_000)
_RUNNING = RunningOfSomebody(
    id=GENERATION_ID,
    user_id=ANN.id,
    email=ANN.email,
    model=DAY.model,
    purpose="chat",
    created_at=THEN,
    runner_id=RUNNER_ID,
    cancel_requested_at=None,
    prompt_tokens=31,
    completion_tokens=0,
    position=2,
)
_ROW = UsageRow(**asdict(TOTALS), day=DAY.day, user_id=ANN.id, email=ANN.email, model=DAY.model)

ADMINISTRATION: Final[Mapping[object, Mapping[str, object]]] = {
    Page[Account]: {"ann": Page(items=[_ACCOUNT], cursor=None)},
    UserDetails: {
        "ann": UserDetails(
            **asdict(_ACCOUNT), sessions=1, api_keys=1, conversations=1, running=1, last_seen_at=THEN, usage=TOTALS
        )
    },
    SessionList: {"one": SessionList(items=[SESSION])},
    Page[RunningOfSomebody]: {"waiting": Page(items=[_RUNNING], cursor=None)},
    WhoseGeneration: {
        "cancelled": WhoseGeneration(id=GENERATION_ID, user_id=ANN.id, purpose="chat", state="cancelled")
    },
    UsageReport: {"oneDay": UsageReport(first=DAY.day, last=DAY.day, items=[_ROW], totals=TOTALS, cursor=None)},
    ModelServerList: {
        "two": ModelServerList(
            items=[
                ModelServer(
                    name="gpu-1",
                    ready=True,
                    error=None,
                    state="up",
                    in_flight=2,
                    models=[MODEL, "qwen3:8b"],
                    loaded=[MODEL],
                ),
                ModelServer(
                    name="gpu-2",
                    ready=False,
                    error=ErrorCode.MODEL_SERVER_UNREACHABLE,
                    state="open",
                    in_flight=0,
                    models=[MODEL],
                    loaded=[],
                ),
            ]
        )
    },
}
