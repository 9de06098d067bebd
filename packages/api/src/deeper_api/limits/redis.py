"""Token buckets in Redis, which all processes share. Its clock counts, so that theirs need not agree."""

import asyncio
import importlib.resources
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from coredis import Redis
from coredis.retry import NoRetryPolicy

from deeper_api.limits.buckets import Bucket, BucketsUnavailable, Decision, decision
from deeper_api.tasks import background

_log = logging.getLogger("deeper.limits")

_SCRIPT = importlib.resources.files("deeper_api.limits").joinpath("take.lua").read_text("utf-8")
_CONNECTIONS = 8
# Added to the time limit once, so that an answer which came while this process was busy still counts.
_GRACE_SECONDS = 0.05
# After which coredis gives up what nobody waits for any more.
_ABANDON_SECONDS = 2.0


class RedisBuckets:
    """Keeps buckets in the Redis at ``url``, and waits ``timeout`` seconds for it, to connect included."""

    def __init__(self, url: str, *, timeout: float = 0.2) -> None:
        # A command that took too long may have been done all the same: it is not sent again.
        self._client = Redis.from_url(
            url,
            decode_components=True,
            connect_timeout=_ABANDON_SECONDS,
            stream_timeout=_ABANDON_SECONDS,
            max_connections=_CONNECTIONS,
            retry_policy=NoRetryPolicy(),
        )
        self._script: Callable[[list[str], list[int]], Awaitable[object]] = self._client.register_script(_SCRIPT)
        self._timeout = timeout
        self._open = asyncio.Event()
        self._calls: set[asyncio.Task[list[int]]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Connect when it is first asked, and disconnect when the context ends."""
        # In a task of its own, because coredis cancels the task that entered it when something in it fails.
        async with background(self._stay_open(), name="Redis"):
            await self._open.wait()
            yield

    async def take(self, caller: str, buckets: Sequence[Bucket]) -> Decision:
        """Take what each bucket is asked for: from all of them, or from none.

        Raises:
            BucketsUnavailable: Redis cannot be reached, refuses, or takes too long.
        """
        # What is in braces decides where a cluster keeps a key, and the keys of one call have to be in one place.
        keys = [f"deeper:limits:{{{caller}}}:{bucket.name}" for bucket in buckets]
        given = [number for bucket in buckets for number in (bucket.capacity, bucket.interval, bucket.cost)]
        allowed, *shortages = await self._call(keys, given)
        return decision(buckets, shortages, allowed=bool(allowed))

    async def _call(self, keys: list[str], given: list[int]) -> list[int]:
        task = asyncio.create_task(self._run(keys, given))
        self._calls.add(task)
        task.add_done_callback(self._finish)
        for seconds in (self._timeout, _GRACE_SECONDS):
            await asyncio.wait({task}, timeout=seconds)
            if task.done():
                break
        else:
            # The task is left to end by itself: a connection that is cancelled while it opens is lost to the pool.
            # Those that are open may lead nowhere, without anybody having closed them.
            self._client.connection_pool.disconnect()
            raise BucketsUnavailable("too slow")
        try:
            return task.result()
        except Exception as error:  # whatever coredis, anyio or the system raise: no limit is worth a failed request
            raise BucketsUnavailable(type(error).__name__) from error

    async def _run(self, keys: list[str], given: list[int]) -> list[int]:
        return cast("list[int]", await self._script(keys, given))

    def _finish(self, task: asyncio.Task[list[int]]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: if nobody waits any more it is of no interest

    async def _stay_open(self) -> None:
        while True:
            try:
                async with self._client:
                    self._open.set()
                    await asyncio.Event().wait()
            except Exception:  # noqa: BLE001  - whatever it is, the next client may do better
                _log.exception("the client of Redis failed")
            await asyncio.sleep(_GRACE_SECONDS)
