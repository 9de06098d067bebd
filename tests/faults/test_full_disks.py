"""Disks without space: below the database, and below what the server writes of itself."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from deeper_api.store import migrations
from tests.api.durability.models import DictatedModel
from tests.api.durability.records import message, until_nothing_runs
from tests.api.durability.users import signed_in
from tests.api.durability.viewers import asking, question
from tests.api.routes.test_table import DOCUMENT
from tests.fakes.exchanges import Client, Json, Reply
from tests.fixtures.postgres import OwnPostgres, ignore_progress, wait_until
from tests.fixtures.servers import StartServer

MIB = 2**20


class Disk:
    """A file system of its own, so large in MiB."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=755", "none", str(folder)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("only root mounts file systems")

    def fill(self) -> None:
        """Leave no space on it."""
        with (self.folder / "filling").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(MIB)):
                pass

    def empty(self) -> None:
        """Undo fill."""
        (self.folder / "filling").unlink()

    def remove(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def make_disk() -> Iterator[Callable[[Path, int], Disk]]:
    """Makes a file system at a path, of so many MiB."""
    made: list[Disk] = []

    def make(folder: Path, size: int) -> Disk:
        made.append(Disk(folder, size))
        return made[-1]

    yield make
    for disk in made:
        disk.remove()


@pytest.fixture
def database_disk(make_disk: Callable[[Path, int], Disk], postgres_folder: Path) -> Disk:
    """What the database of the test is on."""
    return make_disk(postgres_folder / f"disk-{uuid4().hex}", 192)


@pytest.fixture
def postgres(database_disk: Disk, make_folder: Callable[[str], Path]) -> Iterator[OwnPostgres]:
    folder = make_folder(f"{database_disk.folder.name}/data")
    server = OwnPostgres(folder)
    try:
        server.start()
        migrations.apply(server.url, ignore_progress)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def large_message() -> Json:
    """A conversation with a message that PostgreSQL cannot make smaller."""
    text = os.urandom(MIB // 2).hex()
    kept = {"id": str(uuid4()), "parent_id": None, "role": "user", "created_at": DOCUMENT["created_at"]}
    return DOCUMENT | {"messages": [kept | {"content": text}]}


async def keep(client: Client) -> Reply:
    return await client.post("/v1/conversations/import", large_message())


async def test_without_space_nothing_is_kept_and_all_is_read_until_there_is_some(
    start_server: StartServer, postgres: OwnPostgres, database_disk: Disk
):
    backend = start_server(DEEPER_DB_URL=postgres.url)
    model = DictatedModel()
    async with backend.model(model.play), signed_in(backend) as [client]:
        assert (await keep(client)).status == 201
        async with asking(client, question("?", store=True)) as asked:
            start = await asked.until_begun()
            answer = await model.asked("?")
            await answer.say("before ")
            await asked.until_said("before ")
            database_disk.fill()
            for _ in range(5):
                reply = await keep(client)
                assert (reply.status, reply.json()["error"]["code"]) == (503, "database_unavailable")
                assert reply.header("retry-after") == "1"
                listed = await client.get("/v1/conversations")
                assert (listed.status, len(listed.json()["items"])) == (200, 2)
                await answer.say("meanwhile ")
            await answer.say(os.urandom(MIB).hex())
            await answer.end()
            assert (await asked.until_last()).text == answer.text
            database_disk.empty()
            assert (await keep(client)).status == 201
        await until_nothing_runs(client)
        kept = await message(client, start.start or {})
        assert (kept["state"], kept["content"]) == ("complete", answer.text.content)
    said = [line for line in backend.process.log("deeper.database") if line["sqlstate"] == "53100"]
    assert [(line["level"], line["error"]) for line in said] == [("warning", "DiskFull")]
    assert backend.process.log("deeper.errors") == []


async def test_a_log_that_cannot_be_written_costs_no_request(
    start_server: StartServer, make_disk: Callable[[Path, int], Disk], tmp_path: Path
):
    disk = make_disk(tmp_path / "logs", 1)
    log = disk.folder / "log"
    command = 'exec "$@" >> "$0" 2>&1'
    backend = start_server(within=("sh", "-c", command, str(log)))
    async with signed_in(backend) as [client]:
        disk.fill()
        for _ in range(300):  # more than the buffers of a file hold
            assert (await client.get("/v1/me")).status == 200
        disk.empty()
        assert (await client.get("/v1/conversations")).status == 200
        await asyncio.to_thread(wait_until, lambda: b"/v1/conversations" in log.read_bytes())
        backend.process.terminate()
        assert backend.process.wait() == 0
