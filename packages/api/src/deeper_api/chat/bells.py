"""Who waits for news of which generation."""

import asyncio
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from deeper_core import GenerationId


class Bells:
    """Wakes those who follow a generation by the journal, when it has grown or ended.

    ``joined`` is set when somebody begins to follow one.
    """

    def __init__(self) -> None:
        self.joined = asyncio.Event()
        self._wakers: dict[GenerationId, set[Callable[[], None]]] = {}

    @contextmanager
    def waking(self, generation_id: GenerationId, wake: Callable[[], None]) -> Generator[None]:
        """Call ``wake`` whenever there is news of the generation, for as long as the context lasts."""
        self._wakers.setdefault(generation_id, set()).add(wake)
        self.joined.set()
        try:
            yield
        finally:
            wakers = self._wakers[generation_id]
            wakers.discard(wake)
            if not wakers:
                del self._wakers[generation_id]

    @property
    def followed(self) -> list[GenerationId]:
        """The generations that somebody waits for."""
        return list(self._wakers)

    def ring(self, generation_ids: Iterable[GenerationId]) -> None:
        """Wake those who follow one of these generations."""
        for generation_id in generation_ids:
            for wake in self._wakers.get(generation_id, ()):
                wake()

    def ring_all(self) -> None:
        """Wake everybody: there may be news that nobody was told of."""
        self.ring(list(self._wakers))
