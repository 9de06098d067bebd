"""The address of the client, as far as trusted proxies tell."""

from litestar.types import Scope

from deeper_api.middleware.addresses import Address


def provide_client_address(scope: Scope) -> Address | None:
    """Return what the edge found out."""
    address: Address | None = scope["state"]["client_address"]
    return address
