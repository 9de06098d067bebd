"""The composition root: every part of the application is made here, once, from one configuration."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager

from litestar import Litestar
from litestar.di import Provide
from litestar.types import ASGIApp

from deeper_api.accounts.directory import Directory, create_directory
from deeper_api.accounts.housekeeping import forgetting_ended_sessions, forgetting_old_events, forgetting_revoked_keys
from deeper_api.chat.engine import Engine
from deeper_api.chat.model_clients import create_clients
from deeper_api.chat.services import Chat, create_chat
from deeper_api.config import AppConfig
from deeper_api.conversations.service import Conversations
from deeper_api.limits.services import Limits
from deeper_api.middleware.addresses import parse_networks
from deeper_api.middleware.bodies import JsonRequest, require_json
from deeper_api.middleware.edge import Edge
from deeper_api.middleware.envelopes import respond_to_error
from deeper_api.middleware.limits import LimitedApplication
from deeper_api.middleware.queries import require_known_query
from deeper_api.middleware.shortcuts import Always, FromScope, shorten
from deeper_api.providers.addresses import provide_client_address
from deeper_api.providers.callers import (
    identify,
    provide_admin,
    provide_caller,
    provide_person,
    provide_still_stands,
)
from deeper_api.providers.devices import provide_device
from deeper_api.providers.limits import limit, provide_password_attempts
from deeper_api.providers.request_ids import provide_request_id
from deeper_api.routes import ROUTES
from deeper_api.routes.reference import reference_routes
from deeper_api.store.overviews import OverviewStore
from deeper_api.store.pool import Pool, observe_pool, running
from deeper_api.store.usages import UsageStore
from deeper_api.telemetry.requests import Requests
from deeper_api.telemetry.services import Telemetry, create_telemetry
from deeper_api.web.exports import Export
from deeper_api.web.pages import Pages
from deeper_auth import KeyRing
from deeper_model import ModelProvider

__all__ = ["create_app"]

_log = logging.getLogger("deeper.server")

# The largest body of any route: a conversation with a few images. nginx is given the same limit.
BODY_BYTES = 2 * 1024 * 1024


def create_app(
    config: AppConfig,
    *,
    provider: ModelProvider | None = None,
    telemetry: Telemetry | None = None,
    export: Export | None = None,
) -> ASGIApp:
    """Return the ASGI application for ``config``. Nothing is connected before its lifespan starts.

    ``provider`` stands in for the model servers that the configuration names; without ``telemetry`` there are no
    metrics. The pages of ``export``, if there is one, are served beside the API.
    """
    telemetry = telemetry or create_telemetry(config)
    pool = Pool(config.db.url, min_size=1, max_size=config.db.pool_size, application_name="deeper-api")
    observe_pool(pool, telemetry.meter)
    keys = KeyRing(config.jwt.secret, config.jwt.previous_secrets)
    directory = create_directory(config, pool, keys, meter=telemetry.meter)
    directory.hasher.self_test()
    limits = Limits(config, meter=telemetry.meter)
    chat = create_chat(config, pool, create_clients(config, provider), limits, telemetry)

    app = Litestar(
        route_handlers=[*ROUTES, *reference_routes()] if config.profile == "dev" else ROUTES,
        guards=[
            limit(identify(directory.sessions, directory.standings, directory.api_keys), limits),
            require_json,
            require_known_query,
        ],
        dependencies=_dependencies(config, pool, directory, limits, chat),
        exception_handlers={Exception: respond_to_error},
        request_class=JsonRequest,
        request_max_body_size=BODY_BYTES,
        lifespan=[_lifespan(pool, chat, directory, limits, telemetry)],
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )
    shorten(app)
    limited = LimitedApplication(app, limits)
    return Edge(
        limited if export is None else Pages(limited, export, {route.path.split("/")[1] for route in app.routes}),
        requests=Requests(telemetry.meter, telemetry.tracing),
        trusted_proxies=parse_networks(config.server.trusted_proxies),
        allowed_origins=config.server.allowed_origins,
    )


def _dependencies(
    config: AppConfig, pool: Pool, directory: Directory, limits: Limits, chat: Chat
) -> dict[str, Provide]:
    """Return what routes may ask for, by the names of their parameters."""
    return {
        "accounts": Always(directory.accounts),
        "admin": FromScope(provide_admin),
        "api_keys": Always(directory.api_keys),
        "audit": Always(directory.audit),
        "audits": Always(directory.audits),
        "caller": FromScope(provide_caller),
        "client_address": FromScope(provide_client_address),
        "config": Always(config),
        "conversations": Always(Conversations(pool)),
        "device": FromScope(provide_device),
        "engine": Always(chat.engine),
        "generations": Always(chat.generations),
        "limits": Always(limits),
        "model_pool": Always(chat.models),
        "oversight": Always(directory.oversight),
        "overviews": Always(OverviewStore(pool)),
        "password_attempts": FromScope(provide_password_attempts(limits)),
        "people": Always(directory.people),
        "person": FromScope(provide_person),
        "pool": Always(pool),
        "questions": Always(chat.questions),
        "request_id": FromScope(provide_request_id),
        "sessions": Always(directory.sessions),
        "still_stands": FromScope(provide_still_stands),
        "usages": Always(UsageStore(pool)),
    }


def _lifespan(
    pool: Pool, chat: Chat, directory: Directory, limits: Limits, telemetry: Telemetry
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(telemetry.running())
            stack.push_async_callback(directory.hasher.close)
            stack.push_async_callback(chat.models.close)
            await stack.enter_async_context(running(pool))
            await stack.enter_async_context(limits.running())
            await stack.enter_async_context(forgetting_ended_sessions(directory.store))
            await stack.enter_async_context(forgetting_revoked_keys(directory.key_store))
            await stack.enter_async_context(forgetting_old_events(directory.audits))
            await stack.enter_async_context(chat.running())
            stack.enter_context(_draining_on_sigterm(chat.engine))
            yield

    return lifespan


@contextmanager
def _draining_on_sigterm(engine: Engine) -> Generator[None]:
    """On SIGTERM, end the generations before the server's own shutdown, which waits for every open response.

    The server stops for SIGINT as well as for SIGTERM, so that the one can stand in for the other. From outside, SIGINT
    is not heard: a terminal sends it to every process of the server, whose first one sends SIGTERM to the others.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # a test's thread, where signals do not arrive
        return
    loop = asyncio.get_running_loop()
    closing: set[asyncio.Task[None]] = set()

    def drain() -> None:
        if closing:
            return
        closing.add(loop.create_task(engine.close()))
        signal.signal(signal.SIGINT, stop_server)
        signal.raise_signal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _log.info("shutting down", extra={"fields": {"running": engine.running}})

    def heard(*_: object) -> None:
        loop.call_soon_threadsafe(drain)

    # A handler of the loop loses what comes while the loop does not run, and granian runs it once for the start and
    # once for all that follows. That of the process alone would lose what the loop has noted and not yet handled.
    loop.add_signal_handler(signal.SIGTERM, drain)
    signal.signal(signal.SIGTERM, heard)
    # What granian does on a signal can be done twice, and waits for ever the third time, with all of this process.
    stop_server = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        loop.add_signal_handler(signal.SIGTERM, drain)  # which goes with the loop
        if not closing:
            signal.signal(signal.SIGINT, stop_server)
