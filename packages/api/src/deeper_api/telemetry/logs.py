"""Logs: one JSON object or one console line for each record, on standard output.

Fields go into a record by ``extra={"fields": {...}}``. Text that could forge a second line or move a terminal's cursor
is escaped in both forms.
"""

import asyncio
import io
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO, cast

import msgspec

from deeper_api.telemetry.contexts import current_fields

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_COLOURS = {"DEBUG": "\x1b[2m", "INFO": "\x1b[32m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31m"}
_RESET = "\x1b[0m"
# A field longer than this came from outside and is cut.
_FIELD_CHARACTERS = 1_000
# Loggers of libraries that are of use only when something is wrong. What deeper_model tells besides are the words of a
# model server, which may repeat a question.
_QUIET = (
    *("_granian", "granian.access", "aiohttp", "asyncio", "deeper_model"),
    *("psycopg", "psycopg.pool", "yoyo", "yoyo.migrations"),
    *("opentelemetry", "urllib3"),
)
# Loggers that only repeat what ours say: the one at every try, the other with the text of an exception.
_SILENT = ("coredis", "_granian.utils", "opentelemetry.exporter", "opentelemetry.sdk._shared_internal")


def configure_logs(
    *, level: Literal["debug", "info", "warning", "error"], form: Literal["json", "console"], texts: bool = False
) -> None:
    """Send every logger of this process to standard output in ``form``. Calling it again replaces the former set-up.

    ``texts`` shows those of exceptions on the console, where whoever reads them is who wrote what they may hold.
    """
    # As Python's documentation advises whoever does not tell threads, processes and lines of code in their lines.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  - that page has it so
    if hasattr(sys.stdout, "reconfigure"):
        # With PYTHONUNBUFFERED, each line would be handed over by itself.
        cast("io.TextIOWrapper", sys.stdout).reconfigure(write_through=False)
    handler = _Handler(sys.stdout)
    handler.setFormatter(
        JsonFormatter() if form == "json" else ConsoleFormatter(colour=sys.stdout.isatty(), texts=texts)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS[level])
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes the lines of one turn of the event loop at once: to hand them over costs more than to make them.

    Warnings, and lines that are written where no loop runs, do not wait. A process that ends flushes its streams.
    """

    _flushing_in: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        if record.levelno >= logging.WARNING:
            self._hand_over()

    def flush(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            super().flush()
            return
        if self._flushing_in is not loop:  # what another one had still to do, it does no more
            self._flushing_in = loop
            loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flushing_in = None
        self._hand_over()

    def _hand_over(self) -> None:
        try:
            super().flush()
        except (OSError, ValueError):  # a full disk, or a stream that was closed: no reason to do nothing else
            self.handleError(logging.makeLogRecord({"msg": "lines that were to be written together"}))


class JsonFormatter(logging.Formatter):
    """One JSON object for each record: time, level, logger, message, then the fields, then the exception.

    An exception is its type and where it was raised, without its text, which may hold what a user wrote.
    """

    def __init__(self) -> None:
        super().__init__()
        self._second = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        """Return ``record`` as one line of JSON."""
        line: dict[str, object] = {
            "time": self._time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_FIELD_CHARACTERS],
            **_fields(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _trace(record.exc_info[1], texts=False)
        return _as_json(line)

    def _time(self, seconds: float) -> str:
        """Return a time in RFC 3339, with milliseconds; those of one second have all but these in common."""
        second, text = self._second
        whole = int(seconds)
        if second != whole:
            text = datetime.fromtimestamp(whole, UTC).isoformat()[: -len("+00:00")]
            self._second = (whole, text)
        return f"{text}.{int((seconds - whole) * 1_000):03}+00:00"


class ConsoleFormatter(logging.Formatter):
    """A line for people: time, level, message, then the fields as ``name=value``."""

    def __init__(self, *, colour: bool, texts: bool) -> None:
        super().__init__()
        self._colour = colour
        self._texts = texts

    def format(self, record: logging.LogRecord) -> str:
        """Return ``record`` as a line, followed by its exception if it has one."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        level = f"{record.levelname:<7}"
        if self._colour:
            level = f"{_COLOURS.get(record.levelname, '')}{level}{_RESET}"
        parts = [time, level, printable(record.getMessage()[:_FIELD_CHARACTERS])]
        parts += [f"{name}={printable(str(value)[:_FIELD_CHARACTERS])}" for name, value in _fields(record).items()]
        text = " ".join(parts)
        if record.exc_info and record.exc_info[1] is not None:
            text += "\n" + _trace(record.exc_info[1], texts=self._texts)
        return text


def _as_json(line: Mapping[str, object]) -> str:
    """Return ``line`` as JSON in which nothing but printable characters stands as it is."""
    try:
        text = msgspec.json.encode(line, enc_hook=repr).decode()
    except (ValueError, OverflowError, TypeError):
        # Half a surrogate pair, an integer of more than 64 bits, a key that is no text: rather told as text than lost.
        told = {name: printable(str(value)[:_FIELD_CHARACTERS]) for name, value in line.items()}
        text = msgspec.json.encode(told).decode()
    # JSON lets DEL, the control characters behind it and the line separators of Unicode stand. They can only be inside
    # of strings, where an escape means the same.
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = {**current_fields(), **cast("Mapping[str, object]", getattr(record, "fields", {}))}
    for name, value in [*fields.items()]:
        if value is None:
            del fields[name]
        elif isinstance(value, str) and len(value) > _FIELD_CHARACTERS:
            fields[name] = value[:_FIELD_CHARACTERS]
    return fields


def _trace(error: BaseException, *, texts: bool) -> str:
    """Return where ``error`` and its causes were raised, with their own texts if ``texts``."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = "".join(traceback.format_tb(current.__traceback__, limit=-20))
        text = f": {printable(str(current)[:_FIELD_CHARACTERS])}" if texts else ""
        parts.append(f"{type(current).__module__}.{type(current).__qualname__}{text}\n{frames}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "caused by ".join(parts)


def printable(text: str) -> str:
    """Return ``text`` with control characters escaped, so that it stays on its line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
