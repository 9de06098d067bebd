"""What people do with their accounts."""

from contextlib import suppress

from deeper_api.accounts.audits import NOWHERE, AuditTrail
from deeper_api.accounts.devices import Device
from deeper_api.accounts.standings import Standings
from deeper_api.store.audits import AuditKind
from deeper_api.store.users import Credentials, UserStore
from deeper_auth import (
    EmailAddress,
    PasswordHasher,
    PasswordPolicy,
    PasswordVerdict,
    RevocationReason,
    SessionService,
    TokenPair,
    parse_email,
)
from deeper_core import (
    Forbidden,
    InvalidCredentials,
    NotFound,
    Overloaded,
    RefreshTokenReused,
    Role,
    SessionId,
    User,
    UserId,
    ValidationFailed,
    new_id,
)


class Accounts:
    """Signs people up and in, and changes what is theirs.

    Every method may raise Overloaded (too many passwords at once) and DatabaseUnavailable.
    """

    def __init__(
        self,
        *,
        users: UserStore,
        sessions: SessionService,
        standings: Standings,
        hasher: PasswordHasher,
        policy: PasswordPolicy,
        audit: AuditTrail,
        open_to_all: bool,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._standings = standings
        self._hasher = hasher
        self._policy = policy
        self._audit = audit
        self._open_to_all = open_to_all

    async def sign_up(self, email: str, password: str, device: Device) -> tuple[User, TokenPair]:
        """Make an account and sign it in.

        Raises:
            Forbidden: this server does not let anybody make an account.
            ValidationFailed: the address or the password is not acceptable.
            EmailTaken: there is such an account; it takes as long to find out as to make one.
        """
        if not self._open_to_all:
            raise Forbidden("This server does not take sign-ups. Ask its administrator for an account.")
        user = await self._create(email, password, Role.USER)
        await self._audit.note(AuditKind.SIGNED_UP, device, actor=user.id, subject=user.id)
        return user, await self._open(user, device)

    async def create(
        self,
        email: str,
        password: str,
        role: Role = Role.USER,
        device: Device = NOWHERE,
        *,
        actor: UserId | None = None,
    ) -> User:
        """Make an account, whether or not sign-up is open; ``actor`` is the administrator who does.

        Raises:
            ValidationFailed: the address or the password is not acceptable.
            EmailTaken: there is such an account.
        """
        user = await self._create(email, password, role)
        await self._audit.note(AuditKind.ACCOUNT_CREATED, device, actor=actor, subject=user.id, role=role)
        return user

    async def sign_in(self, email: str, password: str, device: Device) -> tuple[User, TokenPair]:
        """Open a session.

        Raises:
            InvalidCredentials: the address or the password is wrong, and it takes as long to find out as which.
            Forbidden: both are right, and the account is disabled.
        """
        credentials = await self._find(email)
        verdict = await self._hasher.verify(password, credentials and credentials.password_hash)
        if credentials is None or not verdict.is_right:
            reason = "unknown_account" if credentials is None else "wrong_password"
            subject = credentials and credentials.user.id
            await self._audit.note(AuditKind.LOGIN_FAILED, device, subject=subject, reason=reason)
            raise InvalidCredentials
        user = credentials.user
        if user.disabled_at is not None:
            await self._audit.note(AuditKind.LOGIN_FAILED, device, subject=user.id, reason="account_disabled")
            raise Forbidden("This account is disabled. Ask the administrator of this server.")
        if verdict is PasswordVerdict.OUTDATED:
            with suppress(Overloaded):  # the next sign-in will do
                await self._users.rehash(user.id, await self._hasher.hash(password), former=credentials.password_hash)
        pair = await self._open(user, device)
        if not await self._is_still_right(credentials, password):
            await self._end_session(user.id, pair.session.id)
            await self._audit.note(AuditKind.LOGIN_FAILED, device, subject=user.id, reason="changed_meanwhile")
            raise InvalidCredentials
        await self._audit.note(
            AuditKind.LOGGED_IN, device, actor=user.id, subject=user.id, session_id=str(pair.session.id)
        )
        return user, pair

    async def refresh(self, refresh_token: str, device: Device) -> TokenPair:
        """Return new tokens for a refresh token.

        Raises:
            InvalidRefreshToken: it is forged, or its session has ended.
            RefreshTokenReused: it was replaced before; its session has ended because of that.
        """
        try:
            return await self._sessions.refresh(refresh_token)
        except RefreshTokenReused as error:
            if error.user_id is not None:
                self._standings.forget(error.user_id)
                await self._audit.note(
                    AuditKind.REFRESH_TOKEN_REUSED, device, subject=error.user_id, session_id=str(error.session_id)
                )
            raise

    async def find(self, user_id: UserId) -> User:
        """Return an account.

        Raises:
            NotFound: there is none.
        """
        return (await self._credentials(user_id)).user

    async def change_password(self, user_id: UserId, current: str, new: str, device: Device) -> TokenPair:
        """Set another password and end every session; return the tokens of a fresh one for this device.

        API keys stay, as they do with other services: programs know no password, and each key can be revoked by itself.

        Raises:
            InvalidCredentials: the current password is wrong.
            ValidationFailed: the new one is not acceptable.
        """
        credentials = await self._confirm(user_id, current, device, purpose="password_change")
        self._policy.require(new, email=credentials.user.email, field="$.new_password")
        changed = await self._users.set_password(
            user_id, await self._hasher.hash(new), former=credentials.password_hash
        )
        if not changed:  # somebody else did, in the meantime
            raise InvalidCredentials
        await self._end_sessions(user_id, RevocationReason.PASSWORD_CHANGED)
        await self._audit.note(AuditKind.PASSWORD_CHANGED, device, actor=user_id, subject=user_id)
        return await self._open(credentials.user, device)

    async def delete(self, user_id: UserId, password: str, device: Device) -> None:
        """Delete an account and everything that belongs to it.

        Raises:
            InvalidCredentials: the password is wrong.
        """
        await self._confirm(user_id, password, device, purpose="account_deletion")
        await self._users.delete(user_id)
        self._standings.forget(user_id)
        await self._audit.note(AuditKind.ACCOUNT_DELETED, device, actor=user_id, subject=user_id)

    async def sign_out(self, user_id: UserId, session_id: SessionId, device: Device) -> bool:
        """End one session of this user; return whether it was live."""
        ended = await self._end_session(user_id, session_id)
        if ended:
            await self._audit.note(
                AuditKind.SESSION_REVOKED, device, actor=user_id, subject=user_id, session_id=str(session_id)
            )
        return ended

    async def sign_out_others(self, user_id: UserId, keep: SessionId, device: Device) -> int:
        """End every session of this user but ``keep``; return how many."""
        ended = await self._sessions.revoke_others(user_id, keep)
        self._standings.forget(user_id)
        if ended:
            await self._audit.note(
                AuditKind.SESSION_REVOKED, device, actor=user_id, subject=user_id, all_but=str(keep), count=ended
            )
        return ended

    async def _create(self, email: str, password: str, role: Role) -> User:
        address = parse_email(email)
        self._policy.require(password, email=email)
        password_hash = await self._hasher.hash(password)
        return await self._users.create(UserId(new_id()), address, password_hash, role)

    async def _end_session(self, user_id: UserId, session_id: SessionId) -> bool:
        ended = await self._sessions.revoke(session_id, user_id)
        self._standings.forget(user_id)
        return ended

    async def _find(self, email: str) -> Credentials | None:
        try:
            address: EmailAddress = parse_email(email)
        except ValidationFailed:
            return None  # nobody can have such an address
        return await self._users.find_by_email(address)

    async def _credentials(self, user_id: UserId) -> Credentials:
        credentials = await self._users.find(user_id)
        if credentials is None:
            raise NotFound
        return credentials

    async def _confirm(self, user_id: UserId, password: str, device: Device, *, purpose: str) -> Credentials:
        credentials = await self._credentials(user_id)
        verdict = await self._hasher.verify(password, credentials.password_hash)
        if not verdict.is_right:
            await self._audit.note(AuditKind.PASSWORD_REFUSED, device, actor=user_id, subject=user_id, purpose=purpose)
            raise InvalidCredentials
        return credentials

    async def _is_still_right(self, credentials: Credentials, password: str) -> bool:
        """Whether a session that was opened with ``password`` since ``credentials`` were read may stay.

        Who changes a password or disables an account ends its sessions after that. So a session that was opened in
        between is seen by them, or they are seen here.
        """
        present = await self._users.find(credentials.user.id)
        if present is None or present.user.disabled_at is not None:
            return False
        if present.password_hash == credentials.password_hash:
            return True
        # Another one, or the same hashed anew.
        return (await self._hasher.verify(password, present.password_hash)).is_right

    async def _open(self, user: User, device: Device) -> TokenPair:
        return await self._sessions.open(user.id, user_agent=device.user_agent, ip_address=device.ip_address)

    async def _end_sessions(self, user_id: UserId, reason: RevocationReason) -> None:
        await self._sessions.revoke_all(user_id, reason)
        self._standings.forget(user_id)
