"""Which of the model server's models may be used here, and by whom."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from deeper_api.config import AppConfig
from deeper_core import Role

# Ollama means this one when a name has no tag.
_TAG = ":latest"


def permits(config: AppConfig, role: Role, model: str) -> bool:
    """Tell whether somebody of this role may use ``model``; administrators may use all that this server allows."""
    if not _is_among(config.model.allowed, model):
        return False
    return role is Role.ADMIN or _is_among(config.model.allowed_for_users, model)


def _is_among(patterns: Sequence[str], model: str) -> bool:
    """Tell whether one of the patterns fits; where there is none, everything does."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns for name in _names(model))


def _names(model: str) -> Iterable[str]:
    yield model
    if model.endswith(_TAG):
        yield model.removesuffix(_TAG)
    elif ":" not in model:
        yield model + _TAG
