"""The pages of the web client beside the API, under one address."""

from collections.abc import Iterable
from typing import Final, cast

from litestar.enums import HttpMethod
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from deeper_api.telemetry.requests import FILE
from deeper_api.web.exports import Export, File

_PAGE: Final = "text/html"


class Pages:
    """Answers GET for what an export holds, and hands everything else to the API.

    What is below one of ``reserved``, the first parts of the API's paths, is always the API's. A path that neither has
    is the page for that to a browser, and the API's error to others. Nothing is read from a disk: what is not in the
    export cannot be asked for, however a path is written. Ranges are not sent, but the whole (RFC 9110, 14.2).
    """

    def __init__(self, app: ASGIApp, export: Export, reserved: Iterable[str]) -> None:
        self._app = app
        self._files = export.files
        self._missing = export.missing
        self._headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in export.headers.items()]
        self._reserved = frozenset(reserved)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection. HEAD is GET already here, and loses its content further out."""
        http = cast("HTTPScope", scope)
        path = http["path"] if scope["type"] == "http" and http["method"] == HttpMethod.GET else ""
        if not path or path.lstrip("/").partition("/")[0] in self._reserved:
            await self._app(scope, receive, send)
        elif (file := self._files.get(path)) is not None:
            cast("dict[str, str]", http)["path_template"] = path if file.media_type.startswith(_PAGE) else FILE
            await self._send_file(http, send, file)
        elif (clean := _clean(path)) in self._files:
            query = http["query_string"]
            location = clean.encode("ascii") + (b"?" + query if query else b"")
            await self._send(
                send, 307, [(b"location", location), (b"cache-control", b"no-cache"), (b"content-length", b"0")]
            )
        elif _PAGE in _header(http, b"accept"):
            await self._send_file(http, send, self._missing, status=404)
        else:
            await self._app(scope, receive, send)

    async def _send_file(self, scope: HTTPScope, send: Send, file: File, status: int = 200) -> None:
        content, tag, headers = file.content, file.tag, list[tuple[bytes, bytes]]()
        if file.compressed is not None:
            headers.append((b"vary", b"accept-encoding"))
            if _takes_gzip(_header(scope, b"accept-encoding")):
                content, tag = file.compressed, f"{file.tag}-gzip"
                headers.append((b"content-encoding", b"gzip"))
        headers += [(b"etag", f'"{tag}"'.encode("ascii")), (b"cache-control", file.cache_control.encode("ascii"))]
        if status == 200 and _has(_header(scope, b"if-none-match"), tag):
            # A browser takes over the headers of this for the file that it has: they have to be the same.
            await self._send(send, 304, [each for each in headers if each[0] != b"content-encoding"])
            return
        headers += [
            (b"content-type", file.media_type.encode("ascii")),
            (b"content-length", str(len(content)).encode("ascii")),
            (b"accept-ranges", b"none"),
        ]
        await self._send(send, status, headers, content)

    async def _send(self, send: Send, status: int, headers: list[tuple[bytes, bytes]], content: bytes = b"") -> None:
        start = {"type": "http.response.start", "status": status, "headers": [*headers, *self._headers]}
        await send(cast("Message", start))
        await send({"type": "http.response.body", "body": content, "more_body": False})


def _clean(path: str) -> str:
    """Return the one name of the page that a path may mean: ``/chat`` for ``/chat/`` and ``/chat.html``."""
    return path.rstrip("/").removesuffix(".html").removesuffix("/index") or "/"


def _header(scope: HTTPScope, wanted: bytes) -> str:
    return ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == wanted)


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.split(","):
        name, _, weight = part.replace(" ", "").partition(";")
        if name.lower() == "gzip":
            return weight.lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _has(tags: str, tag: str) -> bool:
    """Tell whether ``tag`` is one of those that a request names; weak ones count as well (RFC 9110, 13.1.2)."""
    return any(each.strip().removeprefix("W/") in {f'"{tag}"', "*"} for each in tags.split(","))
