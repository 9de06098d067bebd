"""Builders whose npm does what a test wants."""

from pathlib import Path

import pytest

from deeper_api.web.builds import Builder
from deeper_api.web.nodes import Node
from tests.api.web.building import WORKS, Calls, MakeBuilder


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    return Calls(tmp_path / "calls")


@pytest.fixture
def builder(tmp_path: Path, calls: Calls) -> MakeBuilder:
    """Makes builders whose npm runs a script."""

    def make(script: str = WORKS, limit: float = 60.0) -> Builder:
        program = tmp_path / f"node-{len(list(tmp_path.iterdir()))}"
        program.write_text(f'#!/bin/sh\necho "$2" >> {tmp_path / "calls"}\n{script}')
        program.chmod(0o755)
        node = Node(program=program, npm=tmp_path / "npm")
        return Builder(cache=tmp_path / "cache" / "web", find_node=lambda: node, waiting=calls.wait, limit=limit)

    return make
