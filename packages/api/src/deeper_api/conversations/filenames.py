"""Names of files that are downloaded."""

import re
from typing import Final
from urllib.parse import quote

_LENGTH: Final = 80  # characters; a name of four times as many bytes still fits every file system
_UNSAFE: Final = re.compile(r"[^\w ()\[\]+,-]+")
_NOT_ASCII: Final = re.compile(r"[^A-Za-z0-9_-]+")


def attachment(title: str, extension: str) -> str:
    """Return the ``Content-Disposition`` with which a browser keeps a file named after ``title``.

    The name has letters, digits and a few harmless signs, and comes twice: in ASCII for old clients, and in full
    (RFC 6266 and RFC 8187).
    """
    name = " ".join(_UNSAFE.sub(" ", title).split())[:_LENGTH].strip() or "conversation"
    plain = _NOT_ASCII.sub("-", name).strip("-") or "conversation"
    return f"attachment; filename=\"{plain}.{extension}\"; filename*=UTF-8''{quote(name, safe='')}.{extension}"
