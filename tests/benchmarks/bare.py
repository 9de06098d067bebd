"""The floor: an ASGI application that passes a stream on and does nothing else."""

import os

import aiohttp

UPSTREAM = os.environ["BENCHMARK_UPSTREAM"]  # noqa: TID251  - granian starts this module and hands it nothing else


class Relay:
    """Sends every request's body to the upstream and every byte of the answer back."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = [(b"content-type", b"application/x-ndjson")]
        relayed = scope["path"] == "/api/chat"
        if not relayed:
            headers.append((b"content-length", b"0"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if relayed:
            session = self._session = self._session or aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True)
            )
            async with session.post(f"{UPSTREAM}/api/chat", data=body) as response:
                async for data in response.content.iter_any():
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


app = Relay()
