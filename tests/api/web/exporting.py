"""A small export, and the address of a folder with it."""

import json
from pathlib import Path

POLICY = "default-src 'none'; script-src 'self' 'sha256-abc='"
HEADERS = {"content-security-policy": POLICY, "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
SCRIPT = "console.log('a script of some length');" * 100
PAGE = "<!doctype html><title>Chat</title>" + "<p>Words that repeat.</p>" * 100

FILES = {
    "404.html": "<!doctype html><title>Not here</title>",
    "_not-found.html": "<!doctype html><title>Not here</title>",
    "_not-found/__next._full.txt": "0",
    "index.html": "<!doctype html><title>Start</title>",
    "chat.html": PAGE,
    "chat.txt": "1:payload",
    "chat/__next._full.txt": "2:payload",
    "icon.svg": "<svg/>",
    "theme.js": "theme()",
    "_next/static/chunks/0a1b.js": SCRIPT,
    "_next/static/media/letters.woff2": "letters",
}


def write_export(folder: Path) -> Path:
    for name, content in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (folder / "csp.json").write_text(json.dumps({"headers": HEADERS}))
    return folder
