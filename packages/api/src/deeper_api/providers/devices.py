"""The device that a request comes from, as far as it tells."""

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from deeper_api.accounts.devices import Device
from deeper_api.middleware.addresses import Address
from deeper_api.middleware.bodies import JsonRequest


async def provide_device(
    request: JsonRequest, client_address: NamedDependency[SkipValidation[Address | None]]
) -> Device:
    """Return the client's name for itself and its address."""
    return Device(
        user_agent=request.headers.get("user-agent"),
        ip_address=None if client_address is None else str(client_address),
    )
