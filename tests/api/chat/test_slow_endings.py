"""Engines that are closed while the database takes its time, which passes at once here."""

import asyncio
from typing import Literal

import pytest

from deeper_api.chat.frames import Failed, Frame
from deeper_core import Delta, ErrorCode
from deeper_model import ScriptedProvider
from tests.api.chat.databases import Database
from tests.api.chat.engines import FOREVER, engine_for, follow, question
from tests.fakes.loops import HastyLoop


class Slowness(asyncio.Event):
    """A gate behind which everybody waits for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def wait(self) -> Literal[True]:
        await asyncio.sleep(self.seconds)
        return True


async def close(database: Database, answers: int, seconds: float) -> list[Frame]:
    """Close an engine that answers, with a database that takes so long for each statement; return the last frames."""
    provider = ScriptedProvider()
    engine = engine_for(provider, database=database)
    for _ in range(answers):
        provider.play(Delta(content="a"), asyncio.Event())
    viewers = [asyncio.create_task(follow(await engine.answer(question()))) for _ in range(answers)]
    await provider.wait_for_streams(answers)
    database.gate = Slowness(seconds)
    await engine.close()
    assert engine.running == 0
    return [(await viewer)[-1] for viewer in viewers]


def test_a_database_that_gets_on_is_waited_for_until_all_is_saved(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deeper_api.chat.journals.ENDS_AT_ONCE", 2)
    database = Database()
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        runner.run(close(database, 8, 4.0))
    assert [row.state for row in database.rows.values()] == ["interrupted"] * 8


@pytest.mark.parametrize("patience", [1.0, 5.0])
def test_the_last_frame_comes_however_soon_the_saving_is_given_up(monkeypatch: pytest.MonkeyPatch, patience: float):
    monkeypatch.setattr("deeper_api.chat.engine._CLOSE_SECONDS", patience)
    database = Database()
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        [last] = runner.run(close(database, 1, FOREVER))
    assert isinstance(last, Failed)
    assert last.error.code is ErrorCode.SHUTTING_DOWN
    assert [row.state for row in database.rows.values()] == ["running"]  # for others to take over
