"""One user at two servers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.fakes.exchanges import sign_up
from tests.fakes.http import HttpClient, open_client
from tests.fixtures.servers import Backend


@asynccontextmanager
async def signed_in(first: Backend, *others: Backend) -> AsyncGenerator[list[HttpClient]]:
    """Somebody who signed up, as a client of each of these servers."""
    async with open_client(first.url) as client:
        user = client.as_user((await sign_up(client)).access_token)
        yield [user, *(user.at(other.url) for other in others)]
