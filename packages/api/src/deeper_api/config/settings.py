"""A flat view of the configuration: one `Setting` for each leaf field, with its names and its secrecy."""

import re
from collections.abc import Iterator
from typing import Literal, cast

import msgspec
from msgspec import Struct

from deeper_api.config.sections import AppConfig

MASK = "********"
# How a URL begins, and all of libpq's key-value form: a word in it that is no pair may be the rest of a password.
_URL = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PAIRS = re.compile(r"\s*(?:\w+\s*=\s*(?:'(?:\\.|[^'\\])*'|(?:\\.|[^\s\\'])*)(?:\s+|$))+", re.DOTALL)
# Both hide rather too much than too little. The first goes up to the last @, because one may stand unescaped in a
# password or in a user's name; the second is a parameter of a URL or of libpq's key-value form, quoted or not, with all
# that follows up to a blank.
_PASSWORD_BEFORE_HOST = re.compile(r"(?<=://)(?P<user>[^:]*):.*@", re.DOTALL)
_PASSWORD_PARAMETER = re.compile(
    r"(?P<name>(?:password|secret|token|key)\s*=\s*)(?:'(?:\\.|[^'\\])*'?|(?:\\.|[^\s\\])*)",
    re.DOTALL | re.IGNORECASE,
)


class Setting(Struct, frozen=True, kw_only=True):
    """One leaf of the configuration: ``path`` such as ``("server", "port")``."""

    path: tuple[str, ...]
    type: object
    default: object
    description: str
    secrecy: Literal["all", "url"] | None

    @property
    def key(self) -> str:
        """The name in the file: ``server.port``."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The name in the environment: ``DEEPER_SERVER_PORT``."""
        return "_".join(("DEEPER", *self.path)).upper()

    @property
    def is_list(self) -> bool:
        """Whether the environment gives it as a comma-separated list."""
        return isinstance(self.default, tuple)

    def show(self, value: object) -> str:
        """Return ``value`` as text that is safe to print."""
        if self.secrecy == "all":
            return MASK if value else ""
        text = ",".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)
        if isinstance(value, bool):
            text = text.lower()
        return _without_password(text) if self.secrecy == "url" else text


def settings() -> Iterator[Setting]:
    """Yield every setting, in the order of declaration."""
    yield from _walk(AppConfig, ())


def _without_password(address: str) -> str:
    if address and not _URL.match(address) and not _PAIRS.fullmatch(address):
        return MASK  # who knows what it is: a URL without its scheme, or a password in the wrong place
    address = _PASSWORD_BEFORE_HOST.sub(rf"\g<user>:{MASK}@", address)
    return _PASSWORD_PARAMETER.sub(rf"\g<name>{MASK}", address)


def _walk(section: type[Struct], above: tuple[str, ...]) -> Iterator[Setting]:
    for field in msgspec.structs.fields(section):
        path = (*above, field.name)
        kind: object = field.type
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            yield from _walk(field.type, path)
            continue
        inner = msgspec.inspect.type_info(kind)
        metadata = cast("dict[str, str]", inner.extra or {}) if isinstance(inner, msgspec.inspect.Metadata) else {}
        schema = msgspec.json.schema(kind)
        yield Setting(
            path=path,
            type=kind,
            default=field.default,
            description=str(schema["description"]),
            secrecy=cast("Literal['all', 'url'] | None", metadata.get("secrecy")),
        )


def value_of(config: AppConfig, setting: Setting) -> object:
    """Return what ``config`` holds for ``setting``."""
    value: object = config
    for name in setting.path:
        value = getattr(value, name)
    return value
