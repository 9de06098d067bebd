"""Why a build failed, in words, from what npm and Next.js said."""

import re
from typing import Final

# The first that fits is taken: what is said first here causes what follows.
_REASONS: Final = (
    (r"ENOSPC|EDQUOT|No space left on device|disk quota exceeded", "The disk is full."),
    (
        r"\b(?:UNABLE_TO_\w+|SELF_SIGNED_CERT\w*|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_\w+)\b",
        "The certificate of the npm registry is not trusted. NODE_EXTRA_CA_CERTS names a file with its authority.",
    ),
    (
        r"\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b",
        "The npm registry cannot be reached. Without a network, build where there is one, or set npm_config_registry.",
    ),
    (r"code E4\d\d\b|code E5\d\d\b", "The npm registry does not give what is asked of it."),
    (r"\bEACCES\b|\bEPERM\b|\bEROFS\b", "npm may not write where it has to; npm_config_cache names its own folder."),
    (r"\bEBADENGINE\b", "This version of Node.js cannot build it."),
    (r"\bheap out of memory\b|Killed\b", "There is not enough memory."),
)
_LINES: Final = 8


def reason_of(said: str) -> str:
    """Return why a command failed that said this: in our words, or else the end of what it said."""
    for pattern, words in _REASONS:
        if re.search(pattern, said):
            return words
    end = [line.rstrip() for line in said.splitlines() if line.strip()][-_LINES:]
    return "\n".join(("The build failed:", *(f"    {line}" for line in end)))
