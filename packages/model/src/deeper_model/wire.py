"""Decoding JSON that a model server sent, into typed Structs."""

import json
from typing import Generic, TypeVar, cast

import msgspec

from deeper_core import JsonObject, ModelProtocolBroken, ModelServerRejected

T = TypeVar("T")


class WireDecoder(Generic[T]):
    """Decodes messages of one type.

    msgspec does it fast and refuses bad Unicode; what it refuses gets a second chance with the standard library, since
    real model servers do send halves of surrogate pairs and broken UTF-8.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, data: bytes) -> T:
        """Return the message in ``data``.

        Raises:
            ModelProtocolBroken: it is no JSON, or not of this type.
        """
        try:
            return self._decoder.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self._decode_leniently(data)

    def decode_lines(self, block: bytes) -> list[T]:
        """Return the messages in ``block``, one a line.

        Raises:
            ModelProtocolBroken: as for `decode`; to keep what was good, decode line by line.
        """
        try:
            return self._decoder.decode_lines(block)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ModelProtocolBroken from error

    def _decode_leniently(self, data: bytes) -> T:
        try:
            value = cast("object", json.loads(data.decode("utf-8", "replace"), strict=False))
            return msgspec.convert(value, self._kind)
        except (ValueError, RecursionError) as error:
            raise ModelProtocolBroken from error


def encode(body: object) -> bytes:
    """Return ``body`` as JSON.

    Raises:
        ModelServerRejected: it holds a half of a surrogate pair or is nested too deeply, which no model server could
            read.
    """
    try:
        return msgspec.json.encode(body)
    except (UnicodeError, RecursionError) as error:
        raise ModelServerRejected from error


def arguments_text(arguments: object) -> str:
    """Return the arguments of a tool call as JSON text, whether they came as an object or as text.

    Raises:
        ModelProtocolBroken: they are nested so deeply that they could just be read.
    """
    if arguments is None:
        return "{}"
    if isinstance(arguments, str):
        return arguments
    # Unlike msgspec's, the standard library's encoder lets halves of surrogate pairs through, to be mended as text.
    try:
        return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    except RecursionError as error:
        raise ModelProtocolBroken from error


def arguments_object(arguments: str) -> JsonObject:
    """Return the arguments of a tool call as an object; text that is none becomes the value of ``arguments``.

    So the model gets to see what it wrote, and the model server does not refuse the conversation for it. No text is how
    some servers write no arguments.
    """
    if not arguments.strip():
        return {}
    try:
        return msgspec.json.decode(arguments, type=JsonObject)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {"arguments": arguments}


def arguments_object_text(arguments: str) -> str:
    """Return the same as text; text that is an object is left as it is."""
    try:
        msgspec.json.decode(arguments, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return json.dumps(arguments_object(arguments))
    return arguments
