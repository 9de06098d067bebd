"""Which pages of other origins may read responses: cross-origin resource sharing, https://fetch.spec.whatwg.org."""

from collections.abc import Sequence
from typing import Final

from litestar.types import HTTPScope

from deeper_api.middleware.methods import OPTIONS, methods_of

Header = tuple[bytes, bytes]

# `Content-Disposition` names an exported conversation.
_EXPOSED = (
    b"Allow, Content-Disposition, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID, X-Should-Retry"
)
# What a page may send; `OpenAI-*`, `User-Agent` and `X-Stainless-*` are what OpenAI's client there says of itself.
REQUEST_HEADERS: Final = (
    b"Authorization, Content-Type, Idempotency-Key, Last-Event-ID, OpenAI-Organization, OpenAI-Project, User-Agent, "
    b"X-Request-ID, X-Stainless-Arch, X-Stainless-Helper-Method, X-Stainless-Lang, X-Stainless-OS, "
    b"X-Stainless-Package-Version, X-Stainless-Retry-Count, X-Stainless-Runtime, X-Stainless-Runtime-Version, "
    b"X-Stainless-Timeout"
)
# For so many seconds a browser need not ask again. Chromium believes two hours at most.
_MAX_AGE = b"7200"


class Origins:
    """The origins in ``allowed``, word for word; ``*`` among them is any other origin, but without its cookies."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._listed = frozenset(origin.encode() for origin in allowed if origin != "*")
        self._any = "*" in allowed

    def headers(self, scope: HTTPScope) -> list[Header]:
        """Return what is to be added to the headers of the response, whatever its status.

        ``scope`` is to have been routed: a preflight request is allowed the methods of its route.
        """
        if not self._listed and not self._any:
            return []
        # Caches must not give one origin's response to another, nor one that came without any.
        headers = [(b"vary", b"Origin")]
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if len(origins) != 1:
            return headers
        if origins[0] in self._listed:
            headers += [(b"access-control-allow-origin", origins[0]), (b"access-control-allow-credentials", b"true")]
        elif self._any:
            headers.append((b"access-control-allow-origin", b"*"))
        else:
            return headers
        return headers + (
            _permissions(scope) if _is_preflight(scope) else [(b"access-control-expose-headers", _EXPOSED)]
        )


def _is_preflight(scope: HTTPScope) -> bool:
    asked = any(name == b"access-control-request-method" for name, _ in scope["headers"])
    return scope["method"] == OPTIONS and asked


def _permissions(scope: HTTPScope) -> list[Header]:
    methods = [method for method in methods_of(scope) if method != OPTIONS]
    if not methods:
        return []
    return [
        (b"access-control-allow-methods", ", ".join(methods).encode("ascii")),
        (b"access-control-allow-headers", REQUEST_HEADERS),
        (b"access-control-max-age", _MAX_AGE),
    ]
