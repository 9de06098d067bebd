"""The sources of the web client, which are beside this package in a clone of the repository and nowhere else."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from deeper_api.web.errors import WebUnavailable

# What the pages are built of. Tests, and the settings of tools that look for faults, change nothing about them.
_FOLDERS: Final = ("public", "scripts", "src")
_FILES: Final = (
    ".npmrc",
    "next.config.ts",
    "package-lock.json",
    "package.json",
    "postcss.config.mjs",
    "tsconfig.json",
)
_TESTS: Final = (".test.ts", ".test.tsx")
# This file is packages/api/src/deeper_api/web/sources.py there.
_STEPS_UP: Final = 5
_DIGEST_CHARACTERS: Final = 20


class Sources(Struct, frozen=True, kw_only=True):
    """Contents by their paths below the client's folder, which use ``/``."""

    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """Return a name that no other contents have."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            digest.update(f"{len(name)} {len(content)} {name}".encode())
            digest.update(content)
        return digest.hexdigest()[:_DIGEST_CHARACTERS]

    def write_to(self, folder: Path) -> None:
        """Write all of them below ``folder``."""
        for name, content in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def sources_folder(here: Path = Path(__file__)) -> Path:
    """Return the client's folder in the clone of which ``here`` is this file.

    Raises:
        WebUnavailable: this is no clone.
    """
    parents = here.resolve().parents
    folder = parents[_STEPS_UP] / "web" if len(parents) > _STEPS_UP else here
    try:
        if json.loads((folder / "package.json").read_bytes())["name"] == "deeper-web":
            return folder
    except (OSError, ValueError, LookupError, TypeError):
        pass
    raise WebUnavailable(
        "Its sources are not here: they are in a clone of the repository, not in the package deeper-api."
    )


def read_sources(folder: Path) -> Sources:
    """Return what the pages are built of, as of now.

    Raises:
        WebUnavailable: a file is missing or cannot be read.
    """
    try:
        below = (path for name in _FOLDERS for path in (folder / name).rglob("*") if path.is_file())
        files = [*(folder / name for name in _FILES), *(path for path in below if not path.name.endswith(_TESTS))]
        return Sources(files={path.relative_to(folder).as_posix(): path.read_bytes() for path in files})
    except OSError as error:
        raise WebUnavailable(f"Its sources cannot be read: {error}.") from error
