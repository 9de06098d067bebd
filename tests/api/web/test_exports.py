"""Reading an export."""

from pathlib import Path

import pytest

from deeper_api.web.errors import WebUnavailable
from deeper_api.web.exports import read_export
from tests.api.web.exporting import FILES, write_export


def test_pages_have_clean_names_and_all_else_its_own(tmp_path: Path):
    export = read_export(write_export(tmp_path))
    assert sorted(export.files) == [
        "/",
        "/_next/static/chunks/0a1b.js",
        "/_next/static/media/letters.woff2",
        "/chat",
        "/chat.txt",
        "/chat/__next._full.txt",
        "/icon.svg",
        "/theme.js",
    ]
    assert export.files["/chat"].content.decode() == FILES["chat.html"]


def test_what_does_not_change_has_the_same_tag_and_what_changes_another(tmp_path: Path):
    folder = write_export(tmp_path)
    first = read_export(folder)
    (folder / "theme.js").write_text("another()")
    second = read_export(folder)
    changed = [path for path in first.files if first.files[path].tag != second.files[path].tag]
    assert changed == ["/theme.js"]


@pytest.mark.parametrize("name", ["csp.json", "404.html"])
def test_half_an_export_is_explained(tmp_path: Path, name: str):
    folder = write_export(tmp_path)
    (folder / name).unlink()
    with pytest.raises(WebUnavailable, match=r"Remove .*, and it is built again"):
        read_export(folder)


def test_headers_that_are_none_are_explained(tmp_path: Path):
    folder = write_export(tmp_path)
    (folder / "csp.json").write_text('{"headers": [1]}')
    with pytest.raises(WebUnavailable, match="damaged"):
        read_export(folder)
