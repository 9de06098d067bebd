"""What several servers list, as one list."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from deeper_core import Model
from deeper_model.pool import merge_models
from deeper_model.pool.listings import awaits_loading, find_model, remember

OLD, NEW = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


def test_a_model_of_several_servers_is_listed_once_with_what_holds_for_all_of_them() -> None:
    first = Model(
        name="m",
        size=7,
        context_length=8_192,
        modified_at=OLD,
        loaded=False,
        capabilities=("completion", "vision", "tools"),
    )
    second = Model(
        name="m",
        size=9,
        family="llama",
        context_length=4_096,
        modified_at=NEW,
        loaded=True,
        capabilities=("tools", "completion"),
    )
    third = Model(name="m", parameter_size="8B", quantization="Q4_0")
    assert merge_models([[first], [second, Model(name="n")], [third]]) == (
        Model(
            name="m",
            size=7,
            family="llama",
            parameter_size="8B",
            quantization="Q4_0",
            context_length=4_096,
            modified_at=NEW,
            loaded=True,
            capabilities=("completion", "tools"),
        ),
        Model(name="n"),
    )


def test_it_is_not_loaded_only_if_a_server_says_so() -> None:
    [model] = merge_models([[Model(name="m")], [Model(name="m", loaded=False)]])
    assert model.loaded is False
    [model] = merge_models([[Model(name="m")], [Model(name="m")]])
    assert (model.loaded, model.context_length, model.capabilities) == (None, None, None)


_MODELS = st.lists(
    st.builds(
        Model,
        name=st.sampled_from("abc"),
        context_length=st.none() | st.integers(1, 9),
        loaded=st.none() | st.booleans(),
    ),
    max_size=4,
)


@given(st.lists(_MODELS, max_size=4))
def test_every_name_comes_once_and_none_is_lost(listings: list[list[Model]]) -> None:
    merged = {model.name: model for model in merge_models(listings)}
    everything = [model for listing in listings for model in listing]
    assert list(merged) == list(dict.fromkeys(model.name for model in everything))
    for name, model in merged.items():
        contexts = [each.context_length for each in everything if each.name == name and each.context_length]
        assert model.context_length == min(contexts, default=None)
        assert (model.loaded is True) is any(each.loaded for each in everything if each.name == name)


def test_a_name_without_a_tag_means_the_latest() -> None:
    models = {name: Model(name=name) for name in ("tiny:latest", "tiny:7b", "other")}
    assert find_model(models, "tiny") == Model(name="tiny:latest")
    assert find_model(models, "tiny:7b") == Model(name="tiny:7b")
    assert find_model(models, "other") == Model(name="other")
    assert find_model(models, "nothing") is None


def test_a_model_that_is_no_longer_loaded_is_thought_to_have_its_context_again() -> None:
    before = {"m": Model(name="m", loaded=True, context_length=512)}
    assert remember(before, [Model(name="m", loaded=False)])["m"].context_length == 512
    assert remember(before, [Model(name="m", context_length=256)])["m"].context_length == 256
    assert remember(before, [Model(name="n")]) == {"n": Model(name="n")}


def test_only_of_what_is_not_loaded_the_context_may_be_known_soon() -> None:
    assert awaits_loading(Model(name="m", loaded=False))
    assert not awaits_loading(Model(name="m", loaded=False, context_length=512))
    assert not awaits_loading(Model(name="m"))
    assert not awaits_loading(None)
