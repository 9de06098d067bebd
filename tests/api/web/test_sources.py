"""The sources of the web client, and what tells one state of them from another."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.web.errors import WebUnavailable
from deeper_api.web.sources import Sources, read_sources, sources_folder

CLONE = Path(__file__).parents[3]
CONTENTS = st.dictionaries(st.text("ab/", min_size=1, max_size=4), st.binary(max_size=4), max_size=3)


def test_they_are_found_in_a_clone():
    assert sources_folder() == CLONE / "web"


def test_without_a_clone_it_is_said_where_they_are(tmp_path: Path):
    installed = tmp_path / "lib" / "python3.14" / "site-packages" / "deeper_api" / "web" / "sources.py"
    with pytest.raises(WebUnavailable, match="in a clone of the repository"):
        sources_folder(installed)


def test_the_web_folder_of_somebody_else_is_not_taken_for_it(tmp_path: Path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "package.json").write_text('{"name": "another"}')
    with pytest.raises(WebUnavailable):
        sources_folder(tmp_path / "packages" / "api" / "src" / "deeper_api" / "web" / "sources.py")


def test_they_are_all_that_a_build_needs_and_no_tests(tmp_path: Path):
    sources = read_sources(CLONE / "web")
    assert {"package.json", "package-lock.json", "next.config.ts", "src/app/layout.tsx", "public/theme.js"} <= set(
        sources.files
    )
    others = ("node_modules/", "out/", ".next/")
    assert not [name for name in sources.files if ".test." in name or name.startswith(others)]
    sources.write_to(tmp_path)
    assert read_sources(tmp_path) == sources


def test_a_missing_file_is_explained(tmp_path: Path):
    with pytest.raises(WebUnavailable, match="cannot be read"):
        read_sources(tmp_path)


@given(one=CONTENTS, other=CONTENTS)
def test_the_digest_is_the_same_for_the_same_files_only(one: dict[str, bytes], other: dict[str, bytes]):
    assert (Sources(files=one).digest == Sources(files=other).digest) == (one == other)


def test_the_order_of_files_means_nothing():
    assert Sources(files={"a": b"1", "b": b"2"}).digest == Sources(files={"b": b"2", "a": b"1"}).digest
