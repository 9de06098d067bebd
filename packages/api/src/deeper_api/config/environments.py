"""The environment that programs which we start are given."""

import os
from collections.abc import Mapping


def environment_with(more: Mapping[str, str]) -> dict[str, str]:
    """Return that of this process with ``more`` in it."""
    return {**os.environ, **more}  # noqa: TID251  - handed on, not read
