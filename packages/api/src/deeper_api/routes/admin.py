"""/v1/admin: what administrators see of everybody."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.params import QueryParameter, SkipValidation

from deeper_api.providers.callers import Person
from deeper_api.routes.admin_generations import running_router
from deeper_api.routes.admin_servers import list_model_servers
from deeper_api.routes.admin_usage import get_usage_of_all
from deeper_api.routes.admin_users import users_router
from deeper_api.routes.pages import AuditCursor, CursorText, Limit, Page, decode_cursor, encode_cursor
from deeper_api.routes.parameters import parsed
from deeper_api.store.audits import AuditEvent, AuditKind, AuditStore
from deeper_core import UserId

Kind = Annotated[
    str | None, QueryParameter(description="Only events of this kind.", schema_extra={"enum": sorted(AuditKind)})
]
User = Annotated[
    str | None,
    QueryParameter(format=OpenAPIFormat.UUID, description="Only what this user did, or what was done to the account."),
]


@get("/audit", operation_id="listAuditEvents")
async def list_audit_events(
    admin: NamedDependency[Person],  # noqa: ARG001  - asking is requiring
    audits: NamedDependency[SkipValidation[AuditStore]],
    cursor: CursorText = None,
    limit: Limit = 50,
    kind: Kind = None,
    user_id: User = None,
) -> Page[AuditEvent]:
    """Return what happened to accounts, sessions and API keys in the last 180 days, the newest first.

    Of each kind there are the newest 100,000.
    """
    account = parsed("user_id", user_id, UUID, "Expected the id of a user")
    place = decode_cursor(cursor, AuditCursor)
    events = await audits.list_page(
        limit=limit + 1,
        before=None if place is None else place.before,
        kind=parsed("kind", kind, AuditKind, "Expected a kind of event"),
        user_id=None if account is None else UserId(account),
    )
    items = events[:limit]
    more = len(events) > limit
    return Page(items=items, cursor=encode_cursor(AuditCursor(items[-1].id)) if more else None)


admin_router = Router(
    path="/v1/admin",
    route_handlers=[users_router, running_router, get_usage_of_all, list_model_servers, list_audit_events],
    tags=["admin"],
)
