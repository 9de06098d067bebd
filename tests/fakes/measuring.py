"""Programs that a test starts with an environment of their own are counted, too, while the tests are."""

import os


def measured() -> dict[str, str]:
    """The variables by which coverage begins in every program of the tests; none, unless what they run through counts.

    Of a program that is killed nothing is known.
    """
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}  # noqa: TID251  - handed on, not read
