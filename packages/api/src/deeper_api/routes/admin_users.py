"""/v1/admin/users: the accounts of everybody, with their sessions and API keys."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from deeper_api.accounts.api_keys import MAX_KEYS
from deeper_api.accounts.devices import Device
from deeper_api.accounts.oversight import Administrator, Oversight
from deeper_api.config.sections import MAX_TOKENS
from deeper_api.providers.callers import Person
from deeper_api.routes.api_keys import KeyList
from deeper_api.routes.auth import BODY_BYTES, Email, Password, SessionView, session_view
from deeper_api.routes.pages import CursorText, Limit, Page, UserCursor, decode_cursor, encode_cursor
from deeper_api.routes.parameters import parsed, plain
from deeper_api.store.people import Account, AccountChange, AccountFigures, AccountState, PeopleStore
from deeper_api.store.usages import Totals, UsageQuestion, UsageStore
from deeper_core import ApiKeyId, Role, SessionId, UserId

_DAYS = 30
_SEARCH_CHARACTERS = 320  # of the longest address

Search = Annotated[
    str | None,
    QueryParameter(
        description="Only accounts with this in their e-mail address.",
        schema_extra={"minLength": 1, "maxLength": _SEARCH_CHARACTERS},
    ),
]
OfRole = Annotated[
    str | None, QueryParameter(description="Only accounts of this role.", schema_extra={"enum": sorted(Role)})
]
InState = Annotated[
    str | None,
    QueryParameter(
        name="state",
        description="Only accounts that may sign in, or may not.",
        schema_extra={"enum": sorted(AccountState)},
    ),
]
Quota = Annotated[
    int,
    Meta(
        ge=0,
        le=MAX_TOKENS,
        description="Tokens that models may read and write for the account in a day; 0 for any number, null for what "
        "the server gives everybody. Whoever is given another quota begins to count anew.",
    ),
]


class UserBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account that is to be made."""

    email: Email
    password: Password
    role: Role = Role.USER


class UserChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change. Whoever is disabled loses all sessions, and what is being answered is cancelled."""

    role: Role | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    tokens_per_day: Quota | UnsetType | None = UNSET

    def change(self) -> AccountChange:
        """Return it as the accounts have it."""
        return AccountChange(
            role=None if self.role is UNSET else self.role,
            disabled=None if self.disabled is UNSET else self.disabled,
            tokens_per_day=self.tokens_per_day,
        )


class UserDetails(AccountFigures, frozen=True, kw_only=True):
    """An account, how much there is of what belongs to it, and what it used in the last 30 days."""

    usage: Totals


class SessionList(Struct, frozen=True, kw_only=True):
    """Sessions, the newest sign-in first."""

    items: Sequence[SessionView]


@get("/", operation_id="listUsers")
async def list_users(
    admin: NamedDependency[Person],  # noqa: ARG001  - asking is requiring
    people: NamedDependency[SkipValidation[PeopleStore]],
    cursor: CursorText = None,
    limit: Limit = 50,
    search: Search = None,
    role: OfRole = None,
    in_state: InState = None,
) -> Page[Account]:
    """Return accounts, the newest first."""
    place = decode_cursor(cursor, UserCursor)
    accounts = await people.list_page(
        limit=limit + 1,
        before=None if place is None else UserId(place.before),
        search=plain("search", search, _SEARCH_CHARACTERS),
        role=parsed("role", role, Role, "Expected a role"),
        state=parsed("state", in_state, AccountState, "Expected a state"),
    )
    items = accounts[:limit]
    more = len(accounts) > limit
    return Page(items=items, cursor=encode_cursor(UserCursor(items[-1].id)) if more else None)


@post("/", status_code=201, operation_id="createUser")
async def create_user(
    data: JSONBody[UserBody],
    admin: NamedDependency[Person],
    oversight: NamedDependency[SkipValidation[Oversight]],
    usages: NamedDependency[SkipValidation[UsageStore]],
    device: NamedDependency[Device],
) -> UserDetails:
    """Make an account, also where sign-up is closed."""
    by = Administrator(admin.user_id, device)
    return await _details(await oversight.create(data.email, data.password, data.role, by), usages)


@get("/{user_id:uuid}", operation_id="getUser")
async def get_user(
    user_id: FromPath[UUID],
    admin: NamedDependency[Person],  # noqa: ARG001  - asking is requiring
    oversight: NamedDependency[SkipValidation[Oversight]],
    usages: NamedDependency[SkipValidation[UsageStore]],
) -> UserDetails:
    """Return an account with its figures."""
    return await _details(await oversight.find(UserId(user_id)), usages)


@patch("/{user_id:uuid}", operation_id="changeUser")
async def change_user(
    user_id: FromPath[UUID],
    data: JSONBody[UserChange],
    admin: NamedDependency[Person],
    oversight: NamedDependency[SkipValidation[Oversight]],
    usages: NamedDependency[SkipValidation[UsageStore]],
    device: NamedDependency[Device],
) -> UserDetails:
    """Change an account. Within five seconds it counts on every server.

    Nobody can take the role from themselves or disable themselves, and the last administrator stays one.
    """
    by = Administrator(admin.user_id, device)
    return await _details(await oversight.change(UserId(user_id), data.change(), by), usages)


@delete("/{user_id:uuid}", status_code=204, operation_id="deleteUser")
async def delete_user(
    user_id: FromPath[UUID],
    admin: NamedDependency[Person],
    oversight: NamedDependency[SkipValidation[Oversight]],
    device: NamedDependency[Device],
) -> None:
    """Delete an account with everything that belongs to it: conversations, usage, sessions and keys.

    One's own is deleted at /v1/me, with the password.
    """
    await oversight.delete(UserId(user_id), Administrator(admin.user_id, device))


@get("/{user_id:uuid}/sessions", operation_id="listSessionsOfUser")
async def list_sessions_of_user(
    user_id: FromPath[UUID],
    admin: NamedDependency[Person],
    oversight: NamedDependency[SkipValidation[Oversight]],
) -> SessionList:
    """Return the devices on which somebody is signed in."""
    sessions = await oversight.sessions(UserId(user_id))
    return SessionList(items=[session_view(session, current=admin.session_id) for session in sessions])


@delete("/{user_id:uuid}/sessions", status_code=204, operation_id="endSessionsOfUser")
async def end_sessions_of_user(
    user_id: FromPath[UUID],
    admin: NamedDependency[Person],
    oversight: NamedDependency[SkipValidation[Oversight]],
    device: NamedDependency[Device],
) -> None:
    """Sign somebody out everywhere. API keys stay."""
    await oversight.end_sessions(UserId(user_id), Administrator(admin.user_id, device))


@delete("/{user_id:uuid}/sessions/{session_id:uuid}", status_code=204, operation_id="endSessionOfUser")
async def end_session_of_user(
    user_id: FromPath[UUID],
    session_id: FromPath[UUID],
    admin: NamedDependency[Person],
    oversight: NamedDependency[SkipValidation[Oversight]],
    device: NamedDependency[Device],
) -> None:
    """Sign out one of somebody's devices."""
    await oversight.end_session(UserId(user_id), SessionId(session_id), Administrator(admin.user_id, device))


@get("/{user_id:uuid}/api-keys", operation_id="listApiKeysOfUser")
async def list_api_keys_of_user(
    user_id: FromPath[UUID],
    admin: NamedDependency[Person],  # noqa: ARG001  - asking is requiring
    oversight: NamedDependency[SkipValidation[Oversight]],
) -> KeyList:
    """Return somebody's keys that were not revoked."""
    return KeyList(items=(await oversight.keys(UserId(user_id)))[:MAX_KEYS])


@delete("/{user_id:uuid}/api-keys/{key_id:uuid}", status_code=204, operation_id="revokeApiKeyOfUser")
async def revoke_api_key_of_user(
    user_id: FromPath[UUID],
    key_id: FromPath[UUID],
    admin: NamedDependency[Person],
    oversight: NamedDependency[SkipValidation[Oversight]],
    device: NamedDependency[Device],
) -> None:
    """End one of somebody's keys. Within five seconds no server takes it any more."""
    await oversight.revoke_key(UserId(user_id), ApiKeyId(key_id), Administrator(admin.user_id, device))


async def _details(figures: AccountFigures, usages: UsageStore) -> UserDetails:
    today: date = datetime.now(UTC).date()
    first = today - timedelta(days=_DAYS - 1)
    question = UsageQuestion(first=first, last=today, by=(), user_id=figures.id)
    return UserDetails(**asdict(figures), usage=await usages.total_of_all(question))


users_router = Router(
    path="/users",
    route_handlers=[
        list_users,
        create_user,
        get_user,
        change_user,
        delete_user,
        list_sessions_of_user,
        end_sessions_of_user,
        end_session_of_user,
        list_api_keys_of_user,
        revoke_api_key_of_user,
    ],
    request_max_body_size=BODY_BYTES,
)
