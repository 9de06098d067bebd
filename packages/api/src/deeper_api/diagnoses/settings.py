"""What is wrong with the configuration, and what is allowed but probably not meant."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from deeper_api.config import AppConfig, required_to_serve
from deeper_api.diagnoses.findings import Finding, failed, ok, warning

_NAME = "configuration"


def look_at_faults(faults: Sequence[str]) -> list[Finding]:
    """Return a finding for each fault with which no server starts."""
    return [
        failed(_NAME, fault, "Without that no server starts. `deeper config` shows all settings.") for fault in faults
    ]


async def look_at_settings(config: AppConfig) -> list[Finding]:
    """Return what a server would refuse, and what an operator may have overlooked."""
    found = [*look_at_faults(required_to_serve(config)), *_doubts(config)]
    return found or [ok(_NAME, f"profile {config.profile}, {config.server.workers} worker(s)")]


def _doubts(config: AppConfig) -> Iterator[Finding]:
    public = not _is_loopback(config.server.host)
    if config.profile == "dev":
        if public:
            yield warning(
                _NAME,
                f"the profile dev listens on {config.server.host}, where others reach it",
                "Set DEEPER_PROFILE=prod, which refuses unsafe settings.",
            )
        return
    if not config.limits.enabled:
        yield warning(
            _NAME, "limits.enabled is false: nobody is refused for asking too often", "Set DEEPER_LIMITS_ENABLED=true."
        )
    if not config.server.trusted_proxies:
        yield warning(
            _NAME,
            "X-Forwarded-For of no proxy is believed: behind one, all users have the address of the proxy and share "
            "its limits",
            "Behind a proxy, set DEEPER_SERVER_TRUSTED_PROXIES to its address.",
        )
    if config.server.workers > 1 and not config.redis.url:
        yield warning(
            _NAME,
            f"without Redis each of the {config.server.workers} workers limits and queues by itself, with its share",
            "Set DEEPER_REDIS_URL, so that all count together.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
