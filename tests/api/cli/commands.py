"""The installed ``deeper`` script, run as somebody at a terminal runs it. Linux only."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.measuring import measured
from tests.fakes.server import free_port
from tests.fixtures.postgres import wait_until

DEEPER = str(Path(sys.executable).with_name("deeper"))
# Nobody listens on the port for discarding (RFC 863), so that no Ollama of this machine is found by chance.
NO_OLLAMA = "http://127.0.0.1:9"
_PATIENCE = 60.0  # seconds


def environment(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """An environment that holds nothing of ours. Wide lines, so that sentences stay whole."""
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "COLUMNS": "300",
        "DEEPER_OLLAMA_URL": NO_OLLAMA,
        **measured(),
        **given,
    }


@dataclass(frozen=True)
class Done:
    """What a command wrote, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All of its words, without frames and line ends."""
        return words(self.out + self.err)


def words(text: str) -> str:
    return " ".join(re.sub("[╭╮╰╯─│]", " ", text).split())


@dataclass(frozen=True)
class Deeper:
    """Runs ``deeper`` in ``folder``, with ``given`` in its environment. Every way to end must be explained."""

    folder: Path
    given: Mapping[str, str]

    def __call__(self, *arguments: str, stdin: str = "", **given: str) -> Done:
        done = subprocess.run(
            [DEEPER, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=environment(self.folder, {**self.given, **given}),
            timeout=_PATIENCE,
            check=False,
            start_new_session=True,  # or it would ask the terminal of whoever runs the tests
        )
        assert "Traceback" not in done.stdout + done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def but(self, **given: str) -> "Deeper":
        """The same with more in its environment."""
        return Deeper(self.folder, {**self.given, **given})


class Background:
    """A command that runs on, in a group of processes of its own, which ends with the process of the tests."""

    def __init__(self, folder: Path, *arguments: str, given: Mapping[str, str] | None = None) -> None:
        setpriv = shutil.which("setpriv")
        guard = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        self._output = folder / f"output-{free_port()}"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [*guard, DEEPER, *arguments],
                cwd=folder,
                env=environment(folder, given or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        """All that it wrote so far."""
        return self._output.read_text()

    def wait_for(self, sentence: str) -> None:
        """Return once it has said this; fail if it ends first."""
        wait_until(lambda: sentence in self.output() or self.process.poll() is not None, within=_PATIENCE)
        assert sentence in self.output(), self.output()

    def interrupt(self) -> int:
        """Press Ctrl-C, which every process of the group hears, and return the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code, once there is one."""
        code = self.process.wait(_PATIENCE)
        assert "Traceback" not in self.output()
        return code

    def kill(self) -> None:
        """End every process of the group at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_PATIENCE)


class Dev:
    """``deeper dev`` on the data in ``data``; without its web client, unless ``web`` says otherwise."""

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        web: Sequence[str] = ("--no-web",),
        given: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder = data.parent
        arguments = ("dev", *web, "--port", str(self.port), "--data-dir", str(data))
        self.background = Background(folder, *arguments, given=given)
        # For commands that talk to it.
        self.deeper = Deeper(folder, {"DEEPER_DATA_DIR": str(data), "DEEPER_CHAT_URL": self.url})

    def wait_until_ready(self) -> "Dev":
        self.background.wait_for("Ctrl-C ends it")
        return self

    def interrupt(self) -> int:
        return self.background.interrupt()

    def kill(self) -> None:
        self.background.kill()


def postgres_of(data: Path) -> list[int]:
    """The processes of the PostgreSQL of a data folder, whoever started them."""
    found: list[int] = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(data / "postgres" / "cluster") in line.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(line.parent.name))
    return found


def listeners_of(data: Path) -> list[int]:
    """The processes of ``deeper dev`` on a data folder, its workers among them."""
    found: list[int] = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if line.read_bytes().split(b"\0")[-2:-1] == [str(data).encode()] and b"dev" in line.read_bytes().split(
                b"\0"
            ):
                found.append(int(line.parent.name))
    return found


Start = Callable[..., Background]
StartDev = Callable[..., Dev]
