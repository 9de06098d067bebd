"""Passwords, access tokens and rotating refresh sessions, without a server or a database."""

from deeper_auth.access_tokens import AccessClaims, AccessTokenPolicy, AccessTokens, parse_bearer
from deeper_auth.api_keys import ApiKey, new_api_key, parse_api_key
from deeper_auth.argon2id import Argon2Cost, Argon2id
from deeper_auth.clocks import Clock, ManualClock, system_clock
from deeper_auth.cookies import RefreshCookie
from deeper_auth.emails import EmailAddress, parse_email
from deeper_auth.keys import KeyPurpose, KeyRing, SigningKey
from deeper_auth.password_policies import PasswordPolicy
from deeper_auth.passwords import HashScheme, PasswordHasher, PasswordVerdict
from deeper_auth.refresh_tokens import RefreshTicket, RefreshTokens, RefreshVerdict, decide
from deeper_auth.session_services import SessionService, TokenPair
from deeper_auth.session_stores import MemorySessionStore, NewSession, Rotation, SessionStore
from deeper_auth.sessions import RevocationReason, Session, SessionPolicy

__all__ = [
    "AccessClaims",
    "AccessTokenPolicy",
    "AccessTokens",
    "ApiKey",
    "Argon2Cost",
    "Argon2id",
    "Clock",
    "EmailAddress",
    "HashScheme",
    "KeyPurpose",
    "KeyRing",
    "ManualClock",
    "MemorySessionStore",
    "NewSession",
    "PasswordHasher",
    "PasswordPolicy",
    "PasswordVerdict",
    "RefreshCookie",
    "RefreshTicket",
    "RefreshTokens",
    "RefreshVerdict",
    "RevocationReason",
    "Rotation",
    "Session",
    "SessionPolicy",
    "SessionService",
    "SessionStore",
    "SigningKey",
    "TokenPair",
    "decide",
    "new_api_key",
    "parse_api_key",
    "parse_bearer",
    "parse_email",
    "system_clock",
]
