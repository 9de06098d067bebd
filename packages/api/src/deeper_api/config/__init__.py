"""Configuration: one frozen `AppConfig`, read once at the edge by `load_config`."""

from deeper_api.config.loading import ConfigError, load_config
from deeper_api.config.matrix import environment_matrix
from deeper_api.config.rules import required_to_serve
from deeper_api.config.sections import AppConfig
from deeper_api.config.settings import Setting, settings, value_of

__all__ = [
    "AppConfig",
    "ConfigError",
    "Setting",
    "environment_matrix",
    "load_config",
    "required_to_serve",
    "settings",
    "value_of",
]
