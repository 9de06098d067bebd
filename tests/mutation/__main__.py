"""Run mutmut, and fail for each survivor that ``survivors.toml`` does not argue.

``uv run --group mutants python -m tests.mutation`` tries all of them, on two processes; ``… 'deeper_auth.keys*'`` only
those whose names fit. What was tried once is not tried again unless its function has changed.
"""

import subprocess
import sys
from pathlib import Path

from tests.mutation.survivors import argued, survivors

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".mutation"
# mutmut tells the name of a module by its path, and knows no folders above `src`.
PLACES = {
    "src/deeper_auth": "packages/auth/src/deeper_auth",
    "src/deeper_api": "packages/api/src/deeper_api",
    "tests": "tests",
    "migrations": "migrations",
    "pyproject.toml": "pyproject.toml",
}


def lay_out() -> None:
    """Make the folder in which mutmut runs, and in which it keeps what it found."""
    for place, original in PLACES.items():
        link = FOLDER / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / original)


def main(names: list[str]) -> None:
    """Run those mutants, and end with 1 if there is a survivor whom nobody expected."""
    lay_out()
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    subprocess.run([mutmut, "run", "--max-children", "2", *names], cwd=FOLDER, check=True)
    found = survivors(mutmut, FOLDER, names)
    expected = set(argued())
    unexpected = [one for one in found if one not in expected]
    for one in unexpected:
        print(f"\n{one.function}\n{one.change}")
    if unexpected:
        sys.exit(f"\n{len(unexpected)} of {len(found)} survivors are not argued in tests/mutation/survivors.toml.")


if __name__ == "__main__":
    main(sys.argv[1:])
