"""A real llama.cpp server with a tiny random model: ``python -m tests.fakes.llama`` prints its address and serves.

The server is the one inside the xllamacpp wheel, in a process of its own, which ends with standard input.
"""

import argparse
import contextlib
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tests.fakes.tiny_model import TinyModel

_START_SECONDS = 60


@dataclass(frozen=True)
class LlamaServer:
    """A running server: where it is, and its process."""

    url: str
    process: "subprocess.Popen[str]"

    def kill(self) -> None:
        """End it the hard way."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running_llama(*arguments: str) -> Generator[LlamaServer]:
    """Run this module with ``arguments`` in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.llama", "--stdin", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.start()
    try:
        url = cast("IO[str]", process.stdout).readline().strip()
        timer.cancel()
        if not url:
            raise RuntimeError("the llama.cpp server did not start")
        yield LlamaServer(url, process)
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--context", type=int, default=512, help="tokens for each slot")
    parser.add_argument("--alias", default="tiny")
    parser.add_argument("--key", default="")
    parser.add_argument("--eos", type=float, default=-30.0, help="0.2 lets answers end by themselves")
    parser.add_argument("--call", type=float, default=-30.0, help="20 makes it call a tool wherever it may")
    parser.add_argument("--think", action="store_true")
    parser.add_argument("--slow", action="store_true", help="a larger model: some hundred tokens a second")
    parser.add_argument("--stdin", action="store_true", help="end with standard input")
    return parser.parse_args()


def main() -> None:
    """Serve until told to stop."""
    # By name: the wheel has no types, and machines without libgomp1 cannot load it. Only this process needs it.
    xllamacpp = importlib.import_module("xllamacpp")
    arguments = _arguments()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.gguf"
        size = {"width": 256, "layers": 8} if arguments.slow else {}
        TinyModel(eos=arguments.eos, call=arguments.call, think=arguments.think, **size).write(path)
        settings = xllamacpp.CommonParams()
        settings.model.path = str(path)
        settings.port = arguments.port
        settings.n_parallel = arguments.slots
        settings.n_ctx = arguments.context * arguments.slots
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
        settings.n_threads_http = 8
        settings.model_alias = {arguments.alias}
        settings.warmup, settings.endpoint_metrics = False, True
        settings.cache_ram_mib = settings.n_gpu_layers = 0
        if arguments.key:
            settings.api_keys = [arguments.key]
        server = xllamacpp.Server(settings)
        print(server.listening_address, flush=True)
        if arguments.stdin:
            threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
        done.wait()
    # Not by returning: the server's destructor waits for every client that has not read its answer to the end.
    os._exit(0)


if __name__ == "__main__":
    main()
