"""The device that a request comes from, as far as it tells."""

from litestar.types import Scope

from deeper_api.accounts.devices import Device
from deeper_api.middleware.headers import first_header
from deeper_api.providers.addresses import provide_client_address


def provide_device(scope: Scope) -> Device:
    """Return the client's name for itself and its address."""
    address = provide_client_address(scope)
    return Device(user_agent=first_header(scope, b"user-agent"), ip_address=None if address is None else str(address))
