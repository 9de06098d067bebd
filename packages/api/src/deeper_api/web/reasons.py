"""Why a build failed, in words, from what npm and Next.js said."""

import re
from typing import Final

_UNTRUSTED: Final = r"UNABLE_TO_\w+|\w*SELF_SIGNED_CERT\w*|CERT_\w+"
_UNREACHABLE: Final = (
    "ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EIDLETIMEOUT|ERR_SOCKET_TIMEOUT"
)
# The first that fits is taken. npm goes on after a full disk, and what runs next does not find what it needs.
_REASONS: Final = (
    (r"ENOSPC|EDQUOT|No space left on device|[Dd]isk quota exceeded", "The disk is full."),
    (
        rf"npm error code (?:{_UNTRUSTED})\b",
        "The certificate of the npm registry is not trusted. NODE_EXTRA_CA_CERTS names a file with its authority.",
    ),
    (
        rf"npm error code (?:{_UNREACHABLE})\b",
        "The npm registry cannot be reached. The first start needs it; npm_config_registry names another one.",
    ),
    (r"npm error code E[45]\d\d\b", "The npm registry does not give what it is asked for."),
    (
        r"npm error code (?:EACCES|EPERM|EROFS)\b",
        "npm may not write to a folder of its own; npm_config_cache names another one.",
    ),
    (r"heap out of memory|\bKilled\b", "There is not enough memory."),
)
_LINES: Final = 8


def reason_of(said: str) -> str:
    """Return why a command failed that said this: in our words, or else the end of what it said."""
    for pattern, words in _REASONS:
        if re.search(pattern, said):
            return words
    end = [line.rstrip() for line in said.splitlines() if line.strip()][-_LINES:]
    return "\n".join(("The build failed.", *(f"    {line}" for line in end)))
