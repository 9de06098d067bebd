"""Whom tests of several resources need."""

from uuid import UUID

import pytest

from deeper_core import Role, UserId
from tests.api.stores import open_users
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, sign_up


@pytest.fixture
async def admin(client: AsgiClient, accounts_url: str) -> Account:
    """An administrator of the application of ``client``."""
    account = await sign_up(client)
    async with open_users(accounts_url) as users:
        await users.set_role(UserId(UUID(account.user["id"])), Role.ADMIN)
    return await account.log_in()
