"""The stack of deploy/compose.yaml under a name, ports and secrets of its own."""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from tests.fakes.exchanges import Json
from tests.fakes.server import free_port

ROOT: Final = Path(__file__).parents[2]
_DEPLOY: Final = ROOT / "deploy"
_HERE: Final = Path(__file__).parent
_OLLAMA: Final = "deepersensor/ollama-standin:test"
_BUILD_SECONDS: Final = 900
_UP_SECONDS: Final = 180


def missing() -> str | None:
    """Say what is not here of that which the stack needs."""
    if shutil.which("docker") is None:
        return "no docker command"
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        return "no docker compose"
    told = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    return f"no Docker engine: {told.stderr.strip()}" if told.returncode else None


def docker(*arguments: str, check: bool = True, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
    """Run ``docker``, and return what it wrote."""
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL
    )
    assert not check or done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done


class Stack:
    """The stack, built of this source and healthy; at ``url``, with the ``certificate`` of its first run."""

    def __init__(self, folder: Path) -> None:
        self.name = f"deeper-test-{secrets.token_hex(4)}"
        port, plain_port = free_port(), free_port()
        self.url, self.plain_url = f"https://localhost:{port}", f"http://localhost:{plain_port}"
        self.certificate = folder / "secrets" / "tls" / "tls.crt"
        first_run = [sys.executable, str(_DEPLOY / "first_run.py"), "--folder", str(folder), "--name", "localhost"]
        subprocess.run(first_run, check=True, stdout=subprocess.DEVNULL)
        settings = {
            "SECRETS": folder / "secrets",
            "LISTEN": "127.0.0.1",
            "HTTP_PORT": plain_port,
            "HTTPS_PORT": port,
            "FRONT_SUBNET": f"10.231.{secrets.randbelow(90)}.0/24",
            "OLLAMA_IMAGE": _OLLAMA,
        }
        self._settings = folder / "settings"
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    @property
    def _arguments(self) -> list[str]:
        return ["-p", self.name, "--env-file", str(self._settings), "-f", str(_HERE / "overlay.yaml")]

    def compose(self, *arguments: str, seconds: float = 60) -> str:
        """Run ``docker compose`` on it."""
        files = ["-f", str(_DEPLOY / "compose.yaml"), *self._arguments]
        return docker("compose", *files, *arguments, seconds=seconds).stdout

    def up(self) -> None:
        """Build the images and start everything, as an operator does."""
        self.compose("build", "--quiet", seconds=_BUILD_SECONDS)
        self.compose("up", "-d", "--wait", "--wait-timeout", str(_UP_SECONDS), seconds=_UP_SECONDS + 60)

    def down(self) -> None:
        """End and forget all of it."""
        self.compose("down", "--volumes", "--timeout", "5", seconds=120)

    def roll(self) -> "subprocess.Popen[str]":
        """Begin to replace the replicas, as an operator does."""
        command = [sys.executable, str(_DEPLOY / "roll.py"), "--", *self._arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def containers(self, service: str) -> list[str]:
        """The containers of a service that run."""
        return self.compose("ps", "-q", service).split()

    @property
    def model_url(self) -> str:
        """Where the stand-in for Ollama is told what to say. This machine has a way into the networks of containers."""
        networks = self.inspect("ollama")["NetworkSettings"]["Networks"]
        return f"http://{networks[f'{self.name}_models']['IPAddress']}:11434"

    def play(self, question: str, steps: Sequence[str | Json]) -> None:
        """Have the model say this from now on when it is asked that (web/e2e/support/model.ts)."""
        body = json.dumps({"question": question, "steps": steps})
        subprocess.run(["curl", "-sSf", "-d", body, f"{self.model_url}/test/play"], capture_output=True, check=True)

    def add_administrator(self) -> str:
        """Make an account for admin@example.com, and return its password."""
        said = self.execute("api", "deeper", "user", "create", "admin@example.com", "--role", "admin", "--generate")
        assert said.returncode == 0, said
        return said.stdout.rpartition("Password: ")[2].strip()

    def inspect(self, service: str) -> Json:
        """What Docker knows of the first container of a service."""
        return cast("list[Json]", json.loads(docker("inspect", self.containers(service)[0]).stdout))[0]

    def execute(self, service: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the first container of a service."""
        return docker("exec", self.containers(service)[0], *command, check=False)

    def curl(self, path: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """Get what is there with curl, which speaks HTTP/2, and its headers with it."""
        command: Sequence[str] = ["curl", "-sS", "-i", "--http2", "--cacert", str(self.certificate), *arguments]
        return subprocess.run([*command, self.url + path], capture_output=True, check=True, timeout=30)


def image_size(name: str) -> int:
    """The bytes of an image with all its layers."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", name).stdout)
