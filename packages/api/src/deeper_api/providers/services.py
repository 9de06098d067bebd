"""The parts of the application that handlers ask for by name."""

from litestar.di import Provide


def provide_always(value: object) -> Provide:
    """Return a dependency that is always ``value``."""

    def provide() -> object:
        return value

    return Provide(provide, sync_to_thread=False)
