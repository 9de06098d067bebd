"""Queries: what is refused there, and where nobody minds."""

import pytest

from tests.api.shapes import require_error
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account

MESSAGE = "A value in the request is not allowed."


async def test_a_parameter_that_is_misspelled_is_named_beside_those_that_there_are(account: Account):
    reply = await account.client.get("/v1/conversations?page=5&archived=true&Cursor=x")
    said = "There is no such parameter; there are archived, cursor, limit"
    details = [{"message": said, "field": "page"}, {"message": said, "field": "Cursor"}]
    require_error(reply, 422, "validation_failed", MESSAGE, details=details)


@pytest.mark.parametrize("query", ["page=2", "page", "page=", "&&page=2", "%70age=2", "page=2&page=3"])
async def test_a_parameter_is_refused_however_it_is_written(account: Account, query: str):
    details = [{"message": "There is no such parameter; this takes none", "field": "page"}]
    require_error(await account.client.get(f"/v1/me?{query}"), 422, "validation_failed", details=details)


async def test_of_parameters_without_end_some_are_named(account: Account):
    reply = await account.client.get("/v1/me?" + "&".join(f"{'n' * 200}{n}=1" for n in range(50)))
    details = reply.json()["error"]["details"]
    require_error(reply, 422, "validation_failed", details=details)
    assert len(details) == 10
    assert {len(each["field"]) for each in details} == {100}


async def test_who_may_not_ask_is_told_that_first(client: AsgiClient):
    require_error(await client.get("/v1/me?page=2"), 401, "invalid_token")


@pytest.mark.parametrize("path", ["/health?probe=1", "/openai/v1/models?api-version=2026-01-01"])
async def test_probes_and_openais_clients_may_add_what_they_like(account: Account, path: str):
    assert (await account.client.get(path)).status == 200


async def test_what_a_browser_asks_before_is_not_about_parameters(client: AsgiClient):
    assert (await client.call("OPTIONS", "/v1/me?page=2")).status == 204
