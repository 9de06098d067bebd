"""The `openai` package of npm, run by Node, at a running server."""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from deeper_api.middleware.origins import REQUEST_HEADERS
from tests.api.openai.conftest import Door
from tests.api.openai.test_python_client import until_idle
from tests.fakes.exchanges import Json
from tests.fakes.llama import LlamaServer
from tests.fakes.node import BIN, installed

_HERE = Path(__file__).with_name("node")
_PATIENCE = 90  # seconds: less than pytest has with the test, of whose process Node would be left


@pytest.fixture(scope="session")
def node_folder() -> Iterator[Path]:
    """A folder in which Node finds the package, and the program."""
    folder = installed(_HERE, "openai")
    program = folder / f"client-{os.getpid()}.mjs"
    shutil.copy(_HERE / "client.mjs", program)
    yield folder
    program.unlink()


async def run(folder: Path, door: Door, **settings: str) -> Json:
    """Run the program against the door, and return what it found."""
    given = {"OPENAI_BASE_URL": door.url, "OPENAI_API_KEY": door.key, "MODEL": door.model, **settings}
    process = await asyncio.create_subprocess_exec(
        BIN / "node",
        f"client-{os.getpid()}.mjs",
        cwd=folder,
        env={"PATH": os.defpath, **given},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return cast("Json", json.loads(output))


def require_answers(found: Json, door: Door) -> None:
    """Fail unless what the program found is what OpenAI's API would have said."""
    assert found["models"] == [door.model]
    assert found["retrieved"] == door.model
    assert found["whole"]["text"]
    assert found["streamed"]["text"]
    for usage in (found["whole"]["usage"], found["streamed"]["usage"]):
        assert usage["completion_tokens"] == 8
    assert found["streamed"]["finish"] == "length"
    assert set(found["bound"]) == {"city", "days"}
    assert found["left"] == "chat.completion.chunk"
    assert found["failures"][0] == {
        "kind": "AuthenticationError",
        "status": 401,
        "code": "invalid_api_key",
        "param": None,
    }
    assert found["failures"][3] == {"kind": "BadRequestError", "status": 400, "code": "validation_failed", "param": "n"}


async def test_it_works_with_the_scripted_model(node_folder: Path, scripted_door: Door):
    found = await run(node_folder, scripted_door, CALLS="yes")
    require_answers(found, scripted_door)
    missing = {"kind": "NotFoundError", "status": 404, "code": "model_not_found", "param": None}
    assert found["failures"][1:3] == [missing, missing]  # llama.cpp answers whatever its model is called
    assert found["called"]["name"] == "forecast"
    assert set(json.loads(found["called"]["arguments"])) == {"city", "days"}


async def test_pages_of_other_origins_may_send_what_it_sends(node_folder: Path, scripted_door: Door):
    sent = set((await run(node_folder, scripted_door, CALLS="yes"))["headers"])
    assert {"authorization", "x-stainless-helper-method", "x-stainless-timeout"} <= sent
    assert sent - {"accept"} <= set(REQUEST_HEADERS.decode().lower().split(", "))


async def test_it_works_with_llama(node_folder: Path, llama_door: Door, llama: LlamaServer):
    require_answers(await run(node_folder, llama_door), llama_door)
    await until_idle(llama.url)
