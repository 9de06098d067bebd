"""How long the context of each model is, asked of the model server now and then."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from deeper_core import DeeperError, Model
from deeper_model import ModelProvider

_FRESH_SECONDS = 60.0
# Model servers that failed, or that had not heard of a model, may know better soon.
_UNKNOWN_SECONDS = 5.0
_PATIENCE_SECONDS = 1.0


class ContextLengths:
    """Remembers what `ModelProvider.list_models` tells of contexts, so that hardly a chat waits for it.

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
        self._models: dict[str, Model] = {}
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

    async def find(self, model: str) -> int | None:
        """Return the tokens of context that the next request to ``model`` has, or None if nobody knows.

        Waits, and at most ``patience_seconds``, only if no list has come yet, or if the model had not been loaded and
        may be by now. A model server that fails or is slow is no error here.
        """
        known = self._look_up(model)
        if self._is_due(known):
            self._ask()
        if self._refresh is not None and (not self._listed or _awaits_loading(known)):
            await asyncio.wait({self._refresh}, timeout=self._patience)
            known = self._look_up(model)
        return None if known is None else known.context_length

    def is_listed(self, model: str) -> bool:
        """Tell whether the model server had this model when it was asked last; it is asked again after a while."""
        known = self._look_up(model)
        if self._is_due(known):
            self._ask()
        return known is not None

    async def close(self) -> None:
        """Ask no more. What is known stays known."""
        self._closed = True
        refresh, self._refresh = self._refresh, None
        if refresh is not None:
            refresh.cancel()
            await asyncio.wait({refresh})

    def _is_due(self, known: Model | None) -> bool:
        if self._asked_at is None:
            return True
        if _awaits_loading(known) and not self._failed:
            return True
        sure = known is not None and not self._failed
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
            self._models = {model.name: self._remember(model) for model in models}
        finally:
            self._refresh = None

    def _remember(self, model: Model) -> Model:
        known = self._models.get(model.name)
        if model.context_length or known is None:
            return model
        return replace(model, context_length=known.context_length)

    def _look_up(self, model: str) -> Model | None:
        # To Ollama, a name without a tag is the name of the latest.
        return self._models.get(model) or self._models.get(f"{model}:latest")


def _awaits_loading(known: Model | None) -> bool:
    """Tell whether the context will be known as soon as somebody's request has made Ollama load the model."""
    return known is not None and known.context_length is None and known.loaded is False
