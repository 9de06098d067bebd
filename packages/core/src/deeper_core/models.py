"""Language models, as a model server lists them."""

from datetime import datetime

from msgspec import Struct


class Model(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model that can be asked; everything but the name is None where the model server does not tell.

    ``size`` in bytes, ``context_length`` in tokens: as many as the model's next request has. ``loaded`` says whether it
    is in memory now. ``capabilities`` are the words of Ollama: completion, tools, vision, thinking, embedding.
    """

    name: str
    size: int | None = None
    family: str | None = None
    parameter_size: str | None = None
    quantization: str | None = None
    context_length: int | None = None
    modified_at: datetime | None = None
    loaded: bool | None = None
    capabilities: tuple[str, ...] | None = None
