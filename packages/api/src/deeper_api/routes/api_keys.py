"""/v1/api-keys: what programs of the user sign in with."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import Meta, Struct
from msgspec.structs import asdict

from deeper_api.accounts.api_keys import MAX_KEYS, ApiKeys
from deeper_api.accounts.devices import Device
from deeper_api.providers.callers import Person
from deeper_api.routes.auth import BODY_BYTES
from deeper_api.store.api_keys import NamedKey
from deeper_core import ApiKeyId, KeyScope, NotFound

_MAX_DAYS = 3_650  # ten years; who wants more means without end

Scopes = Annotated[
    tuple[KeyScope, ...],
    Meta(min_length=1, max_length=len(KeyScope), description="What the key is for; `chat` goes with reading."),
]
Days = Annotated[int, Meta(ge=1, le=_MAX_DAYS, description="After how many days it ends; left out or null, never.")]


class ApiKeyBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the key is called, and what it is to be good for."""

    name: Annotated[str, Meta(min_length=1, max_length=1_000)]
    scopes: Scopes
    expires_in_days: Days | None = None


class MadeKey(NamedKey, frozen=True, kw_only=True):
    """A key that was just made; ``key`` is the whole of it, and is shown this once."""

    key: str

    def __repr__(self) -> str:
        return f"MadeKey(prefix={self.prefix!r})"


class KeyList(Struct, frozen=True, kw_only=True):
    """Keys, the newest first."""

    items: Annotated[Sequence[NamedKey], Meta(max_length=MAX_KEYS)]


@post("/", status_code=201, operation_id="makeApiKey")
async def make_api_key(
    data: JSONBody[ApiKeyBody],
    person: NamedDependency[Person],
    api_keys: NamedDependency[SkipValidation[ApiKeys]],
    device: NamedDependency[Device],
) -> MadeKey:
    """Make a key. It goes where an access token goes; only its hash is kept."""
    lifetime = None if data.expires_in_days is None else timedelta(days=data.expires_in_days)
    made, key = await api_keys.make(person.user_id, data.name, data.scopes, lifetime, device)
    return MadeKey(**asdict(made), key=key.text)


@get("/", operation_id="listApiKeys")
async def list_api_keys(person: NamedDependency[Person], api_keys: NamedDependency[SkipValidation[ApiKeys]]) -> KeyList:
    """Return the keys that were not revoked; those that have expired are among them."""
    return KeyList(items=await api_keys.list_kept(person.user_id))


@delete("/{key_id:uuid}", status_code=204, operation_id="revokeApiKey")
async def revoke_api_key(
    key_id: FromPath[UUID],
    person: NamedDependency[Person],
    api_keys: NamedDependency[SkipValidation[ApiKeys]],
    device: NamedDependency[Device],
) -> None:
    """End a key. Within five seconds no server takes it any more."""
    if not await api_keys.revoke(person.user_id, ApiKeyId(key_id), device, actor=person.user_id):
        raise NotFound


api_keys_router = Router(
    path="/v1/api-keys",
    route_handlers=[make_api_key, list_api_keys, revoke_api_key],
    request_max_body_size=BODY_BYTES,
    tags=["api-keys"],
)
