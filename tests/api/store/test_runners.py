import asyncio
from collections.abc import Sequence

import pytest

from deeper_api.chat.reapers import Reaper, Watch
from deeper_api.store.generations import GenerationStore
from deeper_api.store.journals import JournalStore
from deeper_api.store.listeners import listening
from deeper_api.store.pool import Pool
from deeper_api.store.runners import Runner, RunnerStore
from deeper_core import GenerationId, RunnerId, UserId, new_id
from tests.api.store.asking import (
    RUNNER,
    answer_of,
    change,
    chunk,
    count,
    end,
    one,
    rows,
    runs_of,
    stored,
    unstored,
)

HEIR = RunnerId(new_id())


@pytest.fixture
def runners(pool: Pool) -> RunnerStore:
    return RunnerStore(pool)


@pytest.fixture
def store(pool: Pool) -> GenerationStore:
    return GenerationStore(pool)


def reaper(pool: Pool, live: set[GenerationId] | None = None) -> Reaper:
    return Reaper(
        runners=RunnerStore(pool),
        generations=GenerationStore(pool),
        journal=JournalStore(pool, HEIR),
        runner_id=HEIR,
        is_live=(live or set()).__contains__,
    )


class Doom(Watch):
    """Finds one runner dead as soon as it is seen."""

    def __init__(self, runner_id: RunnerId) -> None:
        super().__init__()
        self._doomed = runner_id

    def look(self, runners: Sequence[Runner]) -> list[Runner]:
        return [each for each in runners if each.id == self._doomed]


async def dies(reaper: Reaper, runner_id: RunnerId = RUNNER) -> None:
    """Let the reaper take over from a runner that it sees."""
    reaper._watch = Doom(runner_id)
    await reaper.look()


class TestSeeing:
    async def test_others_are_seen_while_they_have_something_to_run(
        self, runners: RunnerStore, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        assert [each.id for each in await runners.others(HEIR)] == [RUNNER]
        assert await runners.others(RUNNER) == []
        await journal.end([end(new)])
        assert await runners.others(HEIR) == []

    async def test_a_heartbeat_is_seen_to_change(
        self, runners: RunnerStore, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        await store.begin(RUNNER, [unstored(user_id)])
        [before] = await runners.others(HEIR)
        await journal.write([], [])
        [after] = await runners.others(HEIR)
        assert after.heartbeat_at > before.heartbeat_at

    async def test_who_listens_is_seen_to_be_connected(
        self, runners: RunnerStore, store: GenerationStore, user_id: UserId, database_url: str
    ):
        await store.begin(RUNNER, [unstored(user_id)])
        assert [each.connected for each in await runners.others(HEIR)] == [False]
        connected = asyncio.Event()

        async def note() -> None:
            connected.set()

        async with listening(database_url, RUNNER, heard=lambda _: None, connected=note):
            await connected.wait()
            assert [each.connected for each in await runners.others(HEIR)] == [True]
        while (await runners.others(HEIR))[0].connected:
            pass
        # Those who look at the same time do not take each other for the runner's connection.
        many = await asyncio.gather(*(runners.others(HEIR) for _ in range(8)))
        assert {each.connected for seen in many for each in seen} == {False}


class TestTakingOver:
    async def test_the_running_ones_of_a_dead_runner_become_the_heirs(
        self, pool: Pool, runners: RunnerStore, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        first, second, ended = (unstored(user_id) for _ in range(3))
        await store.begin(RUNNER, [first, second, ended])
        await journal.end([end(ended)])
        [dead] = await runners.others(HEIR)
        assert set(await runners.take_over(dead, HEIR)) == {first.id, second.id}
        assert {each.id for each in await runners.running(HEIR)} == {first.id, second.id}
        assert (await one(pool, ended))["runner_id"] == RUNNER
        assert await rows(pool, "select id from runners") == [{"id": HEIR}]
        assert await journal.write([chunk(first, 0, "x")], [first.id]) == set()

    async def test_who_beat_in_the_last_moment_is_not_taken_over(
        self, runners: RunnerStore, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        [dead] = await runners.others(HEIR)
        await journal.write([], [])
        assert await runners.take_over(dead, HEIR) == []
        assert await journal.end([end(new)]) == {new.id: "complete"}

    async def test_of_many_heirs_one_inherits(self, runners: RunnerStore, store: GenerationStore, user_id: UserId):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        [dead] = await runners.others(HEIR)
        heirs = [RunnerId(new_id()) for _ in range(6)]
        inherited = await asyncio.gather(*(runners.take_over(dead, heir) for heir in heirs))
        assert sorted(map(len, inherited)) == [0, 0, 0, 0, 0, 1]
        heir = heirs[next(i for i, got in enumerate(inherited) if got)]
        assert [each.id for each in await runners.running(heir)] == [new.id]

    async def test_a_runner_that_is_not_there_leaves_nothing(self, runners: RunnerStore, store: GenerationStore):
        assert store is not None
        unknown = RunnerId(new_id())
        [now] = await rows(runners._pool, "select now() as now")
        dead = Runner(id=unknown, heartbeat_at=now["now"], connected=False)
        assert await runners.take_over(dead, HEIR) == []
        assert await count(runners._pool, "runners") == 0


class TestLeaving:
    async def test_who_has_nothing_to_run_leaves_no_trace(
        self, pool: Pool, runners: RunnerStore, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        await runners.leave(RUNNER)
        assert await count(pool, "runners") == 1
        await journal.end([end(new)])
        await runners.leave(RUNNER)
        assert await count(pool, "runners") == 0


class TestTheReaper:
    async def test_an_answer_is_saved_as_far_as_it_was_written_down(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        kept, unkept, silent = stored(user_id), unstored(user_id), stored(user_id)
        await store.begin(RUNNER, [kept, unkept, silent])
        calls = '[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]'
        await journal.write(
            [
                chunk(kept, 0, "hm", "thinking", 2),
                chunk(kept, 2, "Hel", tokens=1),
                chunk(kept, 5, "lo", tokens=1),
                chunk(kept, 7, calls, "tool_calls", 3),
                chunk(unkept, 0, "text", tokens=5),
            ],
            [kept.id, unkept.id],
        )
        await dies(reaper(pool))
        answer, row = await answer_of(pool, kept), await one(pool, kept)
        assert (answer["state"], answer["thinking"], answer["content"]) == ("interrupted", "hm", "Hello")
        assert [call["id"] for call in answer["tool_calls"]] == ["c"]
        assert [(run.kind, run.length) for run in runs_of(row)] == [("thinking", 2), ("content", 5), ("tool_calls", 1)]
        assert (row["state"], row["length"], row["error"]["code"]) == ("interrupted", 8, "interrupted")
        assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (7, 7, True)
        assert (await one(pool, unkept))["content"] == "text"
        assert (await answer_of(pool, silent))["state"] == "interrupted"
        assert await count(pool, "generation_chunks") == 0

    async def test_a_long_journal_is_read_to_its_end(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = stored(user_id)
        await store.begin(RUNNER, [new])
        await journal.write([chunk(new, 10 * i, f"{i:010}") for i in range(350)], [new.id])
        await dies(reaper(pool))
        assert (await answer_of(pool, new))["content"] == "".join(f"{i:010}" for i in range(350))
        assert (await one(pool, new))["completion_tokens"] == 350

    async def test_what_this_process_runs_is_left_alone(self, pool: Pool, store: GenerationStore, user_id: UserId):
        inherited, own = unstored(user_id), unstored(user_id)
        await store.begin(RUNNER, [inherited])
        await store.begin(HEIR, [own])
        await dies(reaper(pool, {own.id}))
        assert [(await one(pool, new))["state"] for new in (inherited, own)] == ["interrupted", "running"]

    async def test_what_an_heir_left_undone_when_it_died_is_inherited(
        self, pool: Pool, runners: RunnerStore, store: GenerationStore, user_id: UserId
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        [dead] = await runners.others(HEIR)
        first_heir = RunnerId(new_id())
        await runners.take_over(dead, first_heir)
        await dies(reaper(pool), first_heir)
        assert (await one(pool, new))["state"] == "interrupted"

    async def test_nobody_who_lives_is_reaped(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        looking = reaper(pool)
        now = 0.0
        looking._watch._clock = lambda: now
        for _ in range(25):
            await looking.look()
            await journal.write([], [])
            now += 1.0
        assert (await one(pool, new))["state"] == "running"
        for _ in range(20):
            await looking.look()
            now += 1.0
        assert (await one(pool, new))["state"] == "interrupted"
        await change(pool, "delete from generations")
