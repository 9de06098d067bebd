"""Request bodies: JSON, read once, strictly, into the type that the handler asks for."""

import asyncio
import re
from functools import cache
from typing import cast

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.types import Empty

from deeper_api.middleware.choices import choices_at
from deeper_core import ErrorDetail, InvalidRequest, UnsupportedMediaType, ValidationFailed

AnyConnection = ASGIConnection[object, object, object, State]

# For a whole body. The server itself waits for ever, and with a few thousand bodies that never end nobody gets in.
BODY_SECONDS = 60.0
_MESSAGE_CHARACTERS = 300
_PATH = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
# U+0000 in JSON: its escape, unless the backslash is itself escaped. PostgreSQL cannot store it.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class JsonRequest(Request[object, object, State]):
    """A request whose JSON is decoded straight into the handler's ``data`` type.

    Litestar would decode it into dicts first and then convert leniently, so that ``"1"`` passes for 1.
    """

    async def body(self) -> bytes:
        """Return the bytes of the body.

        Raises:
            InvalidRequest: it takes too long to arrive.
        """
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await super().body()
        except TimeoutError as error:
            raise InvalidRequest("The request body took too long to arrive.") from error

    async def json(self) -> object:
        """Return the body as the type of the handler's ``data``.

        Raises:
            InvalidRequest: it is not JSON in UTF-8.
            ValidationFailed: it is JSON, but not of that type.
        """
        body = await self.body()
        kind = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        return decode_body(body, kind)


def decode_body(body: bytes, kind: object) -> object:
    """Return ``body`` as a value of type ``kind``.

    Raises:
        InvalidRequest: it is not JSON in UTF-8, is nested too deeply, or holds U+0000.
        ValidationFailed: it is JSON, but not of that type; the details say where.
    """
    if b"\\u0000" in body and _NUL.search(body):
        raise InvalidRequest("The character U+0000 is not allowed anywhere in the body.")
    try:
        return _decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        raise ValidationFailed(details=(_detail(str(error), kind),)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest("The body is not valid JSON in UTF-8.") from error
    except RecursionError as error:
        raise InvalidRequest("The body is nested too deeply.") from error


@cache
def _decoder(kind: object) -> msgspec.json.Decoder[object]:
    return cast("msgspec.json.Decoder[object]", msgspec.json.Decoder(kind))


def _detail(text: str, kind: object) -> ErrorDetail:
    found = _PATH.match(text)
    message, path = (found["message"], found["path"]) if found else (text, None)
    if message.startswith(("Invalid enum value", "Invalid value")) and (choices := choices_at(kind, path or "")):
        message = f"Expected {'one of ' if len(choices) > 1 else ''}{', '.join(choices)}"
    if message == "Invalid base64 encoded string":
        message = "Expected base64, without a prefix such as `data:`"
    return ErrorDetail(message=message[:_MESSAGE_CHARACTERS], field=path and path[:_MESSAGE_CHARACTERS])


async def require_json(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Refuse a missing body, and one that does not say that it is JSON; a guard of every route.

    A page of another site can make a browser send a body of any other type without asking first.

    Raises:
        InvalidRequest: the route needs a body, and there is none.
        UnsupportedMediaType: there is a body, and its type is another or missing.
    """
    headers = connection.scope["headers"]
    given = dict(headers)
    if given.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in given:
        wanted = handler.parsed_fn_signature.parameters.get("data")
        if wanted is not None and wanted.default is Empty:
            raise InvalidRequest("This request needs a body of JSON.")
        return
    # What is said twice might be understood otherwise by whoever looked at it before.
    media_types = [value.partition(b";")[0].strip().lower() for name, value in headers if name == b"content-type"]
    if media_types != [b"application/json"] or b"content-encoding" in given:
        raise UnsupportedMediaType
