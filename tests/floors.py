"""Say how much of each distribution the tests ran through, after ``uv run pytest --cov``, and fail below its floor."""

import sys
from typing import Final

from coverage import Coverage

# In per cent, branches and statements together.
FLOORS: Final = {"core": 100.0, "model": 100.0, "auth": 100.0, "api": 95.0}


def main() -> None:
    """Print what was not run through, and end with 1 if that is too much."""
    measured = Coverage()
    measured.load()
    short: list[str] = []
    for package, floor in FLOORS.items():
        print(f"\ndeeper-{package}, at least {floor:g} %")
        reached = measured.report(include=f"packages/{package}/*", show_missing=True, skip_covered=True, precision=2)
        if reached < floor:
            short.append(f"deeper-{package}: {reached:.2f} % of {floor:g} %")
    if short:
        sys.exit("\nThe tests run through too little:\n" + "\n".join(short))


if __name__ == "__main__":
    main()
