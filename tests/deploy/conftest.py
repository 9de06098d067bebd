"""The door of deploy/nginx before real servers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.deploy.doors import GONE, NGINX, Door

OpenDoor = Callable[..., Door]


@pytest.fixture
def open_door(tmp_path: Path, make_certificate: Callable[[int], Path]) -> Iterator[OpenDoor]:
    """Starts nginx: ``open_door([replica.url], web.url)``; ``changes`` are other words for its configuration."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    opened: list[Door] = []

    def start(api: Sequence[str], web: str = GONE, changes: Mapping[str, str] | None = None) -> Door:
        opened.append(Door(tmp_path / f"door-{len(opened)}", make_certificate(30), api, web, changes or {}))
        return opened[-1]

    yield start
    for door in opened:
        door.close()
