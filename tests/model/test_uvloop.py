"""The same on uvloop, whose transports are not asyncio's."""

import asyncio

import pytest

from tests.model import test_conformance

uvloop = pytest.importorskip("uvloop")


class _OnUvloop:
    def make_loop(self) -> asyncio.AbstractEventLoop:
        return uvloop.new_event_loop()


class TestOllamaOnUvloop(_OnUvloop, test_conformance.TestOllama):
    pass


class TestOpenAICompatibleOnUvloop(_OnUvloop, test_conformance.TestOpenAICompatible):
    pass
