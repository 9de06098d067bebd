"""/v1/admin/generations: what models are writing now, for everybody."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.params import FromPath, QueryParameter, SkipValidation

from deeper_api.accounts.audits import AuditTrail
from deeper_api.accounts.devices import Device
from deeper_api.chat.engine import Engine
from deeper_api.providers.callers import Person
from deeper_api.routes.pages import CursorText, GenerationCursor, Limit, Page, decode_cursor, encode_cursor
from deeper_api.routes.parameters import parsed, plain
from deeper_api.store.audits import AuditKind
from deeper_api.store.overviews import OverviewStore, RunningOfSomebody, WhoseGeneration
from deeper_core import GenerationId, NotFound, UserId

MODEL_CHARACTERS = 256

OfUser = Annotated[str | None, QueryParameter(format=OpenAPIFormat.UUID, description="Only what this user asked.")]
OfModel = Annotated[
    str | None,
    QueryParameter(
        description="Only what this model was asked.", schema_extra={"minLength": 1, "maxLength": MODEL_CHARACTERS}
    ),
]


@get("/", operation_id="listRunningGenerations")
async def list_running_generations(
    admin: NamedDependency[Person],  # noqa: ARG001  - asking is requiring
    overviews: NamedDependency[SkipValidation[OverviewStore]],
    cursor: CursorText = None,
    limit: Limit = 50,
    user_id: OfUser = None,
    model: OfModel = None,
) -> Page[RunningOfSomebody]:
    """Return the running generations of everybody, on every server, the newest first. What is said stays theirs."""
    place = decode_cursor(cursor, GenerationCursor)
    account = parsed("user_id", user_id, UUID, "Expected the id of a user")
    rows = await overviews.list_page(
        limit=limit + 1,
        before=None if place is None else GenerationId(place.before),
        user_id=None if account is None else UserId(account),
        model=plain("model", model, MODEL_CHARACTERS),
    )
    items = rows[:limit]
    return Page(items=items, cursor=encode_cursor(GenerationCursor(items[-1].id)) if len(rows) > limit else None)


@post("/{generation_id:uuid}/cancel", status_code=200, operation_id="cancelGenerationOfUser")
async def cancel_generation_of_user(
    generation_id: FromPath[UUID],
    admin: NamedDependency[Person],
    overviews: NamedDependency[SkipValidation[OverviewStore]],
    engine: NamedDependency[SkipValidation[Engine]],
    audit: NamedDependency[SkipValidation[AuditTrail]],
    device: NamedDependency[Device],
) -> WhoseGeneration:
    """Stop a generation of anybody, on whichever server it runs, and return how far it is then.

    One that has ended stays as it is. Should the server that runs it not have stopped it within two seconds, the state
    is still ``running``.
    """
    found = await _find(overviews, generation_id)
    if found.state != "running":
        return found
    await overviews.request_cancel(found.id)
    await audit.note(
        AuditKind.GENERATION_CANCELLED,
        device,
        actor=admin.user_id,
        subject=found.user_id,
        generation_id=str(found.id),
    )
    if found.purpose == "chat":
        await engine.cancel(found.id, found.user_id)  # also waits for the end
    return await _find(overviews, generation_id)


async def _find(overviews: OverviewStore, generation_id: UUID) -> WhoseGeneration:
    found = await overviews.find(GenerationId(generation_id))
    if found is None:
        raise NotFound
    return found


running_router = Router(path="/generations", route_handlers=[list_running_generations, cancel_generation_of_user])
