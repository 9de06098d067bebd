"""Saying that something is going to be gone, and when, as PEP 702 has it: for every Python that we run on.

Type checkers read the stub beside this file, where `deprecated` is the one that they know, and mark each use.
"""

import inspect
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from enum import Enum
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from msgspec import Struct

_FORM = re.compile(
    r"Since (?P<since>\d+\.\d+\.\d+), gone in (?P<gone_in>\d+\.\d+\.\d+): (?P<instead>\S.*\S)", re.DOTALL
)

Version = tuple[int, ...]
Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


class Deprecation(Struct, frozen=True, kw_only=True):
    """Since which version of its distribution something is deprecated, in which it is gone, and what to do instead."""

    since: Version
    gone_in: Version
    instead: str

    @classmethod
    def parse(cls, message: str) -> "Deprecation":
        """Return what ``message`` says: ``Since 0.2.0, gone in 0.4.0: call other_name``.

        Raises:
            ValueError: it has another form, or it ends before it begins.
        """
        found = _FORM.fullmatch(message)
        if found is None:
            raise ValueError(f"Expected 'Since X.Y.Z, gone in X.Y.Z: what to do', got {message!r}")
        since, gone_in = parse_version(found["since"]), parse_version(found["gone_in"])
        if gone_in <= since:
            raise ValueError(f"Expected to be gone in a later version than {found['since']}, got {message!r}")
        return cls(since=since, gone_in=gone_in, instead=found["instead"])


def parse_version(text: str) -> Version:
    """Return a version of three numbers, to be compared."""
    return tuple(int(part) for part in text.split("."))


def deprecated(message: str, /) -> Callable[[Callable[Parameters, Returned]], Callable[Parameters, Returned]]:
    """Return a decorator for a function, a method or a class that warns each caller with ``message``.

    ``message`` is in the form that `Deprecation.parse` reads, and is kept as ``__deprecated__``. Under ``@property``,
    ``@classmethod`` and ``@staticmethod`` it stands below them. A subclass warns where it is made, and not when used.

    Raises:
        ValueError: ``message`` has another form.
        TypeError: what is decorated is a Struct, whose making nothing can watch: deprecate its name instead, with
            `deprecated_names`.
    """
    Deprecation.parse(message)

    def decorate(target: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
        if isinstance(target, type):
            _watch(cast("type[object]", target), message)
            return target
        return _warning(target, message)

    return decorate


def deprecated_names(module: str, names: Mapping[str, tuple[object, str]]) -> Callable[[str], object]:
    """Return the ``__getattr__`` of the module called ``module``: asking it for one of ``names`` warns.

    Each has what it stands for, and a message as for `deprecated`. For types, constants and what has moved::

        __getattr__ = deprecated_names(__name__, {"Old": (New, "Since 0.2.0, gone in 0.4.0: use New")})

    Raises:
        ValueError: a message has another form.
    """
    for _, message in names.values():
        Deprecation.parse(message)

    def find(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
        found, message = names[name]
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return found

    return find


def _warning(function: Callable[Parameters, Returned], message: str) -> Callable[Parameters, Returned]:
    @wraps(function)
    def warning(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return function(*args, **kwargs)

    # Before, there is no way to say it.
    if inspect.iscoroutinefunction(function) and sys.version_info >= (3, 12):  # pragma: no cover  - not in Python 3.11
        inspect.markcoroutinefunction(warning)
    setattr(function, "__deprecated__", message)  # noqa: B010  - functions have it since PEP 702, which stubs do not say
    setattr(warning, "__deprecated__", message)  # noqa: B010  - likewise
    return warning


def _watch(kind: type[object], message: str) -> None:
    if issubclass(kind, Struct | Enum):
        raise TypeError(f"Nothing can watch {kind.__name__} being made: use deprecated_names")
    make = cast("Callable[..., object]", kind.__new__)
    own: object = vars(kind).get("__init_subclass__")

    def new(cls: type[object], *args: object, **kwargs: object) -> object:
        if cls is kind:
            warnings.warn(message, DeprecationWarning, stacklevel=2)
        # What is given to __init__ is given to __new__ first, and object's own takes nothing.
        return object.__new__(cls) if make is object.__new__ else make(cls, *args, **kwargs)

    def init_subclass(below: type[object], **kwargs: object) -> None:
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        if isinstance(own, classmethod):
            cast("Callable[..., None]", own.__func__)(below, **kwargs)
        else:
            super(kind, below).__init_subclass__(**kwargs)

    for name, value in (
        ("__new__", new),
        ("__init_subclass__", classmethod(init_subclass)),
        ("__deprecated__", message),
    ):
        setattr(kind, name, value)
