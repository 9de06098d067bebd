"""The web client: its units, and its pages in Chromium against the real server. The tests themselves are in web/."""

from pathlib import Path

import pytest

from tests.browser.client import (
    SPECS,
    alone,
    browse,
    build,
    build_server,
    failures,
    install,
    missing,
    missing_browser,
    run,
)

pytestmark = [
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that the processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    folder = base if worker_id == "master" else base.parent
    with alone(folder / "web.lock"):
        install()
    return folder


@pytest.fixture(scope="session")
def report(shared: Path) -> Path:
    """What became of the tests in the browser. They run together, and once."""
    report = shared / "browser.json"
    with alone(shared / "web.lock"):
        if not report.exists():
            build()
            browse(report, "export")
    return report


def test_the_units_of_the_client(shared: Path):
    with alone(shared / "units.lock"):
        done = run("npx", "vitest", "run", "--reporter=dot", seconds=300)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(missing_browser() is not None, reason=missing_browser() or "")
@pytest.mark.parametrize("spec", SPECS)
def test_the_pages_in_a_browser(report: Path, spec: str):
    failed = failures(report, spec)
    assert not failed, "\n\n".join(failed)


@pytest.mark.skipif(missing_browser() is not None, reason=missing_browser() or "")
def test_people_sign_in_and_chat_at_the_pages_of_the_server_that_a_container_runs(shared: Path, tmp_path: Path):
    report = tmp_path / "server.json"
    with alone(shared / "web.lock"):
        build_server()
        browse(report, "standalone", "sessions", "safety")
    failed = [*failures(report, "sessions.spec.ts"), *failures(report, "safety.spec.ts")]
    assert not failed, "\n\n".join(failed)
