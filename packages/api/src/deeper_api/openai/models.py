"""Models as OpenAI lists them."""

from msgspec import Struct

from deeper_core import Model

# Nobody tells when a model was made, or by whom.
_CREATED = 0
_OWNER = "deepersensor"


class ListedModel(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="object", tag="model"):
    """A model. ``max_model_len`` is its context in tokens, by the name that vLLM gives it."""

    id: str
    created: int
    owned_by: str
    max_model_len: int | None = None


class ListedModels(Struct, frozen=True, kw_only=True, tag_field="object", tag="list"):
    """All of them."""

    data: tuple[ListedModel, ...]


def listed(model: Model) -> ListedModel:
    """Return ``model`` as it is listed."""
    return ListedModel(id=model.name, created=_CREATED, owned_by=_OWNER, max_model_len=model.context_length)
