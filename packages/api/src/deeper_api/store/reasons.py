"""Why the database cannot be reached, in words that hold nothing of its address.

libpq gives no codes for a connection that fails, only a text, in which it quotes parts of the address; a password that
is not escaped may be among them. So the text is looked at and never shown.
"""

from typing import Final

import psycopg

from deeper_core import DatabaseUnavailable

UNREADABLE: Final = (
    "is neither a PostgreSQL URL nor a key-value DSN: in a URL, what is special in a password is written as %40 for @, "
    "and options are those of libpq"
)

_REASONS: Final = {
    "password authentication failed": "its user or password is wrong",
    "no password supplied": "it wants a password",
    "no pg_hba.conf entry": "it does not let this user in from this machine",
    'role "': "it does not know this user",
    'database "': "it has no database of this name",
    "too many clients": "it has no connection left",
    "too many connections": "it has no connection left",
    "starting up": "it is still starting",
    "shutting down": "it is shutting down",
    "Connection refused": "nothing listens at its address",
    "No such file": "there is no socket at its address",
    "could not translate host name": "its host is not known",
    "Name or service not known": "its host is not known",
    "failed to resolve host": "its host is not known",
    "timeout expired": "its host does not answer",
    "No route to host": "its host cannot be reached",
    "invalid port number": "its address has a port that is none",
    "invalid sslmode value": "its address has an sslmode that is none",
    "invalid integer value": "its address has an option that is no number",
    "SSL": "encryption with it fails",
    "certificate": "encryption with it fails",
}


def why_unreachable(error: DatabaseUnavailable) -> str:
    """Return a clause that says why, from what caused ``error``."""
    cause = error.__cause__
    if not isinstance(cause, psycopg.Error):
        return "it does not answer"
    text = str(cause)
    return next((reason for part, reason in _REASONS.items() if part in text), "it does not answer")
