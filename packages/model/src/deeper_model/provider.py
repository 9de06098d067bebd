"""The seam between the application and whatever answers chats."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from deeper_core import ChatEvent, ChatRequest, Model


class ModelProvider(Protocol):
    """A model server, or several behind one front.

    Every method raises errors of the `ModelServerError` tree, or `ModelNotFound`, and never an exception of a library.
    Cancelling a call frees its socket at once, whatever phase it is in.
    """

    @property
    def name(self) -> str:
        """What logs and metrics call this provider: short, stable and not secret."""
        ...

    async def list_models(self) -> Sequence[Model]:
        """Return the models that can be asked now."""
        ...

    def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer ``request`` with any number of `Delta`, then exactly one `Finish`.

        Nothing is sent before the first step of the generator. ``aclose()`` and cancellation are allowed at any moment
        and leave no socket behind. An answer that ends without a `Finish` has raised.

        Raises:
            ModelNotFound: the model server does not have the model.
            ModelServerError: what else went wrong, in one class of the tree; ``retryable`` says whether to ask again,
                which is for the caller to decide and safe only before the first `Delta`.
        """
        ...

    async def check_health(self) -> None:
        """Return when the model server answers; cheap, and bounded in time.

        Raises:
            ModelServerError: it does not, or says that it is not ready.
        """
        ...

    async def close(self) -> None:
        """Give back all connections; streams that are still open end with an error.

        From then on everything raises ModelServerUnreachable. Closing twice does nothing.
        """
        ...
