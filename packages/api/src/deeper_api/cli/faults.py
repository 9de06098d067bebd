"""How commands end when they cannot do their work: what is wrong, in words, and an exit code."""

from collections.abc import Mapping

import rich_click as click

from deeper_api.config import AppConfig, ConfigError, load_config


class ConfigFault(click.ClickException):
    """The configuration is wrong; every fault is on a line of its own."""

    exit_code = 2


def read_config(
    *,
    defaults: Mapping[str, object] | None = None,
    overrides: Mapping[str, object] | None = None,
    serving: bool = False,
) -> AppConfig:
    """Return the configuration of this process; ends the command with a list of all faults."""
    try:
        return load_config(defaults=defaults, overrides=overrides, serving=serving)
    except ConfigError as error:
        raise config_fault(error.faults) from error


def config_fault(faults: list[str]) -> ConfigFault:
    """Return the error that lists ``faults``."""
    return ConfigFault("The configuration cannot be used:\n" + "\n".join(f"  - {fault}" for fault in faults))
