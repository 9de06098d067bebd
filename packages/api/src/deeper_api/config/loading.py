"""Reading the configuration: defaults, then a file, then ``.env``, then the environment; the later wins.

Everything that is wrong is collected, so that one refused start names every fault.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec
from dotenv.parser import parse_stream
from msgspec import Struct

from deeper_api.config.rules import required_to_serve, unsafe
from deeper_api.config.sections import AppConfig
from deeper_api.config.settings import Setting, settings
from deeper_api.config.tables import read_tables

FILE_NAME = "deeper.toml"
PREFIX = "DEEPER_"
# Names a file with further settings instead of ./deeper.toml.
FILE_VARIABLE = "DEEPER_CONFIG"
# Variables of the command line that are no settings of the server.
_NOT_SETTINGS = frozenset(
    {FILE_VARIABLE, "DEEPER_DATA_DIR", "DEEPER_CHAT_URL", "DEEPER_CHAT_EMAIL", "DEEPER_DOCTOR_KEY"}
)
# A secret in a file is a line, not a document.
_SECRET_FILE_BYTES = 65_536


class ConfigError(Exception):
    """The configuration cannot be used; ``faults`` says everything that is wrong, a sentence each."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class _Given(Struct, frozen=True, kw_only=True):
    """A value before it is checked, and where it came from. Text came from an environment and is to be parsed."""

    value: object
    source: str
    text: bool


def load_config(
    *,
    defaults: Mapping[str, object] | None = None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    serving: bool = False,
) -> AppConfig:
    """Return the configuration of this process.

    ``defaults`` and ``overrides`` are settings by their key, such as ``{"server.port": 80}``: the former lose to every
    layer, the latter win over all.
    ``environment`` stands for the process's own, ``directory`` for the working directory.
    ``serving`` says that what a server cannot do without must be there.

    Raises:
        ConfigError: if anything in any layer is wrong, or unsafe in the profile ``prod``.
    """
    directory = directory or Path.cwd()
    process = os.environ if environment is None else environment  # noqa: TID251  - the one place that reads it
    faults: list[str] = []
    known = {setting.key: setting for setting in settings()}
    given = _from_program(defaults or {}, "default")
    dotenv = _dotenv(directory / ".env", faults)
    file = process.get(FILE_VARIABLE) or dotenv.get(FILE_VARIABLE)
    given |= _from_file(Path(file) if file else directory / FILE_NAME, known, faults, required=bool(file))
    given |= _from_environment(dotenv, ".env", known, faults)
    given |= _from_environment(process, "environment", known, faults)
    given |= _from_program(overrides or {}, "command line")
    config = _build(known, given, faults)
    faults += unsafe(config)
    faults += required_to_serve(config) if serving else []
    if faults:
        raise ConfigError(faults)
    return config


def _from_program(values: Mapping[str, object], source: str) -> dict[str, _Given]:
    return {key: _Given(value=value, source=f"{source}: {key}", text=False) for key, value in values.items()}


def _dotenv(path: Path, faults: list[str]) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8") as file:
            bindings = list(parse_stream(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{path}: cannot be read ({_why(error)})")
        return {}
    # dotenv_values() would pass over such a line with no more than a warning.
    faults += [f"{path}: line {each.original.line} cannot be understood" for each in bindings if each.error]
    return {each.key: each.value for each in bindings if each.key is not None and each.value is not None}


def _from_file(path: Path, known: Mapping[str, Setting], faults: list[str], *, required: bool) -> dict[str, _Given]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if required:
            faults.append(f"{path}: no such file (named by {FILE_VARIABLE})")
        return {}
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{path}: cannot be read ({_why(error)})")
        return {}
    except tomllib.TOMLDecodeError as error:
        faults.append(f"{path}: not valid TOML: {error}")
        return {}
    given: dict[str, _Given] = {}
    for key, value in _leaves(document, ""):
        if key in known:
            given[key] = _Given(value=value, source=f"{path.name}: {key}", text=False)
        else:
            faults.append(f"{path.name}: {key} is no setting")
    return given


def _leaves(table: Mapping[str, object], above: str) -> list[tuple[str, object]]:
    leaves: list[tuple[str, object]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            leaves += _leaves(cast("dict[str, object]", value), f"{above}{name}.")
        else:
            leaves.append((above + name, value))
    return leaves


def _from_environment(
    variables: Mapping[str, str], source: str, known: Mapping[str, Setting], faults: list[str]
) -> dict[str, _Given]:
    by_variable = {setting.variable: setting for setting in known.values()}
    given: dict[str, _Given] = {}
    for name, text in sorted(variables.items()):
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        label = name if source == "environment" else f"{source}: {name}"
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):  # bytes that Python could not decode
            faults.append(f"{label}: must be text in UTF-8")
            continue
        if name in by_variable:
            given[by_variable[name].key] = _Given(value=text, source=label, text=True)
        elif (setting := by_variable.get(name.removesuffix("_FILE"))) is not None:
            if setting.variable in variables:
                faults.append(f"{label}: {setting.variable} is set too; keep one of them")
            elif (content := _secret_file(text, label, faults)) is not None:
                given[setting.key] = _Given(value=content, source=label, text=True)
        else:
            faults.append(f"{label} is no setting")
    return given


def _secret_file(path: str, label: str, faults: list[str]) -> str | None:
    try:
        with Path(path).open("rb") as file:
            return file.read(_SECRET_FILE_BYTES).decode().strip()
    except (OSError, ValueError) as error:
        faults.append(f"{label}: {path!r} cannot be read ({_why(error)})")
        return None


def _why(error: OSError | ValueError) -> str:
    """Return why a file cannot be read, with nothing of what it holds."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not text in UTF-8" if isinstance(error, UnicodeDecodeError) else "this is no path"


def _build(known: Mapping[str, Setting], given: Mapping[str, _Given], faults: list[str]) -> AppConfig:
    tree: dict[str, object] = {}
    for key, item in given.items():
        setting = known[key]
        if setting.table is not None:
            _put(tree, setting, read_tables(setting.table, item.value, item.source, faults))
            continue
        try:
            value = msgspec.convert(_parse(setting, item), setting.type, strict=not item.text)
        except msgspec.ValidationError as error:
            quoted = "the text " if isinstance(item.value, str) and not item.text else ""  # a file has types
            shown = "" if setting.secrecy else f" (got {quoted}{str(item.value)[:80]!r})"
            faults.append(f"{item.source}: {setting.words or error}{shown}")
            continue
        _put(tree, setting, value)
    return msgspec.convert(tree, AppConfig)


def _put(tree: dict[str, object], setting: Setting, value: object) -> None:
    for name in setting.path[:-1]:
        tree = cast("dict[str, object]", tree.setdefault(name, {}))
    tree[setting.path[-1]] = value


def _parse(setting: Setting, item: _Given) -> object:
    """Return the value that ``item`` stands for; a list in an environment is separated by commas."""
    if not item.text or not isinstance(item.value, str):
        return item.value
    if setting.is_list:
        return [part.strip() for part in item.value.split(",") if part.strip()]
    return item.value.lower() if isinstance(setting.default, bool) else item.value
