"""The `openai` package of npm, run by Node, at a running server.

It is installed once, as the lock file says, into the user's folder for caches.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import platformdirs
import pytest

from deeper_api.middleware.origins import REQUEST_HEADERS
from tests.api.openai.conftest import Door
from tests.api.openai.test_python_client import until_idle
from tests.fakes.exchanges import Json
from tests.fakes.llama import LlamaServer

_HERE = Path(__file__).with_name("node")
_BIN = Path(sys.executable).parent
_FILES = ("package.json", "package-lock.json")
_INSTALL_SECONDS = 100


@pytest.fixture(scope="session")
def node_folder() -> Iterator[Path]:
    """A folder in which Node finds the package."""
    digest = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _FILES)).hexdigest()[:16]
    cache = Path(platformdirs.user_cache_dir("deepersensor-tests"))
    folder = cache / f"openai-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the processes of the tests come at the same time
        if not (folder / "installed").exists():
            _install(folder)
    program = folder / f"client-{os.getpid()}.mjs"
    shutil.copy(_HERE / "client.mjs", program)
    yield folder
    program.unlink()


def _install(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in _FILES:
        shutil.copy(_HERE / name, folder)
    done = subprocess.run(
        [_BIN / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"the package openai cannot be installed from npm: {done.stderr[-300:]}")
    (folder / "installed").touch()


async def run(folder: Path, door: Door, **settings: str) -> Json:
    """Run the program against the door, and return what it found."""
    given = {"OPENAI_BASE_URL": door.url, "OPENAI_API_KEY": door.key, "MODEL": door.model, **settings}
    process = await asyncio.create_subprocess_exec(
        _BIN / "node",
        f"client-{os.getpid()}.mjs",
        cwd=folder,
        env={"PATH": os.defpath, **given},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
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
