"""Log lines: one record is one line, whatever is in it."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.telemetry.logs import ConsoleFormatter, JsonFormatter, configure_logs

ANY_TEXT = st.text(st.characters(), max_size=200)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)
CANARY = "canary7q9z3x5v1b8n"
# What starts a new line somewhere, or is obeyed by a terminal: C0, DEL, C1 and the separators of Unicode.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def record(
    message: str = "told", *arguments: object, error: BaseException | None = None, **fields: object
) -> logging.LogRecord:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.LogRecord("deeper.test", logging.WARNING, __file__, 1, message, arguments, exc_info)
    made.fields = fields
    return made


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """The error as it is once it has been raised."""

    def fail() -> None:
        raise error from cause

    with pytest.raises(type(error)) as caught:
        fail()
    return caught.value


def as_json(made: logging.LogRecord) -> dict[str, object]:
    line = JsonFormatter().format(made)
    assert not CONTROLS.search(line)
    line.encode()
    return json.loads(line)


def on_console(made: logging.LogRecord, *, colour: bool = False) -> str:
    return ConsoleFormatter(colour=colour, texts=True).format(made)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Undo what configure_logs does to the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    told = {name: getattr(logging, name) for name in ("logThreads", "logProcesses", "logMultiprocessing", "_srcfile")}
    yield
    for name, value in told.items():
        setattr(logging, name, value)
    root.handlers = handlers
    root.setLevel(level)
    for name in logging.root.manager.loggerDict:
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def test_a_record_is_a_json_object_with_time_level_logger_message_and_fields():
    line = as_json(record("%s of %d", "one", 2, route="/v1/chat", status=200))
    at = datetime.fromisoformat(str(line.pop("time")))
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert line == {
        "level": "warning",
        "logger": "deeper.test",
        "message": "one of 2",
        "route": "/v1/chat",
        "status": 200,
    }


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_one_line_of_json_and_can_be_read_back(message: str, field: str):
    line = as_json(record("%s", message, field=field))
    if not re.search("[\ud800-\udfff]", message + field):
        assert (line["message"], line["field"]) == (message, field)


@given(VALUES)
def test_any_value_is_one_line_of_json(value: object):
    assert ("field" in as_json(record(field=value))) is (value is not None)


@given(ANY_TEXT, VALUES)
def test_any_record_is_one_line_of_the_console_without_control_characters(message: str, value: object):
    line = on_console(record("%s", message, field=value))
    assert not CONTROLS.search(line)
    line.encode()


@pytest.mark.parametrize("forged", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1e", "\x85", "\u2028", "\u2029"])
def test_no_line_can_be_forged(forged: str):
    text = f'harmless{forged}{{"level":"error","message":"forged"}}'
    assert len(JsonFormatter().format(record("%s", text, field=text)).splitlines()) == 1
    assert len(on_console(record("%s", text, field=text)).splitlines()) == 1


@pytest.mark.parametrize("sequence", ["\x1b[2J", "\x1b]0;title\x07", "\x9b2J", "\b\b\b", "\x7f"])
def test_no_terminal_is_driven(sequence: str):
    assert sequence not in JsonFormatter().format(record(sequence, field=sequence))
    assert sequence not in on_console(record(sequence, field=sequence))


@pytest.mark.parametrize("length", [1_000, 1_001, 1_000_000])
def test_a_long_text_is_cut(length: int):
    text = "é" * length
    line = as_json(record("%s", text, field=text))
    assert line["message"] == line["field"] == text[:1_000]
    assert len(on_console(record("%s", text, field=text))) < 2_100


def test_a_field_without_a_value_is_left_out():
    assert "user_id" not in as_json(record(user_id=None))
    assert "user_id" not in on_console(record(user_id=None))


def test_a_record_without_fields_is_a_line_too():
    bare = logging.LogRecord("deeper.test", logging.INFO, __file__, 1, "bare", None, None)
    assert as_json(bare)["message"] == "bare"
    assert on_console(bare).endswith("bare")


def test_in_json_an_exception_is_its_type_and_its_place_and_never_its_text():
    cause = raised(KeyError(f"inner {CANARY}"))
    line = as_json(record(error=raised(ValueError(f"outer {CANARY}"), cause)))
    exception = str(line["exception"])
    assert CANARY not in str(line)
    assert "builtins.ValueError" in exception
    assert "caused by builtins.KeyError" in exception
    assert f'File "{__file__}"' in exception


def test_on_the_console_an_exception_has_its_text_and_those_of_its_causes():
    shown = on_console(record(error=raised(ValueError("outer"), raised(KeyError("inner")))))
    assert "ValueError: outer\n" in shown
    assert "caused by builtins.KeyError: 'inner'\n" in shown


def test_a_context_is_shown_and_one_that_was_suppressed_is_not():
    error = ValueError("outer")
    error.__context__ = KeyError("inner")
    assert "inner" in on_console(record(error=error))
    assert "KeyError" in str(as_json(record(error=error))["exception"])
    error.__suppress_context__ = True
    assert "inner" not in on_console(record(error=error))


def test_a_circle_of_causes_ends():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert on_console(record(error=first)).count("ValueError: first") == 1


def test_the_text_of_an_exception_cannot_drive_a_terminal_or_forge_a_line():
    shown = on_console(record(error=ValueError("x\n12:00:00 INFO forged\x1b[2J")))
    assert "\x1b" not in shown
    assert [line for line in shown.splitlines() if line.startswith("12:00:00 INFO forged")] == []


@pytest.mark.parametrize("colour", [True, False])
def test_levels_are_coloured_on_a_terminal_only(colour: bool):
    assert ("\x1b[33mWARNING\x1b[0m" in on_console(record(), colour=colour)) is colour
    assert ("\x1b" in on_console(record(), colour=colour)) is colour


@pytest.mark.usefixtures("restored_logging")
class TestConfigureLogs:
    def test_every_logger_writes_to_standard_output_in_the_form_that_was_asked_for(
        self, capsys: pytest.CaptureFixture[str]
    ):
        configure_logs(level="info", form="json")
        logging.getLogger("anything.at.all").info("told", extra={"fields": {"a": 1}})
        configure_logs(level="info", form="console")
        logging.getLogger("anything.at.all").info("told", extra={"fields": {"a": 1}})
        first, second = capsys.readouterr().out.splitlines()
        assert json.loads(first)["a"] == 1
        assert second.endswith("told a=1")

    async def test_lines_of_one_turn_are_handed_over_together_and_warnings_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        file = io.BytesIO()
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(file, write_through=True))
        configure_logs(level="info", form="json")
        logger, lines = logging.getLogger("anything"), lambda: file.getvalue().count(b"\n")
        for turn in (0, 2):
            logger.info("first")
            logger.info("second")
            assert lines() == turn
            await asyncio.sleep(0)
            assert lines() == turn + 2
        logger.warning("at once")
        assert lines() == 5

    @pytest.mark.parametrize("form", ["json", "console"])
    @pytest.mark.parametrize("texts", [False, True])
    def test_the_text_of_an_exception_is_for_the_console_alone_and_only_if_asked_for(
        self, capsys: pytest.CaptureFixture[str], form: Literal["json", "console"], texts: bool
    ):
        configure_logs(level="info", form=form, texts=texts)
        logging.getLogger("anything").error("failed", exc_info=raised(ValueError("what a user wrote")))
        written = capsys.readouterr().out
        assert "ValueError" in written
        assert ("what a user wrote" in written) == (texts and form == "console")

    @pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
    def test_what_is_less_severe_is_not_written(self, capsys: pytest.CaptureFixture[str], level, count: int):
        configure_logs(level=level, form="json")
        log = logging.getLogger("deeper.test")
        for each in (log.debug, log.info, log.warning, log.error):
            each("told")
        assert len(capsys.readouterr().out.splitlines()) == count

    @pytest.mark.parametrize(
        "name", ["psycopg.pool", "aiohttp", "asyncio", "_granian", "yoyo.migrations", "deeper_model.refusals"]
    )
    def test_libraries_speak_up_from_a_warning_on(self, capsys: pytest.CaptureFixture[str], name: str):
        configure_logs(level="debug", form="json")
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble")
        assert [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()] == ["trouble"]

    @pytest.mark.parametrize("name", ["coredis", "coredis.connection", "_granian.utils"])
    def test_what_ours_say_is_not_said_again_by_libraries(self, capsys: pytest.CaptureFixture[str], name: str):
        configure_logs(level="debug", form="json")
        logging.getLogger(name).error("Application callable raised an exception\nTraceback: %s", CANARY)
        assert capsys.readouterr().out == ""

    def test_a_record_that_cannot_be_formatted_brings_nothing_down(self, capsys: pytest.CaptureFixture[str]):
        configure_logs(level="info", form="json")
        logging.getLogger("deeper.test").info("%d", "no number")
        logging.getLogger("deeper.test").info("next")
        told = capsys.readouterr()
        assert json.loads(told.out)["message"] == "next"
        assert "Logging error" in told.err
