"""/v1/me: the account of whoever asks."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar import Response, Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation
from msgspec import Struct

from deeper_api.accounts.devices import Device
from deeper_api.accounts.service import Accounts
from deeper_api.providers.callers import Caller, Person
from deeper_api.providers.limits import PasswordAttempts
from deeper_api.routes.auth import BODY_BYTES, Password, Tokens, Transport, signed_out, with_tokens
from deeper_core import ErrorDetail, InvalidCredentials, User, ValidationFailed


class PasswordBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The present password and the one that is to replace it; ``transport`` as at sign-up."""

    current_password: Password
    new_password: Password
    transport: Transport = "body"


class DeleteBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password, so that nobody loses an account to an unattended screen."""

    password: Password


@get("/", operation_id="getMe")
async def get_me(caller: NamedDependency[Caller], accounts: NamedDependency[SkipValidation[Accounts]]) -> User:
    """Return the account."""
    return await accounts.find(caller.user_id)


@put("/password", status_code=200, operation_id="changePassword")
async def change_password(
    data: JSONBody[PasswordBody],
    person: NamedDependency[Person],
    accounts: NamedDependency[SkipValidation[Accounts]],
    device: NamedDependency[Device],
    password_attempts: NamedDependency[SkipValidation[PasswordAttempts]],
) -> Response[Tokens]:
    """Set another password; every session ends, and this device gets the tokens of a new one. API keys stay."""
    async with _confirming(person, accounts, password_attempts, field="$.current_password"):
        pair = await accounts.change_password(person.user_id, data.current_password, data.new_password, device)
    return with_tokens(pair, data.transport)


@delete("/", status_code=204, operation_id="deleteMe")
async def delete_me(
    data: JSONBody[DeleteBody],
    person: NamedDependency[Person],
    accounts: NamedDependency[SkipValidation[Accounts]],
    device: NamedDependency[Device],
    password_attempts: NamedDependency[SkipValidation[PasswordAttempts]],
) -> Response[None]:
    """Delete the account and everything that belongs to it. The last administrator stays."""
    async with _confirming(person, accounts, password_attempts, field="$.password"):
        await accounts.delete(person.user_id, data.password, device)
    return signed_out()


@asynccontextmanager
async def _confirming(
    person: Person, accounts: Accounts, attempts: PasswordAttempts, *, field: str
) -> AsyncGenerator[None]:
    """Count a wrong password in the context as one at sign-in: whoever found an open session could guess here, too.

    Raises:
        ValidationFailed: the password was wrong. It is not 401, which would tell clients to refresh their tokens.
    """
    user = await accounts.find(person.user_id)
    try:
        async with attempts.at(user.email, person.session_id):
            yield
    except InvalidCredentials as error:
        raise ValidationFailed(
            details=(ErrorDetail(message="This is not the present password.", field=field),)
        ) from error


me_router = Router(
    path="/v1/me", route_handlers=[get_me, change_password, delete_me], request_max_body_size=BODY_BYTES, tags=["me"]
)
