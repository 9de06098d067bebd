"""What administrators do with other people's accounts."""

from deeper_api.accounts.api_keys import ApiKeys
from deeper_api.accounts.audits import NOWHERE, AuditTrail
from deeper_api.accounts.devices import Device
from deeper_api.accounts.service import Accounts
from deeper_api.accounts.standings import Standings
from deeper_api.store.api_keys import NamedKey
from deeper_api.store.audits import AuditKind
from deeper_api.store.people import Account, AccountChange, AccountFigures, Changed, LastAdministrator, PeopleStore
from deeper_api.store.users import UserStore
from deeper_auth import RevocationReason, Session, SessionService
from deeper_core import ApiKeyId, Conflict, NotFound, Role, SessionId, UserId

_LAST = "This is the last administrator of this server. Make another one first."
_ONESELF = "You cannot lock yourself out. Ask another administrator."


class Administrator:
    """Who does something to other accounts, and from where; without a ``user_id``, at the command line."""

    def __init__(self, user_id: UserId | None = None, device: Device = NOWHERE) -> None:
        self.user_id = user_id
        self.device = device


class Oversight:
    """Changes accounts on behalf of administrators, and notes what they do in the audit trail.

    What is changed counts at once in this process, and within five seconds in others. Every method raises NotFound
    where there is no such account, and DatabaseUnavailable.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        people: PeopleStore,
        users: UserStore,
        sessions: SessionService,
        api_keys: ApiKeys,
        standings: Standings,
        audit: AuditTrail,
    ) -> None:
        self._accounts = accounts
        self._people = people
        self._users = users
        self._sessions = sessions
        self._api_keys = api_keys
        self._standings = standings
        self._audit = audit

    async def find(self, user_id: UserId) -> AccountFigures:
        """Return an account with its figures."""
        figures = await self._people.find(user_id)
        if figures is None:
            raise NotFound
        return figures

    async def create(self, email: str, password: str, role: Role, by: Administrator) -> AccountFigures:
        """Make an account, whether or not sign-up is open.

        Raises:
            ValidationFailed: the address or the password is not acceptable.
            EmailTaken: there is such an account.
            Overloaded: too many passwords at once.
        """
        user = await self._accounts.create(email, password, role, by.device, actor=by.user_id)
        return await self.find(user.id)

    async def change(self, user_id: UserId, change: AccountChange, by: Administrator) -> AccountFigures:
        """Change an account. One that is disabled loses its sessions and its running generations.

        Raises:
            Conflict: nobody would be left who administers this server, or it is oneself who could no longer.
        """
        if user_id == by.user_id and (change.disabled or change.role not in {None, Role.ADMIN}):
            raise Conflict(_ONESELF)
        try:
            changed = await self._people.change(user_id, change)
        except LastAdministrator as error:
            raise Conflict(_LAST) from error
        if changed is None:
            raise NotFound
        if changed.after.disabled_at is not None:
            await self._users.stop_generations(user_id)
            await self._sessions.revoke_all(user_id, RevocationReason.ACCOUNT_DISABLED)
        self._forget(user_id)
        await self._note(changed, by)
        return await self.find(user_id)

    async def delete(self, user_id: UserId, by: Administrator) -> None:
        """Delete an account and all that belongs to it.

        Raises:
            Conflict: it is the last administrator's, or one's own.
        """
        if user_id == by.user_id:
            raise Conflict(_ONESELF)
        await self._users.stop_generations(user_id)
        try:
            deleted = await self._people.remove(user_id)
        except LastAdministrator as error:
            raise Conflict(_LAST) from error
        if not deleted:
            raise NotFound
        self._forget(user_id)
        await self._audit.note(AuditKind.ACCOUNT_DELETED, by.device, actor=by.user_id, subject=user_id)

    async def sessions(self, user_id: UserId) -> tuple[Session, ...]:
        """Return the live sessions, the newest sign-in first."""
        return await self._sessions.list_live((await self.find(user_id)).id)

    async def end_session(self, user_id: UserId, session_id: SessionId, by: Administrator) -> None:
        """End a live session; NotFound if there is none."""
        ended = await self._sessions.revoke(session_id, user_id)
        self._standings.forget(user_id)
        if not ended:
            raise NotFound
        await self._note_sign_out(user_id, by, session_id=str(session_id))

    async def end_sessions(self, user_id: UserId, by: Administrator) -> int:
        """End every session; return how many there were."""
        ended = await self._sessions.revoke_all((await self.find(user_id)).id)
        self._standings.forget(user_id)
        if ended:
            await self._note_sign_out(user_id, by, count=ended)
        return ended

    async def keys(self, user_id: UserId) -> tuple[NamedKey, ...]:
        """Return the API keys that were not revoked, the newest first."""
        return await self._api_keys.list_kept((await self.find(user_id)).id)

    async def revoke_key(self, user_id: UserId, key_id: ApiKeyId, by: Administrator) -> None:
        """End an API key; NotFound if there is none."""
        if not await self._api_keys.revoke(user_id, key_id, by.device, actor=by.user_id):
            raise NotFound

    def _forget(self, user_id: UserId) -> None:
        self._standings.forget(user_id)
        self._api_keys.forget(user_id)

    async def _note_sign_out(self, user_id: UserId, by: Administrator, **details: object) -> None:
        kind = AuditKind.SESSION_REVOKED
        await self._audit.note(kind, by.device, actor=by.user_id, subject=user_id, **details)

    async def _note(self, changed: Changed, by: Administrator) -> None:
        """Note what has become different."""
        for kind, details in _differences(changed.before, changed.after).items():
            await self._audit.note(kind, by.device, actor=by.user_id, subject=changed.after.id, **details)


def _differences(before: Account, after: Account) -> dict[AuditKind, dict[str, object]]:
    found: dict[AuditKind, dict[str, object]] = {}
    if before.role is not after.role:
        found[AuditKind.ROLE_CHANGED] = {"role": after.role.value}
    if (before.disabled_at is None) != (after.disabled_at is None):
        found[AuditKind.ACCOUNT_DISABLED if after.disabled_at else AuditKind.ACCOUNT_ENABLED] = {}
    if before.tokens_per_day != after.tokens_per_day:
        found[AuditKind.QUOTA_CHANGED] = {"tokens_per_day": after.tokens_per_day}
    return found
