"""Who may use which model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.chat.allowances import permits
from deeper_api.config import AppConfig
from deeper_api.config.sections import ModelConfig
from deeper_core import Role


def config(*allowed: str, users: tuple[str, ...] = ()) -> AppConfig:
    return AppConfig(model=ModelConfig(allowed=allowed, allowed_for_users=users))


@given(st.text(), st.sampled_from(Role))
def test_where_none_is_named_all_may_be_used(model: str, role: Role):
    assert permits(config(), role, model)


@pytest.mark.parametrize(
    ("pattern", "model", "permitted"),
    [
        ("llama3", "llama3", True),
        ("llama3", "llama3:latest", True),
        ("llama3:latest", "llama3", True),
        ("llama3", "llama3:70b", False),
        ("llama3:latest", "llama3:70b", False),
        ("llama3", "llama3.1", False),
        ("llama3", "Llama3", False),
        ("llama3", "xllama3", False),
        ("llama3", "llama3\n", False),
        ("llama3:*", "llama3", True),
        ("llama*", "llama3:70b", True),
        ("*", "anything", True),
        ("*:8b", "llama3:8b", True),
        ("*:8b", "llama3", False),
        ("qwen?", "qwen3", True),
    ],
)
def test_a_name_or_a_pattern_says_which(pattern: str, model: str, permitted: bool):
    for role in Role:
        assert permits(config("another", pattern), role, model) is permitted


def test_users_may_use_less_than_administrators():
    narrow = config("llama*", users=("*:8b",))
    assert [permits(narrow, Role.ADMIN, model) for model in ("llama3:8b", "llama3:70b", "qwen:8b")] == [
        True,
        True,
        False,
    ]
    assert [permits(narrow, Role.USER, model) for model in ("llama3:8b", "llama3:70b", "qwen:8b")] == [
        True,
        False,
        False,
    ]
