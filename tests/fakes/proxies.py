"""A proxy in front of a server that cuts connections."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from urllib.parse import urlsplit

# By their request lines.
_ANSWERS = (b"POST /v1/chat ", b"/events HTTP")


class CuttingProxy:
    """Passes every byte on, but of an answer no more than ``allowance()`` bytes: then the connection is gone.

    Where that returns None, nothing is cut. ``cuts`` counts what was.
    """

    def __init__(self, server: str, allowance: Callable[[], int | None]) -> None:
        parts = urlsplit(server)
        self.url = ""
        self.cuts = 0
        self._server = parts.hostname, parts.port
        self._allowance = allowance

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        from_server, to_server = await asyncio.open_connection(*self._server)
        left: int | None = None

        async def forward() -> None:
            nonlocal left
            while data := await reader.read(65_536):
                if any(answer in data for answer in _ANSWERS):
                    left = self._allowance()
                to_server.write(data)
                await to_server.drain()

        async def back() -> None:
            nonlocal left
            while data := await from_server.read(65_536):
                writer.write(data[:left])
                await writer.drain()
                if left is not None and (left := left - len(data)) < 0:
                    self.cuts += 1
                    return

        tasks = {asyncio.create_task(forward()), asyncio.create_task(back())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            to_server.close()
            writer.close()


@contextlib.asynccontextmanager
async def running_proxy(server: str, allowance: Callable[[], int | None]) -> AsyncGenerator[CuttingProxy]:
    """Run a proxy for the server at this address."""
    proxy = CuttingProxy(server, allowance)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(proxy.handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.url = "http://127.0.0.1:{1}".format(*listener.sockets[0].getsockname())
    try:
        yield proxy
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
