# For type checkers, which know `deprecated` by the module that it comes from. At run time, see deprecations.py.

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct
from typing_extensions import deprecated as deprecated

Version: TypeAlias = tuple[int, ...]

class Deprecation(Struct, frozen=True, kw_only=True):
    since: Version
    gone_in: Version
    instead: str

    @classmethod
    def parse(cls, message: str) -> Deprecation: ...

def parse_version(text: str) -> Version: ...
def deprecated_names(module: str, names: Mapping[str, tuple[object, str]]) -> Callable[[str], object]: ...
