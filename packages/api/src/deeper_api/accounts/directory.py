"""The accounts of one database with all that serves them, put together."""

from datetime import timedelta

from msgspec import Struct
from opentelemetry.metrics import Meter

from deeper_api.accounts.administration import Administration
from deeper_api.accounts.api_keys import ApiKeys
from deeper_api.accounts.audits import AuditTrail
from deeper_api.accounts.oversight import Oversight
from deeper_api.accounts.service import Accounts
from deeper_api.accounts.standings import Standings
from deeper_api.config import AppConfig
from deeper_api.store.api_keys import ApiKeyStore
from deeper_api.store.audits import AuditStore
from deeper_api.store.people import PeopleStore
from deeper_api.store.pool import Pool
from deeper_api.store.sessions import PostgresSessionStore
from deeper_api.store.users import UserStore
from deeper_auth import (
    AccessTokenPolicy,
    AccessTokens,
    Argon2Cost,
    Argon2id,
    KeyRing,
    PasswordHasher,
    PasswordPolicy,
    RefreshTokens,
    SessionPolicy,
    SessionService,
    SessionStore,
)


class Directory(Struct, frozen=True, kw_only=True):
    """Accounts with their administration, sessions and API keys. ``hasher`` owns two threads and is to be closed."""

    accounts: Accounts
    administration: Administration
    api_keys: ApiKeys
    users: UserStore
    audit: AuditTrail
    audits: AuditStore
    people: PeopleStore
    oversight: Oversight
    key_store: ApiKeyStore
    sessions: SessionService
    store: SessionStore
    standings: Standings
    hasher: PasswordHasher


def create_directory(config: AppConfig, pool: Pool, keys: KeyRing, *, meter: Meter | None = None) -> Directory:
    """Return the directory over ``pool``, whose tokens are signed with ``keys``; ``meter`` counts its events."""
    users, store, key_store = UserStore(pool), PostgresSessionStore(pool), ApiKeyStore(pool)
    standings = Standings(store)
    audits = AuditStore(pool)
    audit = AuditTrail(audits, meter)
    sessions = SessionService(
        store,
        AccessTokens(
            keys,
            AccessTokenPolicy(
                issuer=config.jwt.issuer,
                audience=config.jwt.audience,
                lifetime=timedelta(minutes=config.jwt.access_minutes),
            ),
        ),
        RefreshTokens(keys),
        SessionPolicy(
            idle=timedelta(days=config.auth.session_idle_days), absolute=timedelta(days=config.auth.session_days)
        ),
    )
    hasher = PasswordHasher(
        Argon2id(Argon2Cost(memory=config.auth.argon2_memory_kib, passes=config.auth.argon2_time_cost))
    )
    policy = PasswordPolicy(min_length=config.auth.password_min_length)
    accounts = Accounts(
        users=users,
        sessions=sessions,
        standings=standings,
        hasher=hasher,
        policy=policy,
        audit=audit,
        open_to_all=config.auth.signup,
    )
    api_keys, people = ApiKeys(key_store, audit), PeopleStore(pool)
    return Directory(
        accounts=accounts,
        administration=Administration(users=users, sessions=sessions, hasher=hasher, policy=policy, audit=audit),
        api_keys=api_keys,
        users=users,
        audit=audit,
        audits=audits,
        people=people,
        oversight=Oversight(
            accounts=accounts,
            people=people,
            users=users,
            sessions=sessions,
            api_keys=api_keys,
            standings=standings,
            audit=audit,
        ),
        key_store=key_store,
        sessions=sessions,
        store=store,
        standings=standings,
        hasher=hasher,
    )
