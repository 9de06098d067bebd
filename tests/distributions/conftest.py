"""The distributions, built once for all processes of the tests."""

import fcntl

import pytest

from tests.distributions.builds import Built, uv


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Every package as a wheel, made from its source distribution."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    folder = shared / "dist"
    with (shared / "dist.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "dist.built").exists():
            uv("build", "--all-packages", "--quiet", "--out-dir", str(folder))
            (shared / "dist.built").touch()
    return Built(folder)
