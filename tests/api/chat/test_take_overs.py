"""Ends of answers that another process has taken over, but has not ended yet."""

import asyncio

from deeper_api.chat.frames import Failed
from deeper_core import Delta, ErrorCode, RunnerId, new_id
from deeper_model import ScriptedProvider
from tests.api.chat.databases import Database, take_over
from tests.api.chat.engines import FOREVER, STOP, ended, engine_for, grown, question, settled


class Attempts(Database):
    """Tells of the first statement that comes after `begun`."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = False
        self.attempted = asyncio.Event()

    def before(self) -> None:
        super().before()
        if self.begun:
            self.attempted.set()


async def test_what_was_taken_over_is_interrupted_even_if_it_has_yet_to_be_ended():
    provider, database, go = ScriptedProvider(), Attempts(), asyncio.Event()
    provider.play(Delta(content="a"), go, STOP)
    engine = engine_for(provider, database=database)
    asked = question(abandon_after=FOREVER)
    feed = await engine.answer(asked)
    await grown(feed, 1)
    database.rows[asked.new.id].runner_id = RunnerId(new_id())
    database.begun = True
    go.set()
    await database.attempted.wait()
    take_over(database, asked.new.id)
    frame = await ended(feed)
    await settled(engine)
    assert isinstance(frame, Failed)
    assert frame.error.code is ErrorCode.INTERRUPTED
