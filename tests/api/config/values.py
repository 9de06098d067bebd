"""Values that each setting may have, and each layer as it is written down."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import cast

import msgspec
from hypothesis import strategies as st

from deeper_api.config import Setting, settings
from deeper_api.config.sections import ModelServer

SETTINGS = {setting.key: setting for setting in settings()}

# Control characters need quoting that differs from format to format; that is not what layers are about.
_TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
_HOSTS = st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True)
_NETWORKS = (st.ip_addresses() | st.integers(0, 255).map("10.{}.0.0/16".format)).map(str)
_NAMES = st.from_regex(r"[a-z0-9*?]{1,8}(:[a-z0-9*]{1,4})?", fullmatch=True)
_SECRETS = st.binary(min_size=8, max_size=8).map(lambda seed: sha256(seed).hexdigest())


def _urls(scheme: str) -> st.SearchStrategy[str]:
    return st.builds(f"{scheme}://{{}}:{{}}".format, _HOSTS, st.integers(1, 65_535))


def _servers(names: list[str]) -> st.SearchStrategy[tuple[ModelServer, ...]]:
    """Servers by these names, whose addresses are as distinct as they are."""
    return st.tuples(
        *[
            st.builds(
                ModelServer,
                name=st.just(name),
                kind=st.just("ollama"),
                url=_urls("http").map(f"{{}}/{name}".format),
                api_key=st.just("") | _SECRETS,
                weight=st.floats(0.5, 100, allow_subnormal=False),
                parallel=st.integers(0, 100),
                num_ctx=st.integers(0, 8_192),
            )
            for name in names
        ]
    )


_SPECIAL: dict[str, st.SearchStrategy[object]] = {
    "server.allowed_origins": st.lists(_urls("https"), max_size=3).map(tuple),
    "server.trusted_proxies": st.lists(_NETWORKS, max_size=3).map(tuple),
    "db.url": _urls("postgresql"),
    "redis.url": _urls("rediss"),
    "jwt.secret": _SECRETS,
    "jwt.issuer": st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=100),
    "jwt.audience": st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=100),
    "jwt.previous_secrets": st.lists(_SECRETS, max_size=3).map(tuple),
    "model.servers": st.sampled_from([[], ["a"], ["gpu-1", "gpu-2"]]).flatmap(_servers),
    "model.allowed": st.lists(_NAMES, max_size=3).map(tuple),
    "model.allowed_for_users": st.lists(_NAMES, max_size=3).map(tuple),
    "auth.argon2_memory_kib": st.integers(19_456, 1_048_576),
    "auth.argon2_time_cost": st.integers(2, 16),
    "ollama.url": _urls("http"),
    "openai.url": _urls("https"),
    "openai.api_key": _SECRETS,
    "tracing.endpoint": _urls("https"),
    "tracing.headers": st.lists(_SECRETS.map("x-api-key={}".format), max_size=3).map(tuple),
}


def values(setting: Setting) -> st.SearchStrategy[object]:
    """Values of ``setting`` that are allowed in every profile."""
    if setting.key in _SPECIAL:
        return _SPECIAL[setting.key]
    kind = msgspec.inspect.type_info(setting.type)
    while isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    match kind:
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.IntType(ge=least, le=most):
            return st.integers(least, most)
        case msgspec.inspect.FloatType(ge=least, gt=above, le=most):
            exclude = least is None and above is not None
            return st.floats(above if exclude else least, most, exclude_min=exclude, allow_subnormal=False)
        case msgspec.inspect.LiteralType(values=words):
            return st.sampled_from(words)
        case _:
            return _TEXT


def subsets() -> st.SearchStrategy[dict[str, object]]:
    """Some of the settings, each with a value."""
    return st.fixed_dictionaries({}, optional={key: values(setting) for key, setting in SETTINGS.items()})


def as_text(value: object) -> str:
    """The value as an environment has it."""
    if isinstance(value, tuple) and any(isinstance(item, ModelServer) for item in cast("tuple[object, ...]", value)):
        return msgspec.json.encode(value).decode()
    if isinstance(value, tuple):
        return ",".join(cast("tuple[str, ...]", value))
    return str(value)


def as_variables(given: Mapping[str, object]) -> dict[str, str]:
    """The layer as environment variables."""
    return {SETTINGS[key].variable: as_text(value) for key, value in given.items()}


def write_file(path: Path, given: Mapping[str, object]) -> None:
    """Write the layer as TOML: its strings, numbers, booleans and lists look like JSON's, except for DEL."""
    lines = [f"{key} = {_toml(msgspec.to_builtins(value))}\n" for key, value in given.items()]
    path.write_text("".join(lines), encoding="utf-8")


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{name} = {_toml(item)}" for name, item in cast("dict[str, object]", value).items()) + "}"
        )
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_toml, cast("list[object]", value))) + "]"
    return json.dumps(value, ensure_ascii=False)


def write_dotenv(path: Path, given: Mapping[str, object]) -> None:
    """Write the layer as a .env file."""
    quoted = {name: text.replace("\\", r"\\").replace("'", r"\'") for name, text in as_variables(given).items()}
    path.write_text("".join(f"{name}='{text}'\n" for name, text in quoted.items()), encoding="utf-8")
