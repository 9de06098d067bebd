"""Providers that close themselves."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack

import pytest

from deeper_model import OllamaProvider, OpenAICompatibleProvider, WireLimits
from deeper_model.conformance import PATIENT
from tests.model.dialects import DIALECTS, Dialect

Connect = Callable[..., OllamaProvider | OpenAICompatibleProvider]


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Each dialect in turn."""
    return request.param


@pytest.fixture
async def connect(dialect: Dialect) -> AsyncGenerator[Connect]:
    """Make a provider of this dialect for an address; it is closed when the test ends."""
    async with AsyncExitStack() as stack:

        def make(url: str, limits: WireLimits = PATIENT) -> OllamaProvider | OpenAICompatibleProvider:
            provider = dialect.provider(url, limits)
            stack.push_async_callback(provider.close)
            return provider

        yield make
