"""What users may do with the model server: which models they use, and how much at once."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from deeper_api.config import AppConfig
from deeper_core import Role

# Ollama means this one when a name has no tag.
_TAG = ":latest"


class Allowance(Struct, frozen=True, kw_only=True):
    """How many turns a user gets in each round, and how many answers may be in the making at once; 0 for any number.

    ``tokens_per_day`` is the user's own quota, None for that of the server.
    """

    weight: int = 1
    most: int = 0
    tokens_per_day: int | None = None


def allowance(config: AppConfig, role: Role, tokens_per_day: int | None = None) -> Allowance:
    """Return the allowance of somebody of this role, and with this quota of their own."""
    return Allowance(
        weight=config.limits.admin_weight if role is Role.ADMIN else 1,
        most=config.limits.answers_per_user if config.limits.enabled else 0,
        tokens_per_day=tokens_per_day,
    )


def permits(config: AppConfig, role: Role, model: str) -> bool:
    """Tell whether somebody of this role may use ``model``; administrators may use all that this server allows."""
    if not _is_among(config.model.allowed, model):
        return False
    return role is Role.ADMIN or _is_among(config.model.allowed_for_users, model)


def _is_among(patterns: Sequence[str], model: str) -> bool:
    """Tell whether one of the patterns fits; where there is none, everything does."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns for name in names_of(model))


def names_of(model: str) -> Iterable[str]:
    """Yield the names by which a model is known, the given one first."""
    yield model
    if model.endswith(_TAG):
        yield model.removesuffix(_TAG)
    elif ":" not in model:
        yield model + _TAG
