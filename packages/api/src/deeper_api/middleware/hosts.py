"""Which host a request is for."""

import re
from typing import cast

from litestar.types import HTTPScope, Receive, Scope, Send

from deeper_api.errors import error_body
from deeper_api.middleware.refusals import refusal_of
from deeper_core import InvalidRequest

# A host and maybe a port: RFC 9110 section 7.2, by the characters of RFC 3986 section 3.2.
_SANE_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]+\Z")


def names_its_host(scope: HTTPScope) -> bool:
    """Tell whether a request says for which host it is, as RFC 9112 section 3.2 wants it; those of HTTP/1.0 need not.

    Servers and proxies that made different choices among several would not speak of the same request. granian gives a
    request that has no ``Host`` an empty one, which is none either: RFC 9110 section 4.2.1.
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) == 1 and _SANE_HOST.match(hosts[0]):
        return True
    return scope["http_version"] != "1.1" and hosts in ([], [b""])


async def refuse_host(scope: Scope, _: Receive, send: Send) -> None:
    """Say so to a request that does not."""
    error = InvalidRequest("A request names its host once, in the header Host.")
    request_id = cast("str", scope["state"]["request_id"])
    await refusal_of(error_body(error, request_id), scope).send(send)
