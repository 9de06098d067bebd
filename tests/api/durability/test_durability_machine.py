"""Answers under any interleaving of what models say, who comes and goes where, crashes and the database's restarts."""

from collections.abc import Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from deeper_api.store import migrations
from tests.api.durability.installations import Installation
from tests.api.durability.models import Dictation
from tests.api.durability.records import ended_generation, generation, message, totals, until_nothing_runs
from tests.api.durability.texts import text_of
from tests.api.durability.viewers import Transcript, Viewer, asking, following, question
from tests.fakes.exchanges import Json
from tests.fixtures.postgres import OwnPostgres, ignore_progress
from tests.fixtures.servers import StartServer

# All that PostgreSQL can hold, with a liking for what ends lines and fields somewhere.
_CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\x00")
TEXT = st.text(_CHARACTERS | st.sampled_from("\r\n\x1b\x85\u2028:\ufeff 😀"), min_size=1, max_size=20)
PIECES = st.one_of(
    # Often the same, so that they are joined on their way.
    st.tuples(st.sampled_from(["content", "content", "content", "thinking", "call 0", "call 1"]), TEXT),
    st.tuples(st.just("halves"), st.sampled_from("😀🧮𝄞")),
)
LISTS_OF_PIECES = st.lists(PIECES, min_size=1, max_size=8)
# Short streams are cut in the first frame, the longer ones anywhere.
LIMITS = st.none() | st.integers(0, 2_000)
SERVERS = st.sampled_from([0, 1])
_numbers = count()
_LEDGER = "select state, completion_tokens, estimated from generations where id = %s"


@dataclass
class Talk:
    """A question, the answer that the model writes, and all who looked at it.

    What rules may do next must not depend on the servers' speed: hypothesis wants it the same each time.
    """

    asked: Json
    key: str | None
    runs_at: int
    answer: Dictation
    viewers: list[Viewer]
    ended: bool = False  # the model has ended it
    doomed: bool = False  # it was cancelled, or its server killed
    tokens: int | None = None  # as the model reported them
    outcomes: set[str] = field(default_factory=lambda: {"complete"})  # those that are possible

    @property
    def generation_id(self) -> str:
        return self.viewers[0].seen.generation_id


class Durability(RuleBasedStateMachine):
    place: Installation

    def __init__(self) -> None:
        super().__init__()
        self.talks: list[Talk] = []
        self.killed = self.restarted = False
        self.stack = AsyncExitStack()

    @initialize()
    def sign_up(self) -> None:
        self.user = self.place.run(self.place.sign_up())

    def at(self, which: int):
        return self.user.at(self.place.servers[which].url)

    def pick(self, data: st.DataObject) -> Talk:
        return data.draw(st.sampled_from(self.talks))

    @precondition(lambda self: len(self.talks) < 3)
    @rule(which=SERVERS, store=st.booleans(), keyed=st.booleans(), pieces=LISTS_OF_PIECES)
    def ask(self, which: int, store: bool, keyed: bool, pieces: list[tuple[str, str]]) -> None:
        text = f"question {next(_numbers)}"
        asked = question(text, store=store, on_disconnect="continue")
        key = f"key of {text}" if keyed else None

        async def ask() -> Talk:
            viewer = await self.stack.enter_async_context(asking(self.at(which), asked, key=key))
            await viewer.until_begun()
            talk = Talk(asked, key, which, await self.place.model.asked(text), [viewer])
            await dictate(talk.answer, pieces)
            await until_all_seen(talk)
            return talk

        self.talks.append(self.place.run(ask()))

    @precondition(lambda self: any(talk.key for talk in self.talks))
    @rule(data=st.data(), which=SERVERS, limit=LIMITS)
    def ask_again(self, data: st.DataObject, which: int, limit: int | None) -> None:
        talk = data.draw(st.sampled_from([talk for talk in self.talks if talk.key]))
        again = asking(self.at(which), talk.asked, key=talk.key, limit=limit)
        talk.viewers.append(self.place.run(self.stack.enter_async_context(again)))

    @precondition(lambda self: any(not talk.ended for talk in self.talks))
    @rule(data=st.data(), pieces=LISTS_OF_PIECES, wait=st.booleans())
    def say(self, data: st.DataObject, pieces: list[tuple[str, str]], wait: bool) -> None:
        talk = data.draw(st.sampled_from([talk for talk in self.talks if not talk.ended]))
        self.place.run(dictate(talk.answer, pieces))
        if wait and not talk.doomed:
            self.place.run(until_all_seen(talk))

    @precondition(lambda self: any(not talk.ended for talk in self.talks))
    @rule(data=st.data(), tokens=st.none() | st.integers(1, 1_000))
    def end(self, data: st.DataObject, tokens: int | None) -> None:
        talk = data.draw(st.sampled_from([talk for talk in self.talks if not talk.ended]))
        talk.ended, talk.tokens = True, tokens
        self.place.run(talk.answer.end(tokens))

    @precondition(lambda self: self.talks)
    @rule(data=st.data(), which=SERVERS, lost=st.integers(0, 3) | st.just(1_000), limit=LIMITS)
    def come_back(self, data: st.DataObject, which: int, lost: int, limit: int | None) -> None:
        talk = self.pick(data)
        seen = data.draw(st.sampled_from(talk.viewers)).seen
        earlier = seen.before(max(0, len(seen.frames) - lost))
        if earlier.last is not None:
            earlier = Transcript()  # who has the last frame does not come back, but somebody else may
        viewer = following(self.at(which), talk.generation_id, earlier, limit=limit)
        talk.viewers.append(self.place.run(self.stack.enter_async_context(viewer)))

    @precondition(lambda self: self.talks)
    @rule(data=st.data(), which=SERVERS)
    def cancel(self, data: st.DataObject, which: int) -> None:
        talk = self.pick(data)
        talk.doomed = True
        reply = self.place.run(self.at(which).post(f"/v1/generations/{talk.generation_id}/cancel"))
        assert reply.status == 200, reply
        state = reply.json()["state"]
        possible = talk.outcomes | {"cancelled"}
        assert state in {"running"} | possible
        talk.outcomes = possible if state == "running" else {state}

    @precondition(lambda self: self.talks and not self.killed)
    @rule(which=SERVERS)
    def kill(self, which: int) -> None:
        self.killed = True
        for talk in (talk for talk in self.talks if talk.runs_at == which):
            talk.doomed = True
            # Who has seen the last frame knows that the answer is saved.
            if talk.outcomes != {"cancelled"} and not any(viewer.seen.last for viewer in talk.viewers):
                talk.outcomes |= {"interrupted"}
        self.place.run(self.place.kill(which))

    @precondition(lambda self: self.talks and not self.restarted)
    @rule()
    def restart_database(self) -> None:
        self.restarted = True
        # A request that the database is at work on in this moment may be refused.
        self.place.run(until_answered(self.talks))
        self.place.run(self.place.restart_database())

    @invariant()
    def every_viewer_has_seen_a_beginning(self) -> None:
        for talk in self.talks:
            for viewer in talk.viewers:
                assert viewer.fault is None
                assert viewer.seen.text.begins(talk.answer.text)

    def teardown(self) -> None:
        async def settle() -> None:
            try:
                for talk in self.talks:
                    if not talk.ended:
                        await dictate(talk.answer, [("content", "the end")])
                        await talk.answer.end()
                await until_nothing_runs(self.at(0))
                for talk in self.talks:
                    await self.require_one_story(talk)
                await self.require_ledger()
            finally:
                await self.stack.aclose()

        if hasattr(self, "user"):
            self.place.run(settle())

    async def require_one_story(self, talk: Talk) -> None:
        """Fail unless all who look at it now, and all who did, tell the same of ``talk``."""
        views = [await ended_generation(self.at(which), talk.generation_id) for which in (0, 1)]
        assert views[0] == views[1]
        state, kept = views[0]["state"], text_of(views[0]["message"])
        assert state in talk.outcomes
        assert kept == talk.answer.text if state == "complete" else kept.begins(talk.answer.text)
        last: set[str] = set()
        for number, viewer in enumerate(talk.viewers):
            seen = await viewer.until_closed()
            if seen.last is None:
                async with following(self.at(number % 2), talk.generation_id, seen) as again:
                    await again.until_last()
            assert seen.text == kept or (state == "interrupted" and seen.text.begins(talk.answer.text))
            last.add(seen.outcome)
        assert len(last) == 1
        if talk.asked["store"]:
            start = talk.viewers[0].seen.start
            assert start is not None
            stored = await message(self.at(0), start)
            assert (stored["state"], text_of(stored)) == (state, kept)

    async def require_ledger(self) -> None:
        """Fail unless each talk is in the ledger once, with the tokens that its text took."""
        async with await psycopg.AsyncConnection.connect(self.place.postgres.url) as database:
            for talk in self.talks:
                found = await database.execute(_LEDGER, [talk.generation_id])
                ((state, tokens, estimated),) = await found.fetchall()
                if state == "complete" and talk.tokens is not None:
                    assert (tokens, estimated) == (talk.tokens, False)
                else:
                    kept = text_of((await generation(self.at(0), talk.generation_id))["message"])
                    assert tokens in talk.answer.pieces_of(kept)
                    assert estimated
            found = await database.execute("select count(*) from generation_chunks")
            assert await found.fetchall() == [(0,)]
        assert (await totals(self.at(1)))["requests"] == len(self.talks)


async def dictate(answer: Dictation, pieces: list[tuple[str, str]]) -> None:
    for kind, text in pieces:
        match kind.split():
            case ["content"]:
                await answer.say(text)
            case ["thinking"]:
                await answer.think(text)
            case ["call", index]:
                # The second tool is not called before the first one.
                await answer.call(min(int(index), len(answer.text.calls)), text)
            case _:
                await answer.say_halves(text)


async def until_answered(talks: list[Talk]) -> None:
    """Return once every viewer has got the head of its response, and with it a first reading of the database."""
    for viewer in (viewer for talk in talks for viewer in talk.viewers):
        await viewer.until(lambda viewer: viewer.status is not None or not viewer.open)


async def until_all_seen(talk: Talk) -> None:
    """Return once every viewer that is there has seen all that the model wrote."""
    for viewer in talk.viewers:
        await viewer.until(lambda viewer: not viewer.open or viewer.seen.text == talk.answer.text)


@pytest.fixture
def place(start_server: StartServer, own_postgres: OwnPostgres) -> Generator[Installation]:
    migrations.apply(own_postgres.url, ignore_progress)
    with Installation(start_server, own_postgres) as place:
        yield place


@pytest.mark.timeout(300)
def test_whatever_happens_answers_are_told_and_kept_as_they_were_written(place: Installation):
    class Here(Durability):
        pass

    Here.place = place
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            phases=[Phase.generate],  # a run of another minute for each attempt to shrink it
            print_blob=True,
        ),
    )
