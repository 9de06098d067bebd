"""Messages as OpenAI's clients send them, and what they are here."""

import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from deeper_core import ChatMessage, ChatRole, ErrorDetail, FunctionCall, ToolCall, ValidationFailed

Name = Annotated[str, Meta(max_length=256)]
# As many as a `ChatMessage` has.
_MOST_IMAGES: Final = 16
_ROLES: Final = {"developer": ChatRole.SYSTEM}


class TextPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """Words."""

    text: str


class RefusalPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="refusal"):
    """Words with which a model once refused something."""

    refusal: str


class ImageUrl(Struct, frozen=True, kw_only=True):
    """An image as a data URL (RFC 2397) in base64; this server fetches none from elsewhere."""

    url: str


class ImagePart(Struct, frozen=True, kw_only=True, tag_field="type", tag="image_url"):
    """An image."""

    image_url: ImageUrl


Part = TextPart | RefusalPart | ImagePart


class CalledFunction(Struct, frozen=True, kw_only=True):
    """A function that the model called; ``arguments`` is JSON text."""

    name: Name
    arguments: str | None = None


class CalledTool(Struct, frozen=True, kw_only=True):
    """A tool that the model called."""

    function: CalledFunction
    id: Name | None = None
    type: Literal["function"] | None = None


class MessageIn(Struct, frozen=True, kw_only=True):
    """A message. ``developer`` is another name for ``system``."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | tuple[Part, ...] | None = None
    reasoning_content: str | None = None
    tool_calls: Annotated[tuple[CalledTool, ...], Meta(max_length=128)] | None = None
    tool_call_id: Name | None = None


def to_messages(messages: Sequence[MessageIn]) -> tuple[ChatMessage, ...]:
    """Return ``messages`` as they are here. What a tool returns comes with the name by which it was called.

    Raises:
        ValidationFailed: an image is not in the message itself, or is too much.
    """
    names = {call.id: call.function.name for message in messages for call in message.tool_calls or ()}
    return tuple(
        ChatMessage(
            role=_ROLES.get(message.role) or ChatRole(message.role),
            content=_text(message.content),
            thinking=message.reasoning_content,
            images=_images(message.content, f"$.messages[{index}].content"),
            tool_calls=tuple(map(_call, message.tool_calls or ())),
            tool_call_id=message.tool_call_id,
            tool_name=names.get(message.tool_call_id) if message.role == "tool" else None,
        )
        for index, message in enumerate(messages)
    )


def refusal(field: str, message: str) -> ValidationFailed:
    """Return the error that says what was expected at a place in the body."""
    return ValidationFailed(details=(ErrorDetail(message=message, field=field),))


def _text(content: str | tuple[Part, ...] | None) -> str:
    if not isinstance(content, tuple):
        return content or ""
    words = [_words(part) for part in content if not isinstance(part, ImagePart)]
    return "\n".join(words)


def _words(part: TextPart | RefusalPart) -> str:
    return part.text if isinstance(part, TextPart) else part.refusal


def _images(content: str | tuple[Part, ...] | None, place: str) -> tuple[bytes, ...]:
    if not isinstance(content, tuple):
        return ()
    images = tuple(
        _image(part.image_url.url, f"{place}[{index}].image_url.url")
        for index, part in enumerate(content)
        if isinstance(part, ImagePart)
    )
    if len(images) > _MOST_IMAGES:
        raise refusal(place, f"Expected at most {_MOST_IMAGES} images in a message")
    return images


def _image(url: str, place: str) -> bytes:
    kind, _, data = url.partition(",")
    if not kind.lower().startswith("data:"):
        raise refusal(place, "Expected a data: URL with the image in base64; images elsewhere are not fetched")
    if not kind.lower().endswith(";base64"):
        raise refusal(place, "Expected a data: URL in base64")
    try:
        return b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise refusal(place, "Expected base64 behind the comma of the data: URL") from error


def _call(called: CalledTool) -> ToolCall:
    function = FunctionCall(name=called.function.name, arguments=called.function.arguments or "{}")
    return ToolCall(id=called.id or "", function=function)
