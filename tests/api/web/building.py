"""What a stand-in for npm does, and what it noted."""

from collections.abc import Callable
from pathlib import Path

from deeper_api.web.builds import Builder

# Notes each call; an export holds the source that it was built of.
WORKS = """
case "$2" in
run) mkdir out && cp src/page.tsx out/404.html && echo '{"headers": {}}' > out/csp.json ;;
esac
"""

MakeBuilder = Callable[..., Builder]


class Calls:
    """What the stand-in for npm was called for, and what there was to wait for."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.steps: list[str] = []

    def wait(self, step: str, seconds: float) -> None:
        assert seconds >= 0
        if step not in self.steps:
            self.steps.append(step)

    def made(self) -> list[str]:
        return self._file.read_text().split() if self._file.exists() else []
