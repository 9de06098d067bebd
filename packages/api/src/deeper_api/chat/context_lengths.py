"""How long the context of each model is, asked of the model server now and then."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from deeper_core import DeeperError
from deeper_model import ModelProvider

_FRESH_SECONDS = 60.0
# What is not known now may be known once somebody's request has made Ollama load the model.
_UNKNOWN_SECONDS = 5.0
_PATIENCE_SECONDS = 1.0


class ContextLengths:
    """Remembers what `ModelProvider.list_models` tells of contexts, so that no chat waits for it but perhaps the first.

    What is older than ``fresh_seconds`` is still used while it is asked for anew in the background, once for all who
    want it. A model that is no longer loaded is thought to be loaded again with the same context. Leaving the context
    manager leaves no task behind.
    """

    def __init__(
        self,
        provider: ModelProvider,
        *,
        fresh_seconds: float = _FRESH_SECONDS,
        patience_seconds: float = _PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._fresh = fresh_seconds
        self._unknown = min(fresh_seconds, _UNKNOWN_SECONDS)
        self._patience = patience_seconds
        self._clock = clock
        self._known: dict[str, int] = {}
        self._listed = False
        self._failed = False
        self._asked_at: float | None = None
        self._refresh: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def find(self, model: str, *, anew: bool = False) -> int | None:
        """Return the tokens of context that the next request to ``model`` has, or None if nobody knows.

        Waits, and at most ``patience_seconds``, only when no list has come yet, or when asked to look ``anew``. A model
        server that fails or is slow is no error here.
        """
        if anew or self._is_due(model):
            self._ask()
        if self._refresh is not None and (anew or not self._listed):
            await asyncio.wait({self._refresh}, timeout=self._patience)
        return self._look_up(model)

    async def close(self) -> None:
        """Ask no more. What is known stays known."""
        self._closed = True
        refresh, self._refresh = self._refresh, None
        if refresh is not None:
            refresh.cancel()
            await asyncio.wait({refresh})

    def _is_due(self, model: str) -> bool:
        if self._asked_at is None:
            return True
        sure = self._look_up(model) is not None and not self._failed
        return self._clock() - self._asked_at >= (self._fresh if sure else self._unknown)

    def _ask(self) -> None:
        if self._refresh is None and not self._closed:
            self._asked_at = self._clock()
            self._refresh = asyncio.create_task(self._list(), name="list models for their contexts")

    async def _list(self) -> None:
        try:
            models = await self._provider.list_models()
        except DeeperError:
            self._failed = True  # whoever chats will be told what is wrong
        else:
            self._failed = False
            self._listed = True
            told = {model.name: model.context_length or self._known.get(model.name) for model in models}
            self._known = {name: length for name, length in told.items() if length}
        finally:
            self._refresh = None

    def _look_up(self, model: str) -> int | None:
        # To Ollama, a name without a tag is the name of the latest.
        return self._known.get(model) or self._known.get(f"{model}:latest")
