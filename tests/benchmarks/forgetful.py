"""`deeper serve` with a journal that keeps nothing and takes everything on: what chat costs without the database."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from deeper_api.chat import services
from deeper_api.chat.generations import Generation
from deeper_api.chat.journals import Ending, Journal
from deeper_api.cli import main
from deeper_api.store.generation_rows import NewGeneration, State
from deeper_api.store.generations import GenerationStore
from deeper_core import GenerationId, RunnerId


class ForgetfulJournal(Journal):
    def opened(self, generation: Generation) -> None:
        pass

    async def ended(self, generation: Generation, ending: Ending) -> State | None:
        del generation
        return ending.state

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[None]:
        yield


class ForgetfulStore(GenerationStore):
    async def begin(self, runner_id: RunnerId, new: Sequence[NewGeneration]) -> set[GenerationId]:
        del runner_id
        return {one.id for one in new}


# Workers are forks of this process, so they have what is put into place here.
services.__dict__.update(Journal=ForgetfulJournal, GenerationStore=ForgetfulStore)

if __name__ == "__main__":
    main()
