"""The device that a request comes from, as far as it tells."""

from deeper_api.accounts.service import Device
from deeper_api.middleware.bodies import JsonRequest


async def provide_device(request: JsonRequest) -> Device:
    """Return the client's name for itself and its address."""
    return Device(
        user_agent=request.headers.get("user-agent"),
        ip_address=request.client.host if request.client else None,
    )
