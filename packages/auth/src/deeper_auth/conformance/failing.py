"""Cases: a store that cannot reach its storage says so."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from deeper_auth.conformance.cases import Case, case, expect
from deeper_auth.conformance.harnesses import POLICY, Ability, Stage, new_session
from deeper_auth.conformance.refreshing import open_session
from deeper_auth.session_stores import SessionStore
from deeper_auth.sessions import RevocationReason, Session
from deeper_core.errors import DatabaseUnavailable

_CALLS: dict[str, Callable[[SessionStore, Session], Awaitable[object]]] = {
    "create": lambda store, session: store.create(new_session(session.user_id), POLICY),
    "rotate": lambda store, session: store.rotate(session.id, 0, POLICY),
    "find_live": lambda store, session: store.find_live(session.id),
    "list_live": lambda store, session: store.list_live(session.user_id),
    "revoke": lambda store, session: store.revoke(session.id, session.user_id, RevocationReason.LOGOUT),
    "revoke_all": lambda store, session: store.revoke_all(session.user_id, RevocationReason.LOGOUT),
    "forget_ended": lambda store, _: store.forget_ended(timedelta(0)),
}


async def silence_is_no_answer(stage: Stage) -> None:
    """Whoever takes None or an empty list from a storage that is gone signs people out who are signed in."""
    session = await open_session(stage)
    async with stage.unreachable() as store:
        calls = (call(store, session) for call in _CALLS.values())
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for method, outcome in zip(_CALLS, outcomes, strict=True):
        said = isinstance(outcome, DatabaseUnavailable)
        expect(said, f"{method} of an unreachable storage: {outcome!r} instead of DatabaseUnavailable")
        expect(getattr(outcome, "retry_after", None), f"{method} does not say when to come back")


FAILING: tuple[Case, ...] = (case(silence_is_no_answer, Ability.FAILURE),)
