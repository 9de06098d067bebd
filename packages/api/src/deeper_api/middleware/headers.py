"""Headers as they came."""

from litestar.types import Scope


def first_header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of this name, without having all others made ready to be asked for, too."""
    for given, value in scope["headers"]:
        if given == name:
            return value.decode("latin-1")
    return None
