import contextlib
from collections.abc import AsyncGenerator

import psycopg
import pytest
from msgspec.structs import replace

from deeper_model import ScriptedProvider
from tests.api.routes.test_chat import QUESTION
from tests.api.shapes import require_error
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, sign_up
from tests.fixtures.applications import application, config_for


async def test_the_models_of_the_model_server_are_listed(account: Account):
    reply = await account.client.get("/v1/models")
    assert (reply.status, reply.json()) == (
        200,
        [
            {
                "name": "scripted",
                "family": "scripted",
                "context_length": 8192,
                "loaded": True,
                "capabilities": ["completion", "tools", "vision", "thinking"],
            }
        ],
    )


async def administrator(client: AsgiClient, accounts_url: str) -> Account:
    account = await sign_up(client)
    with psycopg.connect(accounts_url) as database:
        database.execute("update users set role = 'admin' where id = %s", [account.user["id"]])
    return account


@contextlib.asynccontextmanager
async def serving(accounts_url: str, **models: tuple[str, ...]) -> AsyncGenerator[AsgiClient]:
    """A server of the model ``scripted`` with these settings."""
    config = config_for(accounts_url)
    config = replace(config, model=replace(config.model, **models))
    async with application(config, ScriptedProvider()) as client:
        yield client


async def may_use_it(account: Account) -> bool:
    """Whether the model is listed, and answers; the two have to agree."""
    listed = [model["name"] for model in (await account.client.get("/v1/models")).json()]
    reply = await account.client.post("/v1/chat", QUESTION | {"stream": False})
    if not listed:
        require_error(reply, 404, "model_not_found")
    assert (listed == ["scripted"]) is (reply.status == 200)
    return bool(listed)


@pytest.mark.parametrize(
    ("models", "users", "admins"),
    [
        ({"allowed": ("scri*",)}, True, True),
        ({"allowed": ("another",)}, False, False),
        ({"allowed_for_users": ("another",)}, False, True),
        ({"allowed": ("another",), "allowed_for_users": ("scripted",)}, False, False),
    ],
)
async def test_a_model_that_is_not_allowed_is_neither_listed_nor_asked(
    accounts_url: str, models: dict[str, tuple[str, ...]], users: bool, admins: bool
):
    async with serving(accounts_url, **models) as client:
        assert await may_use_it(await sign_up(client)) is users
        assert await may_use_it(await administrator(client, accounts_url)) is admins
