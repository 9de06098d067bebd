"""Who may use which model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.chat.allowances import Allowance, allowance, names_of, permits
from deeper_api.config import AppConfig
from deeper_api.config.sections import LimitsConfig, ModelConfig
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


def test_administrators_weigh_more_and_nobody_has_more_answers_at_once_than_is_configured():
    limited = AppConfig(limits=LimitsConfig(admin_weight=3, answers_per_user=5))
    assert allowance(limited, Role.USER) == Allowance(weight=1, most=5, tokens_per_day=None)
    assert allowance(limited, Role.ADMIN, 70) == Allowance(weight=3, most=5, tokens_per_day=70)


def test_without_limits_anybody_may_have_any_number_of_answers_at_once():
    unlimited = AppConfig(limits=LimitsConfig(enabled=False, answers_per_user=5))
    assert allowance(unlimited, Role.USER).most == 0


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("a", ["a", "a:latest"]),
        ("a:latest", ["a:latest", "a"]),
        ("a:8b", ["a:8b"]),
        ("a:8b:latest", ["a:8b:latest", "a:8b"]),
    ],
)
def test_the_tag_that_is_meant_without_one_need_not_be_said(model: str, names: list[str]):
    assert list(names_of(model)) == names
