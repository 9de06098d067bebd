"""Building the web client once, with a stand-in for npm that does what a test wants."""

import os
import threading
from pathlib import Path

import pytest

from deeper_api.web.builds import Builder
from deeper_api.web.errors import WebUnavailable
from deeper_api.web.exports import read_export
from deeper_api.web.nodes import Node
from deeper_api.web.sources import Sources
from tests.api.web.building import WORKS, Calls, MakeBuilder
from tests.fixtures.postgres import wait_until

SOURCES = Sources(files={"package.json": b"{}", "src/page.tsx": b"one"})
OTHERS = Sources(files={"package.json": b"{}", "src/page.tsx": b"two"})


def kept(builder: Builder) -> list[str]:
    return sorted(path.name for path in builder.cache.iterdir() if not path.name.startswith("build."))


def test_pages_are_built_of_their_sources(builder: MakeBuilder, calls: Calls):
    assert read_export(builder().build(SOURCES)).missing.content == b"one"
    assert calls.made() == ["ci", "run"]
    assert calls.steps == ["Installing what it is built with", "Building its pages"]


def test_the_second_start_builds_nothing_and_needs_no_node(builder: MakeBuilder, calls: Calls):
    def none() -> Node:
        raise AssertionError

    first = builder().build(SOURCES)
    again = Builder(cache=builder().cache, find_node=none, waiting=calls.wait)
    assert again.build(SOURCES) == first
    assert calls.made() == ["ci", "run"]


def test_other_sources_are_built_anew_and_both_are_kept(builder: MakeBuilder):
    places = [builder().build(sources) for sources in (SOURCES, OTHERS, SOURCES)]
    assert [read_export(place).missing.content for place in places] == [b"one", b"two", b"one"]
    assert kept(builder()) == sorted({place.name for place in places})


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 1", "The build failed."),
        ("echo 'npm error code ENOTFOUND'; exit 1", "The npm registry cannot be reached."),
        ('[ "$2" = ci ] && echo "npm warn tar TAR_ENTRY_ERROR ENOSPC: no space" || exit 1', "The disk is full."),
        ("exit 0", "There are no pages after the build."),
        ("mkdir -p out; kill -9 $$", "There is not enough memory."),
    ],
)
def test_a_build_that_fails_leaves_nothing_and_says_why(builder: MakeBuilder, script: str, words: str):
    with pytest.raises(WebUnavailable) as failure:
        builder(script).build(SOURCES)
    assert str(failure.value).startswith(words)
    assert str(failure.value).endswith(f"The log: {builder().cache / 'build.log'}")
    assert kept(builder()) == []
    assert read_export(builder().build(SOURCES)).missing.content == b"one"


def test_the_end_of_what_was_said_is_shown_and_all_of_it_kept(builder: MakeBuilder):
    with pytest.raises(WebUnavailable, match="    line 19\n    line 20\n"):
        builder("for n in $(seq 20); do echo line $n; done; exit 3").build(SOURCES)
    assert (builder().cache / "build.log").read_text().startswith("line 1\n")


def test_two_starts_at_once_build_once(builder: MakeBuilder, calls: Calls, tmp_path: Path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    results: list[Path] = []
    starts = [
        threading.Thread(
            target=lambda: results.append(builder(f"[ $2 = run ] || read _ < {gate}\n{WORKS}").build(SOURCES))
        )
        for _ in range(2)
    ]
    for start in starts:
        start.start()
    wait_until(lambda: "Another process is building it" in calls.steps, within=30)
    gate.write_text("go\n")
    for start in starts:
        start.join(30)
    assert len(results) == 2
    assert results[0] == results[1]
    assert calls.made() == ["ci", "run"]


def test_a_build_that_hangs_is_ended_with_all_that_it_started(builder: MakeBuilder, tmp_path: Path):
    child = tmp_path / "child"
    with pytest.raises(WebUnavailable, match="Installing what it is built with was not done after"):
        builder(f"sleep 1000 & echo $! > {child}; wait", limit=2.0).build(SOURCES)
    wait_until(lambda: not Path(f"/proc/{int(child.read_text())}").exists(), within=30)
    assert kept(builder()) == []


def test_who_waits_for_another_for_too_long_is_told(builder: MakeBuilder):
    with builder().alone(), pytest.raises(WebUnavailable, match="Another process has been building it"):
        builder(limit=0.1).build(SOURCES)


def test_what_a_killed_build_left_behind_is_removed(builder: MakeBuilder):
    leftover = builder().cache / "building-x"
    leftover.mkdir(parents=True)
    builder().build(SOURCES)
    assert not leftover.exists()


def test_of_old_exports_the_newest_are_kept(builder: MakeBuilder):
    many = [Sources(files={"src/page.tsx": b"%d" % number}) for number in range(10)]
    for number, sources in enumerate(many):
        os.utime(builder().build(sources), (number, number))
    assert kept(builder()) == sorted(sources.digest for sources in many[2:])


def test_a_cache_that_cannot_be_is_explained(builder: MakeBuilder, tmp_path: Path):
    (tmp_path / "cache").touch()
    with pytest.raises(WebUnavailable, match=r"Not a directory\. XDG_CACHE_HOME names another folder"):
        builder().build(SOURCES)


def test_what_the_shell_has_set_for_other_builds_means_nothing(builder: MakeBuilder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NODE_ENV", "development")
    monkeypatch.setenv("NEXT_PUBLIC_API_BASE", "/elsewhere")
    with pytest.raises(WebUnavailable, match=r"\[production\]\[\]\[1\]"):
        builder('echo "[$NODE_ENV][$NEXT_PUBLIC_API_BASE][$NEXT_TELEMETRY_DISABLED]"; exit 1').build(SOURCES)
