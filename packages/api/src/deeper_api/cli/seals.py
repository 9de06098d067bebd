"""Seals on backups: a line behind the archive, of which PostgreSQL's programs take no notice, with its checksum.

Not every pg_dump compresses, and without that a few wrong bytes in a text would be restored as if nothing were wrong.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

_SEAL: Final = re.compile(rb"\ndeeper-backup 1 sha256:([0-9a-f]{64})\n\Z")
_LENGTH: Final = len("\ndeeper-backup 1 sha256:\n") + 64
_BLOCK: Final = 1024 * 1024


def seal(file: Path) -> None:
    """Put a seal on a file that has none."""
    digest = _digest(file, file.stat().st_size)
    with file.open("ab") as archive:
        archive.write(f"\ndeeper-backup 1 sha256:{digest}\n".encode())


def is_whole(file: Path) -> bool | None:
    """Return whether a file is as it was when it was sealed, None if there is no seal on it."""
    size = file.stat().st_size - _LENGTH
    if size < 0:
        return None
    with file.open("rb") as archive:
        archive.seek(size)
        found = _SEAL.match(archive.read())
    return None if found is None else found[1].decode() == _digest(file, size)


def _digest(file: Path, size: int) -> str:
    """Return the SHA-256 of the first ``size`` bytes."""
    digest = hashlib.sha256()
    with file.open("rb") as archive:
        while size > 0 and (block := archive.read(min(_BLOCK, size))):
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()
