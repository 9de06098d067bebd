"""What administrators do with other people's accounts, from the command line."""

from deeper_api.accounts.audits import AuditTrail
from deeper_api.store.audits import AuditKind
from deeper_api.store.users import UserStore
from deeper_auth import PasswordHasher, PasswordPolicy, RevocationReason, SessionService, parse_email
from deeper_core import NotFound, Role, User


class Administration:
    """Changes accounts that are named by their e-mail address.

    Every method raises NotFound where there is no such account, and DatabaseUnavailable.
    """

    def __init__(
        self,
        *,
        users: UserStore,
        sessions: SessionService,
        hasher: PasswordHasher,
        policy: PasswordPolicy,
        audit: AuditTrail,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._hasher = hasher
        self._policy = policy
        self._audit = audit

    async def list_all(self) -> list[User]:
        """Return every account, the newest first."""
        return await self._users.list_all()

    async def is_password(self, email: str, password: str) -> bool:
        """Whether this account exists and ``password`` is the one that it signs in with."""
        credentials = await self._users.find_by_email(parse_email(email))
        return (await self._hasher.verify(password, credentials and credentials.password_hash)).is_right

    async def disable(self, email: str) -> User:
        """Forbid an account to sign in and end its sessions."""
        user = _found(await self._users.disable((await self._find(email)).id))
        await self._sessions.revoke_all(user.id, RevocationReason.ACCOUNT_DISABLED)
        await self._audit.note(AuditKind.ACCOUNT_DISABLED, subject=user.id)
        return user

    async def enable(self, email: str) -> User:
        """Let a disabled account sign in again."""
        user = _found(await self._users.enable((await self._find(email)).id))
        await self._audit.note(AuditKind.ACCOUNT_ENABLED, subject=user.id)
        return user

    async def set_role(self, email: str, role: Role) -> User:
        """Give an account another role."""
        user = _found(await self._users.set_role((await self._find(email)).id, role))
        await self._audit.note(AuditKind.ROLE_CHANGED, subject=user.id, role=role)
        return user

    async def set_password(self, email: str, password: str) -> User:
        """Give an account another password and end its sessions.

        Raises:
            ValidationFailed: the password is not acceptable.
        """
        user = await self._find(email)
        self._policy.require(password, email=user.email)
        await self._users.set_password(user.id, await self._hasher.hash(password))
        await self._sessions.revoke_all(user.id, RevocationReason.PASSWORD_CHANGED)
        await self._audit.note(AuditKind.PASSWORD_CHANGED, subject=user.id)
        return user

    async def _find(self, email: str) -> User:
        credentials = await self._users.find_by_email(parse_email(email))
        return _found(credentials and credentials.user)


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no account with this e-mail address.")
    return user
