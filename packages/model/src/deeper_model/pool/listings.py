"""What several servers list, as one list. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from deeper_core import Model

# Ollama means this one when a name has no tag.
_TAG = ":latest"


def find_model(models: Mapping[str, Model], name: str) -> Model | None:
    """Return the model that ``name`` means, among models by their names."""
    return models.get(name) or models.get(name + _TAG)


def awaits_loading(model: Model | None) -> bool:
    """Tell whether the context will be known as soon as somebody's request has made the server load the model."""
    return model is not None and model.context_length is None and model.loaded is False


def remember(before: Mapping[str, Model], models: Iterable[Model]) -> dict[str, Model]:
    """Return ``models`` by name.

    One that is no longer loaded is thought to be loaded with the same context again.
    """
    found: dict[str, Model] = {}
    for model in models:
        known = before.get(model.name)
        if known is not None and not model.context_length:
            model = replace(model, context_length=known.context_length)  # noqa: PLW2901  - the same model, with it
        found.setdefault(model.name, model)
    return found


def merge_models(listings: Iterable[Iterable[Model]]) -> tuple[Model, ...]:
    """Return one list without repetitions, in the order in which the names first come.

    Any of the servers may answer: so the context is the smallest that is known, and the capabilities are those that all
    have which tell. It is loaded if it is anywhere. Everything else is what the first says that says something.
    """
    found: dict[str, list[Model]] = {}
    for listing in listings:
        for model in listing:
            found.setdefault(model.name, []).append(model)
    return tuple(models[0] if len(models) == 1 else _merge(models) for models in found.values())


def _merge(models: Sequence[Model]) -> Model:
    contexts = [model.context_length for model in models if model.context_length]
    told = [model.loaded for model in models if model.loaded is not None]
    abilities = [model.capabilities for model in models if model.capabilities is not None]
    return Model(
        name=models[0].name,
        size=next((model.size for model in models if model.size is not None), None),
        family=next((model.family for model in models if model.family is not None), None),
        parameter_size=next((model.parameter_size for model in models if model.parameter_size is not None), None),
        quantization=next((model.quantization for model in models if model.quantization is not None), None),
        context_length=min(contexts, default=None),
        modified_at=max((model.modified_at for model in models if model.modified_at is not None), default=None),
        loaded=any(told) if told else None,
        capabilities=tuple(word for word in abilities[0] if all(word in each for each in abilities))
        if abilities
        else None,
    )
