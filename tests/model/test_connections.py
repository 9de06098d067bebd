"""The socket of an exchange, as aiohttp has it."""

import asyncio
from dataclasses import dataclass
from typing import cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from deeper_model.connections import _Link


@dataclass
class Lost:
    """A connection that has gone; the parts of aiohttp's that are looked at."""

    protocol: ResponseHandler
    transport: None = None


def reader_of(handler: ResponseHandler) -> aiohttp.StreamReader:
    return aiohttp.StreamReader(handler, 65_536, loop=asyncio.get_running_loop())


async def test_whoever_reads_from_a_connection_that_went_with_the_headers_is_woken() -> None:
    handler = ResponseHandler(asyncio.get_running_loop())
    handler.connection_lost(None)
    link, content = _Link(), reader_of(handler)
    link.attach(cast("Connection", Lost(handler)))
    link.guard(content)
    assert await content.readany() == b""
    assert isinstance(link.fault, aiohttp.ServerDisconnectedError)


async def test_a_reader_is_left_alone_as_long_as_no_socket_is_known() -> None:
    link, content = _Link(), reader_of(ResponseHandler(asyncio.get_running_loop()))
    link.guard(content)
    assert not content.is_eof()
    assert link.fault is None
