"""What kind of image some bytes are."""

from base64 import b64encode

# The first bytes of each format, from the registrations of the media types.
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)


def media_type(image: bytes) -> str:
    """Return the media type of ``image`` by its first bytes; ``application/octet-stream`` for any other."""
    if image.startswith(b"RIFF") and image[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if image.startswith(start)), "application/octet-stream")


def data_url(image: bytes) -> str:
    """Return ``image`` as a data URL (RFC 2397)."""
    return f"data:{media_type(image)};base64,{b64encode(image).decode()}"
