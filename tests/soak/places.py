"""What is harmed: two servers of two workers each on a database, a Redis and a model server of their own."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deeper_api.store import migrations
from deeper_model.conformance import running_upstream
from tests.fakes.server import free_port
from tests.fixtures.postgres import OwnPostgres, ignore_progress
from tests.fixtures.redis import OwnRedis
from tests.fixtures.servers import Backend, start_backend
from tests.soak.models import Model

SERVERS = WORKERS = 2
POOL_SIZE = 10
ACCESS_SECONDS = 60
_SETTINGS = {
    "DEEPER_SERVER_WORKERS": str(WORKERS),
    "DEEPER_DB_POOL_SIZE": str(POOL_SIZE),
    # So that servers can be told to end in the middle of answers.
    "DEEPER_SERVER_DRAIN_SECONDS": "1",
    "DEEPER_JWT_ACCESS_MINUTES": str(ACCESS_SECONDS // 60),
    # Each client has an address of its own, so that limits hold for each as they would for people.
    "DEEPER_LIMITS_ENABLED": "true",
    "DEEPER_SERVER_TRUSTED_PROXIES": "127.0.0.1",
    "DEEPER_LIMITS_ANSWERS_PER_USER": "3",
    "DEEPER_LIMITS_USER_TOKENS_PER_DAY": "10000000",
    # Fewer than ask at once, so that there is a line; and a model server that hangs is not waited for for long.
    "DEEPER_MODEL_PARALLEL": "16",
    "DEEPER_MODEL_ATTEMPTS": "2",
    "DEEPER_MODEL_FIRST_TOKEN_TIMEOUT": "3",
    "DEEPER_MODEL_IDLE_TIMEOUT": "3",
}


@dataclass(frozen=True)
class Started:
    """One run of a server, which is ``which`` of the two."""

    which: int
    backend: Backend
    metrics_port: int


class Place:
    """All of it; ``started`` are all runs of servers that there were, ``servers`` those of now."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.model = Model(seed)
        self.postgres = OwnPostgres(folder / "postgres")
        self.redis = OwnRedis(folder)
        self.started: list[Started] = []
        self.servers: list[Started] = []
        self.began = time.monotonic()
        self._folder = folder
        self._numbers = itertools.count()
        self._model_port = free_port()
        self._model = AsyncExitStack()

    @property
    def now(self) -> float:
        """Seconds since all this began."""
        return time.monotonic() - self.began

    def url(self, which: int) -> str:
        """Where a server listens now."""
        return self.servers[which].backend.url

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Run it for as long as the context lasts."""
        try:
            await asyncio.to_thread(self._start_stores)
            await self.start_model()
            for which in range(SERVERS):
                self.servers.append(await self._start(which))
            yield
        finally:
            await asyncio.to_thread(self._end)
            await self.stop_model()

    async def start_model(self) -> None:
        """Have the model server listen."""
        await self._model.enter_async_context(running_upstream(self.model.play, port=self._model_port))

    async def stop_model(self) -> None:
        """End it, with all its answers; who asks is refused."""
        await self._model.aclose()

    async def replace(self, which: int) -> None:
        """Start a server anew in the place of one that has ended."""
        self.servers[which] = await self._start(which)

    async def _start(self, which: int) -> Started:
        folder, metrics_port = self._folder / f"server-{next(self._numbers)}", free_port()
        folder.mkdir()
        settings = {
            **_SETTINGS,
            "DEEPER_REDIS_URL": self.redis.url,
            "DEEPER_METRICS_PORT": str(metrics_port),
        }
        backend = await asyncio.to_thread(start_backend, folder, self.postgres.url, settings, self._model_port)
        self.started.append(Started(which, backend, metrics_port))
        return self.started[-1]

    def _start_stores(self) -> None:
        self.redis.start()
        self.postgres.start()
        migrations.apply(self.postgres.url, ignore_progress)
        with psycopg.connect(self.postgres.url, autocommit=True) as database:
            # It is killed, and has to have kept what it said that it had.
            database.execute("alter database deeper set synchronous_commit = on")

    def _end(self) -> None:
        for one in self.servers:
            one.backend.process.kill()
        self.postgres.stop()  # and has it go on before that, if it is frozen
        self.redis.stop()
