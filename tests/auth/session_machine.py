"""Sessions under any sequence of events: a model keeps what may still work, the service must never allow more.

A subclass says where the sessions are kept.
"""

import abc
import asyncio
from collections.abc import Coroutine, Sequence
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from deeper_auth import (
    AccessTokens,
    KeyRing,
    ManualClock,
    RefreshTokens,
    RevocationReason,
    SessionService,
    SessionStore,
    TokenPair,
)
from deeper_core import DeeperError, InvalidToken, RefreshTokenReused, SessionId, UserId

RING = KeyRing("s" * 32)
WHO = st.integers(min_value=0, max_value=1)
T = TypeVar("T")


class SessionMachine(RuleBasedStateMachine):
    """Uses the sessions of two ``users`` in ``store``. The access tokens go by ``clock``."""

    tokens = Bundle("tokens")

    def __init__(self, store: SessionStore, users: Sequence[UserId], clock: ManualClock) -> None:
        super().__init__()
        self.users = users
        self.clock = clock
        self.service = SessionService(store, AccessTokens(RING, clock=clock), RefreshTokens(RING))
        self.pairs: dict[str, TokenPair] = {}  # every refresh token ever given out
        self.latest: dict[SessionId, int] = {}  # the newest generation that was given out
        self.dead: set[SessionId] = set()  # revoked or caught; never to live again
        self.born: dict[SessionId, float] = {}
        self.elapsed = 0.0

    @abc.abstractmethod
    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run ``work`` to its end."""

    @abc.abstractmethod
    def pass_time(self, seconds: float) -> None:
        """Let time go by for the store."""

    def remember(self, pair: TokenPair) -> str:
        self.pairs[pair.refresh_token] = pair
        self.latest[pair.session.id] = max(self.latest.get(pair.session.id, 0), pair.session.generation)
        return pair.refresh_token

    def try_refresh(self, token: str) -> list[TokenPair]:
        presented = self.pairs[token].session
        latest = self.latest[presented.id]
        try:
            pair = self.run(self.service.refresh(token))
        except RefreshTokenReused:
            assert presented.id not in self.dead
            assert presented.generation < latest
            self.dead.add(presented.id)
            return []
        except DeeperError:
            return []
        assert presented.id not in self.dead, "a dead session came back to life"
        assert presented.generation >= latest - 1, "a token older than the previous one worked"
        assert pair.session.generation in {latest, latest + 1}
        assert pair.session.generation == max(presented.generation + 1, latest)
        assert self.elapsed - self.born[presented.id] < 30 * 86_400, "a session outlived its absolute limit"
        return [pair]

    @rule(target=tokens, who=WHO)
    def sign_in(self, who):
        pair = self.run(self.service.open(self.users[who]))
        self.born[pair.session.id] = self.elapsed
        return self.remember(pair)

    @rule(target=tokens, token=tokens)
    def refresh(self, token):
        return multiple(*(self.remember(pair) for pair in self.try_refresh(token)))

    @rule(target=tokens, token=tokens, times=st.integers(min_value=2, max_value=6))
    def refresh_at_once(self, token, times):
        async def together() -> list[TokenPair | BaseException]:
            return await asyncio.gather(*(self.service.refresh(token) for _ in range(times)), return_exceptions=True)

        session = self.pairs[token].session
        outcomes = self.run(together())
        pairs = [outcome for outcome in outcomes if isinstance(outcome, TokenPair)]
        assert session.id not in self.dead or not pairs
        assert len({pair.refresh_token for pair in pairs}) <= 1, "one token had two successors"
        if any(isinstance(outcome, RefreshTokenReused) for outcome in outcomes):
            assert not pairs
            self.dead.add(session.id)
        return multiple(*{self.remember(pair) for pair in pairs})

    @rule(token=tokens)
    def log_out(self, token):
        session = self.pairs[token].session
        self.run(self.service.revoke(session.id, session.user_id))
        self.dead.add(session.id)

    @rule(token=tokens)
    def log_out_as_somebody_else(self, token):
        session = self.pairs[token].session
        other = next(user for user in self.users if user != session.user_id)
        assert not self.run(self.service.revoke(session.id, other))

    @rule(who=WHO)
    def log_out_everywhere(self, who):
        user = self.users[who]
        self.run(self.service.revoke_all(user))
        self.dead |= {pair.session.id for pair in self.pairs.values() if pair.session.user_id == user}

    @rule(token=tokens)
    def change_password(self, token):
        kept = self.pairs[token].session
        self.run(self.service.revoke_others(kept.user_id, kept.id, RevocationReason.PASSWORD_CHANGED))
        others = {pair.session.id for pair in self.pairs.values() if pair.session.user_id == kept.user_id}
        self.dead |= others - {kept.id}

    @rule(seconds=st.sampled_from([0.5, 5, 9.5, 10, 11, 300, 600, 86_400, 13 * 86_400, 15 * 86_400]))
    def wait(self, seconds):
        self.clock.advance(seconds)
        self.pass_time(seconds)
        self.elapsed += seconds

    @invariant()
    def no_token_of_a_dead_session_is_believed(self):
        for pair in self.pairs.values():
            if pair.session.id in self.dead:
                assert not self.is_believed(pair)

    @invariant()
    def each_live_session_has_one_generation_and_is_listed_once(self):
        for user in self.users:
            live = self.run(self.service.list_live(user))
            assert len({session.id for session in live}) == len(live)
            assert not {session.id for session in live} & self.dead
            for session in live:
                assert session.generation == self.latest[session.id]

    def is_believed(self, pair: TokenPair) -> bool:
        try:
            self.run(self.service.check(self.service.verify(pair.access_token)))
        except InvalidToken:
            return False
        return True
