"""The whole stack in containers, through its door: ``uv run pytest -n0 tests/deploy/check_stack.py``.

It builds the images and takes minutes, so it is not among the tests that are always run. Without a Docker engine it is
skipped.
"""

import asyncio
import json
import re
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deeper_api.middleware.edge import DEFAULT_HEADERS
from tests.browser.client import SPECS, browse, failures, install, missing_browser
from tests.deploy.stacks import Stack, docker, image_size, missing
from tests.fakes.exchanges import Account, Client, Json, sign_up, sse_frames
from tests.fakes.http import open_client

_OURS = ("api", "web", "nginx")
_QUESTION = "What is asked often?"
_TEXT = "It takes some seconds to say this, for a word comes every quarter of a second."
# These start a server of their own, or look at how fast the pages compute.
_NOT_OF_STACKS = {"llama.spec.ts", "long.spec.ts", "served.spec.ts", "types.spec.ts"}
_SPECS = [spec for spec in SPECS if spec not in _NOT_OF_STACKS]
# What the image adds to the one that it is made from.
_LAYERS = {
    "deepersensor/api:0.1.0": ("python:3.13-slim-trixie", 90_000_000),
    "deepersensor/web:0.1.0": ("node:24-trixie-slim", 50_000_000),
}

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=f"THE STACK IS NOT TRIED: {missing()}"),
    pytest.mark.timeout(1_200),
]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, healthy: to be used, and left healthy."""
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.up()
        stack.play(_QUESTION, [step for word in re.findall(r"\S+ ?", _TEXT) for step in ({"pause": 250}, word)])
        yield stack
    finally:
        stack.down()


@pytest.fixture
async def account(stack: Stack) -> AsyncGenerator[Account]:
    async with open_client(stack.url, stack.certificate) as client:
        yield await sign_up(client)


def question() -> Json:
    messages = [{"role": "user", "content": _QUESTION}]
    return {"model": "plain:1b", "messages": messages, "store": True, "on_disconnect": "continue"}


def text_of(body: bytes) -> str:
    return "".join(data.get("content", "") for _, event, data in sse_frames(body) if event == "delta")


# Containers


@pytest.mark.parametrize("service", _OURS)
def test_nobody_is_root_nothing_can_be_written_and_no_capability_is_left(stack: Stack, service: str):
    host = stack.inspect(service)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert stack.execute(service, "id", "-u").stdout.strip() == "10001"
    assert stack.execute(service, "touch", "/file").returncode != 0
    assert "CapEff:\t0000000000000000" in stack.execute(service, "cat", "/proc/1/status").stdout


def test_only_nginx_can_be_reached_from_outside(stack: Stack):
    ours = ["--filter", f"label=com.docker.compose.project={stack.name}"]
    told = docker("ps", *ours, "--format", '{{.Label "com.docker.compose.service"}} {{.Ports}}').stdout.splitlines()
    assert {line.split()[0] for line in told if "->" in line} == {"nginx"}


def test_no_secret_is_in_what_everybody_may_inspect(stack: Stack):
    secrets = [file.read_text().strip() for file in (stack.certificate.parents[1]).iterdir() if file.is_file()]
    for service in (*_OURS, "postgres", "redis"):
        told = str(stack.inspect(service)["Config"])
        assert not [secret for secret in secrets if secret in told], service


@pytest.mark.parametrize("image", _LAYERS)
@pytest.mark.usefixtures("stack")
def test_an_image_is_small(image: str):
    base, budget = _LAYERS[image]
    assert image_size(image) - image_size(base) < budget


def test_nothing_that_builds_is_left_in_the_image_of_the_api(stack: Stack):
    found = stack.execute("api", "sh", "-c", "for tool in cc gcc ld strip make uv; do command -v $tool; done")
    assert not found.stdout


@pytest.mark.parametrize(("service", "codes"), [("api", {0}), ("web", {0, 143}), ("nginx", {0})])
def test_an_idle_container_ends_within_five_seconds(stack: Stack, service: str, codes: set[int]):
    container = stack.containers(service)[0]
    docker("stop", "--time", "5", container)
    code = int(docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout)
    docker("start", container)
    stack.compose("up", "-d", "--no-recreate", "--no-build", "--wait", seconds=120)
    assert code in codes  # and not 137, that of SIGKILL


def test_nginx_finds_no_fault_with_its_configuration(stack: Stack):
    said = stack.execute("nginx", "nginx", "-t")
    assert said.returncode == 0
    assert "warn" not in said.stderr


def test_a_backup_can_be_made_in_the_container(stack: Stack):
    said = stack.execute("api", "deeper", "backup", f"/tmp/{uuid4().hex}.dump")  # noqa: S108  - the container's own
    assert said.returncode == 0, said


# Through the door


def test_pages_come_by_http2_with_brotli_and_their_headers(stack: Stack):
    head = stack.curl("/login", "-H", "Accept-Encoding: br").stdout.partition(b"\r\n\r\n")[0].decode().lower()
    assert head.startswith("http/2 200")
    assert "content-encoding: br" in head
    assert re.search(r"script-src 'self' 'nonce-\S+'", head)
    names = {name.decode() for name, _ in DEFAULT_HEADERS} | {"x-request-id"}
    counts = {name: len(re.findall(rf"(?m)^{name}:", head)) for name in names}
    assert counts == dict.fromkeys(names, 1)


@pytest.mark.skipif(shutil.which("testssl") is None, reason="testssl.sh is not installed")
def test_nothing_is_wrong_with_the_encryption(stack: Stack, tmp_path: Path):
    found = tmp_path / "found.json"
    looks = ["-p", "-s", "-f", "-U", "-h"]  # protocols, suites, forward secrecy, known attacks, headers
    command = ["testssl", "--quiet", "--warnings", "off", "--jsonfile", str(found), *looks, stack.url]
    subprocess.run(command, capture_output=True, check=False, timeout=300)
    findings = {each["id"]: each for each in json.loads(found.read_text())}
    assert findings["TLS1_3"]["severity"] == findings["TLS1_2"]["severity"] == "OK"
    # BREACH takes a secret beside what a client sent: pages have none, and responses with tokens are not compressed.
    harmless = {"BREACH", "engine_problem"}
    wrong = [
        each for each in findings.values() if each["severity"] not in {"OK", "INFO"} and each["id"] not in harmless
    ]
    assert not wrong


@pytest.mark.skipif(missing_browser() is not None, reason=f"no browser: {missing_browser()}")
def test_people_do_in_a_browser_all_that_the_pages_are_for(stack: Stack, tmp_path: Path):
    install()
    report = tmp_path / "browser.json"
    told = {
        "E2E_URL": stack.url,
        "E2E_MODEL_URL": stack.model_url,
        "E2E_ADMIN_PASSWORD": stack.add_administrator(),
        "E2E_CERTIFICATE": str(stack.certificate),
        "NODE_EXTRA_CA_CERTS": str(stack.certificate),
    }
    browse(report, "stack", *_SPECS, variables=told)
    failed = [failure for spec in _SPECS for failure in failures(report, spec)]
    assert not failed, "\n\n".join(failed)


def test_files_of_pages_may_be_kept_for_ever(stack: Stack):
    page = stack.curl("/login").stdout.decode()
    script = re.findall(r'src="(/_next/static/[^"]+\.js)"', page)[0]
    head = stack.curl(script, "-H", "Accept-Encoding: br").stdout.partition(b"\r\n\r\n")[0].decode().lower()
    assert "cache-control: public, max-age=31536000, immutable" in head
    assert "content-encoding: br" in head
    assert "x-content-type-options: nosniff" in head


async def test_every_piece_of_an_answer_comes_by_itself(account: Account):
    reads: list[bytes] = []
    async with account.client.open("POST", "/api/v1/chat", question()) as exchange:
        head = await exchange.head()
        while piece := await exchange.read():
            reads.append(piece)
    assert (head.header("content-type") or "").startswith("text/event-stream")
    assert text_of(b"".join(reads)) == _TEXT
    # Sixteen words, a quarter of a second apart; a proxy that buffers would have made one or two of them.
    assert len(reads) > 10


async def test_an_answer_is_gone_on_with_at_any_replica(stack: Stack, account: Account):
    user = account.client
    async with user.open("POST", "/v1/chat", question()) as exchange:
        body = await exchange.read_until(b"event: delta")
    generation = sse_frames(body.rpartition(b"\n\n")[0] + b"\n\n")[0][2]["generation_id"]
    # The first of these while the answer is made. Each goes to a replica by chance; so many miss neither of two.
    for _ in range(30):
        reply = await user.get(f"/v1/generations/{generation}/events?after=0")
        assert text_of(reply.body) == _TEXT
    logs = [docker("logs", replica).stdout for replica in stack.containers("api")]
    assert len(logs) == 2
    assert all('_id}/events"' in log for log in logs), logs


async def test_an_answer_is_cancelled_at_any_replica(account: Account):
    user = account.client
    for _ in range(4):
        async with user.open("POST", "/v1/chat", question()) as exchange:
            body = await exchange.read_until(b"event: delta")
            generation = sse_frames(body.rpartition(b"\n\n")[0] + b"\n\n")[0][2]["generation_id"]
            assert (await user.post(f"/v1/generations/{generation}/cancel")).status == 200
            assert b'"finish_reason":"cancelled"' in await exchange.rest()


def test_a_flood_is_stopped_at_the_door(stack: Stack):
    every = stack.curl("/health?[1-600]", "-Z", "--no-include", "-o", "/dev/null", "-w", "%{http_code}\n").stdout
    assert set(every.split()) == {b"200", b"429"}
    # As soon as Retry-After says.
    assert b'{"status":"ok"}' in stack.curl("/health", "--retry", "10").stdout
    # Whatever is tried next is not to meet the rest of it, which nginx tells nobody: 200 requests, 50 a second.
    time.sleep(4)


async def test_no_answer_is_lost_while_all_replicas_are_replaced(stack: Stack, account: Account):
    old = set(stack.containers("api"))
    rolling = stack.roll()
    counts = await asyncio.gather(*(_ask_until_ended(account.client, rolling.poll) for _ in range(3)))
    said, _ = rolling.communicate()
    assert rolling.returncode == 0, said
    assert not old & set(stack.containers("api"))
    new = stack.containers("api")
    assert len(new) == len(old)
    # What comes after it finds nothing left to do.
    stack.compose("up", "-d", "--wait", seconds=120)
    assert stack.containers("api") == new
    assert min(counts) >= 2


async def _ask_until_ended(user: Client, poll: Callable[[], int | None]) -> int:
    """Ask one question after the other, and return how many were answered; fail if one was not, or not wholly."""
    answers = 0
    while poll() is None:
        reply = await user.post("/v1/chat", question())
        assert (reply.status, text_of(reply.body)) == (200, _TEXT), reply
        answers += 1
    return answers
