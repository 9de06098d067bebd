# What is deprecated is used here on purpose.
# pyright: reportDeprecated=false

import asyncio
import inspect
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import ClassVar, LiteralString

import pytest
from msgspec import Struct

from deeper_core import DeeperError, Deprecation, Role, deprecated, deprecated_names

MESSAGE = "Since 0.2.0, gone in 0.4.0: use something else"


def warned() -> pytest.WarningsRecorder:
    return pytest.warns(DeprecationWarning, match="use something else")


@deprecated(MESSAGE)
def double(number: int) -> int:
    """Return twice the number."""
    return 2 * number


@deprecated(MESSAGE)
async def wait(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "waited"


class Box:
    def __init__(self, content: int, *, open_: bool = False) -> None:
        self.content, self.open = content, open_

    @deprecated(MESSAGE)
    def look(self) -> int:
        return self.content

    @classmethod
    @deprecated(MESSAGE)
    def of(cls, content: int) -> "Box":
        return cls(content)


def test_a_function_still_works_and_warns_where_it_is_called():
    with warned() as caught:
        assert double(21) == 42
    assert caught[0].filename == __file__
    assert (double.__name__, double.__doc__) == ("double", "Return twice the number.")
    assert vars(double)["__deprecated__"] == MESSAGE


async def test_a_coroutine_function_warns_when_it_is_called_and_not_when_it_is_awaited():
    with warned() as caught:
        waiting = wait(0)
    assert caught[0].filename == __file__
    assert await waiting == "waited"


def test_a_coroutine_function_is_still_one_where_that_can_be_said():
    # Until 3.12, only what is written with async def is one.
    assert inspect.iscoroutinefunction(wait) is (sys.version_info >= (3, 12))


def test_methods_warn():
    with warned():
        box = Box.of(3)
    with warned():
        assert box.look() == 3


def test_a_class_still_works_and_warns_where_it_is_called():
    old = deprecated(MESSAGE)(type("Old", (Box,), {}))
    with warned() as caught:
        made = old(3, open_=True)
    assert caught[0].filename == __file__
    assert isinstance(made, old)
    assert (made.content, made.open) == (3, True)


def test_a_class_whose_base_makes_it_still_works():
    class _Gone(DeeperError):
        pass

    old = deprecated(MESSAGE)(_Gone)
    with warned():
        assert old("Too bad.", retry_after=1).retry_after == 1


def test_a_subclass_warns_once_where_it_is_made():
    class Old:
        pass

    deprecated(MESSAGE)(Old)
    with warned() as caught:

        class New(Old):
            pass

    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        New()


def test_a_class_that_hears_of_its_subclasses_still_does():
    class Old:
        heard: ClassVar[list[tuple[type, str]]] = []

        def __init_subclass__(cls, *, word: str) -> None:
            cls.heard.append((cls, word))

    deprecated(MESSAGE)(Old)
    with warned():

        class New(Old, word="hello"):
            pass

    assert Old.heard == [(New, "hello")]


def test_a_type_that_nothing_can_watch_is_refused():
    class Point(Struct):
        x: int

    for kind in (Point, Role):
        with pytest.raises(TypeError, match="deprecated_names"):
            deprecated(MESSAGE)(kind)


def test_a_name_of_a_module_warns_where_it_is_asked_for():
    find = deprecated_names("there", {"OLD": (42, MESSAGE)})
    with warned() as caught:
        assert find("OLD") == 42
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="module 'there' has no attribute 'NEW'"):
        find("NEW")


@pytest.mark.parametrize(
    "message",
    [
        "use something else",
        "Since 0.2, gone in 0.4.0: use something else",
        "Since 0.2.0, gone in 0.4.0: ",
        "Since 0.4.0, gone in 0.4.0: use something else",
        "Since 0.10.0, gone in 0.9.0: use something else",
    ],
)
def test_whoever_does_not_say_since_when_and_until_when_is_refused(message: LiteralString):
    with pytest.raises(ValueError, match="Expected"):
        deprecated(message)
    with pytest.raises(ValueError, match="Expected"):
        deprecated_names("there", {"OLD": (42, message)})


def test_versions_are_compared_as_numbers():
    said = Deprecation.parse("Since 0.9.0, gone in 0.10.0: use `new`\n(or newer)")
    assert said == Deprecation(since=(0, 9, 0), gone_in=(0, 10, 0), instead="use `new`\n(or newer)")


def test_a_type_checker_marks_each_use(tmp_path: Path):
    checker = Path(sys.executable).with_name("basedpyright")
    if not checker.exists():
        pytest.skip("basedpyright is not installed")
    program = tmp_path / "program.py"
    program.write_text(
        "from deeper_core import deprecated\n\n"
        f"@deprecated({MESSAGE!r})\ndef old(number: int) -> int:\n    return number\n\n"
        "print(old(1) + 1)\n"
    )
    command = [checker, "--outputjson", "--pythonpath", sys.executable, program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, cwd=tmp_path)
    found = json.loads(ran.stdout)["generalDiagnostics"]
    assert [(each["rule"], each["range"]["start"]["line"]) for each in found] == [("reportDeprecated", 6)]
    assert MESSAGE in found[0]["message"]
