"""Scripts in Redis: one client, one time limit and one breaker for all that this process keeps there."""

import asyncio
import importlib.resources
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from opentelemetry.metrics import Meter
from opentelemetry.trace import SpanKind

from deeper_api.limits.breakers import Breaker, RedisUnavailable
from deeper_api.tasks import background
from deeper_api.telemetry.traces import span

_log = logging.getLogger("deeper.limits")

_CONNECTIONS = 8
# Added to the time limit once, so that an answer which came while this process was busy still counts.
_GRACE_SECONDS = 0.05
# After which coredis gives up what nobody waits for any more.
_ABANDON_SECONDS = 2.0
_PROBE_KEY = "deeper:probe"
# What an operator may not guess from the name of an error.
_WORDS = {"MovedError": "it is a node of a cluster, which needs a proxy in front of it"}

# Takes keys and arguments, and returns what the script does. Raises RedisUnavailable.
Script = Callable[[Sequence[str], Sequence[int | bytes]], Awaitable[object]]


class _Connections(Protocol):
    def disconnect(self) -> None: ...


class _Client(Protocol):
    """What is used of a client of coredis."""

    @property
    def connection_pool(self) -> _Connections: ...
    def register_script(self, script: str) -> Script: ...
    async def __aenter__(self) -> object: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...


class RedisScripts:
    """Runs scripts in the Redis at ``url``, and waits ``timeout`` seconds for each, to connect included.

    Once one has failed all others fail at once, until Redis is known to answer again.
    """

    def __init__(self, url: str, meter: Meter, *, timeout: float = 0.2) -> None:
        self._client = _client(url)
        self._timeout = timeout
        self._opened = asyncio.Event()
        self._calls: set[asyncio.Task[object]] = set()
        self._breaker = Breaker(self._try, meter)
        self._probe = self._load("probe.lua")
        self._guarded_probe = self.script("probe.lua")
        self._probed = _PROBE_KEY

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Connect when the first script is run, and disconnect when the context ends."""
        # In a task of its own, because coredis cancels the task that entered it when something in it fails.
        async with background(self._stay_open(), name="Redis"):
            await self._opened.wait()
            async with self._breaker.running():
                yield

    def script(self, name: str) -> Script:
        """Return the script in the file ``name`` beside this one."""
        unguarded = self._load(name)
        attributes = {"db.system.name": "redis", "db.operation.name": "EVALSHA", "db.stored_procedure.name": name}

        async def run(keys: Sequence[str], arguments: Sequence[int | bytes]) -> object:
            if self._breaker.is_open:
                raise RedisUnavailable("it failed before")
            try:
                with span(f"EVALSHA {name}", attributes, kind=SpanKind.CLIENT):
                    return await unguarded(keys, arguments)
            except RedisUnavailable as error:
                self._breaker.trip(str(error))
                # In a cluster another place may work when this one does not.
                self._probed = f"{keys[0]}:probe"
                raise

        return run

    async def answers(self) -> bool:
        """Return whether Redis can be written to; if not, nothing waits for it from now on."""
        try:
            await self._guarded_probe([_PROBE_KEY], [])
        except RedisUnavailable:
            return False
        return True

    async def _try(self) -> None:
        await self._probe([self._probed], [])

    def _load(self, name: str) -> Script:
        text = importlib.resources.files("deeper_api.limits").joinpath(name).read_text("utf-8")
        return self._in_time(self._client.register_script(text))

    def _in_time(self, script: Script) -> Script:
        async def call(keys: Sequence[str], arguments: Sequence[int | bytes]) -> object:
            return await script(keys, arguments)

        async def run(keys: Sequence[str], arguments: Sequence[int | bytes]) -> object:
            return await self._result(asyncio.create_task(call(keys, arguments)))

        return run

    async def _result(self, task: asyncio.Task[object]) -> object:
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
            raise RedisUnavailable("too slow")
        try:
            return task.result()
        except Exception as error:  # whatever coredis, anyio or the system raise: no limit is worth a failed request
            name = type(error).__name__
            raise RedisUnavailable(_WORDS.get(name, name)) from error

    def _finish(self, task: asyncio.Task[object]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: if nobody waits any more it is of no interest

    async def _stay_open(self) -> None:
        while True:
            try:
                async with self._client:
                    self._opened.set()
                    await asyncio.Event().wait()
            except Exception:  # noqa: BLE001  - whatever it is, the next client may do better
                _log.exception("the client of Redis failed")
            await asyncio.sleep(_GRACE_SECONDS)


def _client(url: str) -> _Client:
    from coredis import Redis  # noqa: PLC0415  - takes 13 MiB and a third of the start, and many have no Redis
    from coredis.retry import NoRetryPolicy  # noqa: PLC0415  - likewise

    # A command that took too long may have been done all the same: it is not sent again.
    return Redis.from_url(
        with_checks(url),
        decode_components=True,
        connect_timeout=_ABANDON_SECONDS,
        stream_timeout=_ABANDON_SECONDS,
        max_connections=_CONNECTIONS,
        retry_policy=NoRetryPolicy(),
    )


def with_checks(url: str) -> str:
    """Return ``url`` such that a certificate has to be the host's, unless it says itself that it need not.

    coredis takes any that a known authority has signed, for whatever host.
    """
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return url
    options = dict(parse_qsl(parts.query))
    if options.get("ssl_cert_reqs") != "none":
        options = {"ssl_cert_reqs": "required", "ssl_check_hostname": "true"} | options
    return parts._replace(query=urlencode(options)).geturl()
