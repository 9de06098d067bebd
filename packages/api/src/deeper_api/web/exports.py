"""An export of the web client: files, read once and held in memory, as they are sent."""

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from deeper_api.web.errors import WebUnavailable

# Written by the build: the headers with which its files are to be sent.
HEADERS_FILE: Final = "csp.json"
# What is sent in place of what is not there; Next.js writes it a second time under the other name.
_MISSING: Final = "404.html"
_PRIVATE: Final = (HEADERS_FILE, _MISSING, "404/", "_not-found")

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_COMPRESSIBLE: Final = frozenset({".css", ".html", ".js", ".json", ".svg", ".txt", ".webmanifest"})
# Below that, what is saved is less than a packet.
_WORTH_COMPRESSING: Final = 1_024
_HASHED: Final = "_next/static/"


class File(Struct, frozen=True, kw_only=True):
    """A file as it is sent. ``tag`` is that of ``content``; what is compressed has another."""

    content: bytes
    compressed: bytes | None
    media_type: str
    cache_control: str
    tag: str


class Export(Struct, frozen=True, kw_only=True):
    """Files by the paths at which they are found; pages by their clean names, such as ``/chat``."""

    files: Mapping[str, File]
    missing: File
    headers: Mapping[str, str]


class _Headers(Struct):
    headers: dict[str, str]


def read_export(folder: Path) -> Export:
    """Read all files below ``folder``.

    Raises:
        WebUnavailable: that is no export, or not all of one.
    """
    try:
        headers = msgspec.json.decode((folder / HEADERS_FILE).read_bytes(), type=_Headers).headers
        missing = _read(folder, folder / _MISSING)
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        named = {path.relative_to(folder).as_posix(): path for path in paths}
        files = {_address(name): _read(folder, path) for name, path in named.items() if not name.startswith(_PRIVATE)}
    except (OSError, msgspec.MsgspecError) as error:
        raise WebUnavailable(f"What was built is damaged: {error}. Remove {folder}, and it is built again.") from error
    return Export(files=files, missing=missing, headers=headers)


def _address(name: str) -> str:
    """Return the path at which a file is found: pages have no ending, and that of a folder is the folder."""
    return "/" if name == "index.html" else "/" + name.removesuffix(".html")


def _read(folder: Path, path: Path) -> File:
    content = path.read_bytes()
    compressed = None
    if path.suffix in _COMPRESSIBLE and len(content) >= _WORTH_COMPRESSING:
        compressed = gzip.compress(content, mtime=0)
    hashed = path.relative_to(folder).as_posix().startswith(_HASHED)
    return File(
        content=content,
        compressed=compressed,
        media_type=_TYPES.get(path.suffix, "application/octet-stream"),
        cache_control="public, max-age=31536000, immutable" if hashed else "no-cache",
        tag=hashlib.sha256(content).hexdigest()[:24],
    )
