"""What belongs to somebody else does not exist, on any route, and nothing that is tried on it changes it."""

from uuid import uuid4

import pytest

from tests.api.routes.test_table import TABLE
from tests.api.shapes import require_error
from tests.api.trees import chain, keep, messages_of
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Json, sign_up

ROUTES = [(method, path) for method, path in TABLE if "{conversation_id:uuid}" in path]
QUERIES = {
    "/messages": ["", "?leaf=newest", "?leaf={message}", "?through={message}"],
    "/export": ["", "?format=markdown"],
}
ATTEMPTS = [(method, path + query) for method, path in ROUTES for query in QUERIES.get(path.rpartition("}")[2], [""])]
SENT: dict[str, Json] = {"PATCH": {"title": "mine", "archived": True}}


async def everything(account: Account, conversation_id: str) -> list[object]:
    conversation = (await account.client.get(f"/v1/conversations/{conversation_id}")).json()
    return [conversation, *await messages_of(account, conversation_id)]


def test_every_route_with_a_conversation_is_tried():
    assert len(ROUTES) >= 5
    assert {(method, path.partition("?")[0]) for method, path in ATTEMPTS} == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), ATTEMPTS)
async def test_what_is_somebody_elses_does_not_exist(account: Account, client: AsgiClient, method: str, path: str):
    owner = await sign_up(client)
    conversation_id = await keep(owner, chain("a", "b"))
    before = await everything(owner, conversation_id)
    message_id = (await messages_of(owner, conversation_id))[0]["id"]

    async def attempt(at: str) -> None:
        where = path.replace("{conversation_id:uuid}", at).replace("{message}", message_id)
        sent = SENT.get(method)
        calling = account.client.call
        reply = await (calling(method, where) if sent is None else calling(method, where, sent))
        require_error(reply, 404, "not_found")

    await attempt(conversation_id)
    await attempt(str(uuid4()))  # says the same of what nobody has
    assert await everything(owner, conversation_id) == before


@pytest.mark.parametrize("name", ["leaf", "through"])
async def test_a_foreign_message_is_not_found_in_a_conversation_of_ones_own(
    account: Account, client: AsgiClient, name: str
):
    owner = await sign_up(client)
    theirs = (await messages_of(owner, await keep(owner, chain("a"))))[0]["id"]
    mine = await keep(account, chain("x"))
    reply = await account.client.get(f"/v1/conversations/{mine}/messages?{name}={theirs}")
    require_error(reply, 404, "not_found")


async def test_the_cursors_of_others_lead_nowhere(account: Account, client: AsgiClient):
    owner = await sign_up(client)
    theirs = await keep(owner, chain(*"abcdef"))
    await keep(owner, chain(*"xyz"))
    mine = await keep(account, chain("mine"))
    for query in ("limit=1", "limit=1&leaf=newest"):
        cursor = (await owner.client.get(f"/v1/conversations/{theirs}/messages?{query}")).json()["cursor"]
        reply = await account.client.get(f"/v1/conversations/{theirs}/messages?{query}&cursor={cursor}")
        require_error(reply, 404, "not_found")
        own = await account.client.get(f"/v1/conversations/{mine}/messages?{query}&cursor={cursor}")
        assert own.status in {200, 404}
        assert "a" not in [each["content"] for each in own.json().get("items", [])]
    cursor = (await owner.client.get("/v1/conversations?limit=1")).json()["cursor"]
    reply = await account.client.get(f"/v1/conversations?cursor={cursor}")
    assert {each["id"] for each in reply.json()["items"]} <= {mine}


async def test_importing_ids_of_others_takes_nothing_from_them(account: Account, client: AsgiClient):
    owner = await sign_up(client)
    conversation_id = await keep(owner, chain("a", "b"))
    exported = (await owner.client.get(f"/v1/conversations/{conversation_id}/export")).json()
    before = await everything(owner, conversation_id)
    await keep(account, exported["messages"])
    assert await everything(owner, conversation_id) == before
