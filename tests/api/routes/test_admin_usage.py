"""/v1/admin/usage and /v1/admin/model-servers."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from deeper_core import ModelServerUnreachable, Role, UserId
from deeper_model import ScriptedProvider
from tests.api.ledgers import Entry, enter
from tests.api.shapes import require_error, require_headers
from tests.api.stores import open_users
from tests.fakes.exchanges import Account, Client, Json, sign_up
from tests.fixtures.applications import application, config_for

USAGE = "/v1/admin/usage"
PERIOD = "from=2026-03-01&to=2026-03-02"
FIRST, SECOND = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 2, 23, 59, tzinfo=UTC)


@pytest.fixture
async def alone(database_url: str, scripted: ScriptedProvider) -> AsyncGenerator[Client]:
    async with application(config_for(database_url), scripted) as client:
        yield client


@pytest.fixture
async def people(alone: Client, database_url: str) -> tuple[Account, Account, Account]:
    """An administrator, and two users who used something in March."""
    admin, ann, bob = [await sign_up(alone) for _ in range(3)]
    async with open_users(database_url) as users:
        await users.set_role(UserId(UUID(admin.user["id"])), Role.ADMIN)
    enter(database_url, UserId(UUID(ann.user["id"])), [Entry(FIRST), Entry(SECOND), Entry(SECOND, "gemma")])
    failed = Entry(SECOND, state="failed", completion_tokens=0, estimated=True)
    running = Entry(SECOND, state="running")
    enter(database_url, UserId(UUID(bob.user["id"])), [Entry(SECOND), failed, running])
    return await admin.log_in(), ann, bob


def row(day: str | None, user: Account | None, model: str | None, requests: int, **more: int) -> Json:
    return {
        "day": day,
        "user_id": user and user.user["id"],
        "email": user and user.email,
        "model": model,
        "requests": requests,
        "prompt_tokens": 10 * requests,
        "completion_tokens": 20 * requests,
        "estimated_requests": 0,
        "failed_requests": 0,
    } | more


async def test_it_is_told_apart_by_day_user_and_model(people: tuple[Account, Account, Account]):
    admin, ann, bob = people
    reply = await admin.client.get(f"{USAGE}?{PERIOD}")
    failed = {"completion_tokens": 20, "estimated_requests": 1, "failed_requests": 1}
    items = [
        row("2026-03-02", bob, "llama", 2, **failed),
        row("2026-03-02", ann, "llama", 1),
        row("2026-03-02", ann, "gemma", 1),
        row("2026-03-01", ann, "llama", 1),
    ]
    totals = {
        "requests": 5,
        "prompt_tokens": 50,
        "completion_tokens": 80,
        "estimated_requests": 1,
        "failed_requests": 1,
    }
    assert (reply.status, reply.json()) == (
        200,
        {"from": "2026-03-01", "to": "2026-03-02", "items": items, "totals": totals, "cursor": None},
    )
    require_headers(reply)


async def test_only_some_of_it_may_be_told_apart(people: tuple[Account, Account, Account]):
    admin, ann, bob = people
    failed = {"estimated_requests": 1, "failed_requests": 1}

    async def items(query: str) -> list[Json]:
        return (await admin.client.get(f"{USAGE}?{PERIOD}&{query}")).json()["items"]

    assert await items("by=user") == [
        row(None, bob, None, 2, completion_tokens=20, **failed),
        row(None, ann, None, 3),
    ]
    assert await items("by=model") == [
        row(None, None, "llama", 4, completion_tokens=60, **failed),
        row(None, None, "gemma", 1),
    ]
    assert await items("by=day,model") == [
        row("2026-03-02", None, "llama", 3, completion_tokens=40, **failed),
        row("2026-03-02", None, "gemma", 1),
        row("2026-03-01", None, "llama", 1),
    ]
    assert await items(f"by=user&user_id={ann.user['id']}&model=gemma") == [row(None, ann, None, 1)]


@pytest.mark.parametrize("by", ["day,user,model", "user,model", "model", "day", "day,user", "user"])
async def test_pages_join_to_the_whole_and_the_totals_are_of_all(people: tuple[Account, Account, Account], by: str):
    admin, _, _ = people
    whole = (await admin.client.get(f"{USAGE}?{PERIOD}&by={by}")).json()
    found: list[Json] = []
    cursor = ""
    while True:
        page = (await admin.client.get(f"{USAGE}?{PERIOD}&by={by}&limit=1{cursor}")).json()
        assert (page["totals"], len(page["items"])) == (whole["totals"], 1)
        found += page["items"]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert found == whole["items"]


@pytest.mark.parametrize(
    "query", ["by=", "by=x", "by=day;user", "by=day,day,day,day", "from=x", "user_id=x", "model=%00", "cursor=x"]
)
async def test_what_makes_no_sense_is_refused(admin: Account, query: str):
    reply = await admin.client.get(f"{USAGE}?{query}")
    require_error(reply, 422, "validation_failed", details=reply.json()["error"]["details"])


async def test_model_servers_are_told_with_why_they_do_not_answer(admin: Account, scripted: ScriptedProvider):
    async def told() -> list[tuple[object, ...]]:
        reply = await admin.client.get("/v1/admin/model-servers")
        assert reply.status == 200
        return [tuple(server[key] for key in ("name", "ready", "error", "state")) for server in reply.json()["items"]]

    assert await told() == [("scripted", True, None, "up")]
    scripted.fault = ModelServerUnreachable()
    assert await told() == [("scripted", False, "model_server_unreachable", "up")]
