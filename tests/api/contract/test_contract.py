"""The OpenAPI document against the running server: schemathesis asks for all that it says, and for what it excludes."""

import asyncio
import os
import re
import sys
from pathlib import Path

import psycopg
import pytest

from deeper_model.conformance import Peer
from tests.fakes.exchanges import sign_up
from tests.fakes.http import open_client
from tests.fixtures.servers import Backend, StartServer
from tests.model.dialects import OPENAI

_ST = str(Path(sys.executable).with_name("st"))
_HOOKS = str(Path(__file__).with_name("hooks.py"))
_SETTINGS = {
    "DEEPER_PROFILE": "dev",  # which describes itself, and allows hashing that costs nothing
    "DEEPER_AUTH_ARGON2_MEMORY_KIB": "8",
    "DEEPER_AUTH_ARGON2_TIME_COST": "1",
    "DEEPER_JWT_ACCESS_MINUTES": "60",
}


async def answer_at_once(peer: Peer) -> None:
    await OPENAI.begin(peer, "Fine, ", "thanks.")
    await peer.chunk(OPENAI.end())
    await peer.chunk(b"")


async def token_of(backend: Backend, role: str) -> str:
    """The access token of a new account."""
    async with open_client(backend.url) as client:
        account = await sign_up(client)
    async with await psycopg.AsyncConnection.connect(backend.database_url, autocommit=True) as connection:
        await connection.execute("update users set role = %s where id = %s", (role, account.user["id"]))
    return account.access_token


@pytest.mark.timeout(300)  # 1,500 requests and more
@pytest.mark.parametrize(
    ("role", "options"),
    [
        (None, ("--phases", "coverage")),  # almost all are refused at the door
        ("user", ()),
        ("admin", ("--include-tag", "admin")),  # for the rest, an administrator is a user
    ],
)
async def test_the_server_does_what_its_description_says(
    start_server: StartServer, tmp_path: Path, role: str | None, options: tuple[str, ...]
):
    backend = start_server(**_SETTINGS)
    if role is not None:
        (tmp_path / "token").write_text(await token_of(backend, role))
    async with backend.model(answer_at_once):
        status, output = await run_schemathesis(backend, tmp_path, options)
    assert status == 0, output
    counts = re.search(r"Selected: (\d+)/\d+\s+Tested: (\d+)", output)
    assert counts is not None, output
    assert int(counts[1]) == int(counts[2]) > 0, output


async def run_schemathesis(backend: Backend, folder: Path, options: tuple[str, ...]) -> tuple[int | None, str]:
    """Run it in ``folder``; return its exit status and what it wrote."""
    schemathesis = await asyncio.create_subprocess_exec(
        _ST,
        "run",
        f"{backend.url}/openapi/openapi.json",
        *("--checks", "all", "--continue-on-failure"),
        *("--max-examples", "5", "--generation-deterministic"),
        # U+0000 is refused wherever it is; a schema that said so of every text would say little else.
        *("--generation-allow-x00", "false"),
        *("--no-color", "--warnings", "off"),
        *options,
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), "SCHEMATHESIS_HOOKS": _HOOKS},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await schemathesis.communicate()
    finally:
        if schemathesis.returncode is None:
            schemathesis.kill()
    return schemathesis.returncode, output.decode()
