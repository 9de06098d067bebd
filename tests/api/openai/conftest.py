"""Servers for OpenAI's clients: ``deeper serve`` over the scripted model, and over a real llama.cpp."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from openai import AsyncOpenAI

from tests.fakes.exchanges import sign_up
from tests.fakes.http import open_client
from tests.fakes.llama import LlamaServer
from tests.fixtures.postgres import _database
from tests.fixtures.servers import start_backend


@dataclass(frozen=True)
class Door:
    """Where OpenAI's clients go, with which key, and a model that there is."""

    url: str
    key: str
    model: str

    def client(self, **settings: Any) -> AsyncOpenAI:
        """OpenAI's client, which asks once only unless told otherwise."""
        given: dict[str, Any] = {"base_url": self.url, "api_key": self.key, "max_retries": 0}
        return AsyncOpenAI(**given | settings)


async def open_door(url: str, *scopes: str) -> Door:
    """Sign up at the server, and return the door with an API key, for everything or for ``scopes``."""
    async with open_client(url) as client:
        account = await sign_up(client)
        made = await account.client.post("/v1/api-keys", {"name": "openai", "scopes": scopes or ("read", "chat")})
        models = await account.client.get("/v1/models")
    return Door(url=f"{url}/openai/v1", key=made.json()["key"], model=models.json()[0]["name"])


@pytest.fixture(scope="session")
def scripted_url(
    postgres_server: psycopg.Connection, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server whose model follows a script."""
    yield from _serve(postgres_server, template_database, tmp_path_factory, {"DEEPER_MODEL_PROVIDER": "scripted"})


@pytest.fixture(scope="session")
def llama_url(
    postgres_server: psycopg.Connection,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    llama: LlamaServer,
) -> Iterator[str]:
    """A server whose model is that of a real llama.cpp."""
    yield from _serve(postgres_server, template_database, tmp_path_factory, {"DEEPER_OPENAI_URL": llama.url})


@pytest.fixture(scope="session")
def calling_url(
    postgres_server: psycopg.Connection,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    calling_llama: LlamaServer,
) -> Iterator[str]:
    """A server whose model is that of a llama.cpp that calls tools."""
    yield from _serve(postgres_server, template_database, tmp_path_factory, {"DEEPER_OPENAI_URL": calling_llama.url})


def _serve(
    postgres: psycopg.Connection, template: str, folders: pytest.TempPathFactory, settings: dict[str, str]
) -> Iterator[str]:
    with _database(postgres, template) as database:
        folder: Path = folders.mktemp("openai")
        backend = start_backend(folder, database, settings)
        try:
            yield backend.url
            assert backend.process.is_running()
        finally:
            backend.process.kill()


@pytest.fixture
async def scripted_door(scripted_url: str) -> Door:
    """The door of the scripted model, for somebody new."""
    return await open_door(scripted_url)


@pytest.fixture
async def llama_door(llama_url: str) -> Door:
    """The door of llama.cpp, for somebody new."""
    return await open_door(llama_url)


@pytest.fixture
async def calling_door(calling_url: str) -> Door:
    """The door of a llama.cpp that calls tools, for somebody new."""
    return await open_door(calling_url)


@pytest.fixture(params=["scripted_door", "calling_door"])
def tools_door(request: pytest.FixtureRequest) -> Door:
    """Those whose models call tools."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["scripted", "llama"])
def door(request: pytest.FixtureRequest) -> Door:
    """Either of them."""
    return request.getfixturevalue(f"{request.param}_door")


@pytest.fixture
async def client(door: Door) -> AsyncGenerator[AsyncOpenAI]:
    """OpenAI's client at either of them."""
    async with door.client() as client:
        yield client
