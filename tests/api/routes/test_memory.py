"""What a worker gives back of the memory that it took."""

import asyncio
import resource
from pathlib import Path

from tests.fakes.exchanges import sign_up
from tests.fakes.http import open_client
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import StartServer

_HASHING = 19 * 1024 * 1024  # bytes, for each password


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def test_a_worker_gives_back_what_passwords_took(start_server: StartServer):
    backend = start_server()
    (worker,) = backend.process.workers()
    before = resident(worker)
    async with open_client(backend.url) as client:
        await asyncio.gather(*(sign_up(client) for _ in range(8)))  # two are hashed at a time
        await asyncio.to_thread(wait_until, lambda: resident(worker) < before + _HASHING)
