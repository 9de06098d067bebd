"""E-mail addresses: which are accepted, and when two of them are the same."""

from typing import Final

from email_validator import EmailNotValidError, validate_email
from msgspec import Struct

from deeper_core.errors import ErrorDetail, ValidationFailed

# RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.3: a path of 256 octets holds the angle brackets too.
MAX_LOCAL_LENGTH: Final = 64
MAX_EMAIL_LENGTH: Final = 254


class EmailAddress(Struct, frozen=True, kw_only=True):
    """An address as it was written, and the ``key`` by which accounts are told apart.

    The key is lower case with the domain in punycode. A domain ignores case by its standard; a local part may not, but
    nearly every mail server does, and two accounts that differ by case only serve nobody but an impostor.
    """

    original: str
    key: str


def parse_email(text: str, *, field: str = "$.email") -> EmailAddress:
    """Return the address that ``text`` is, without asking any server about it.

    Accepted are ASCII local parts at any domain name, also an international one.

    Raises:
        ValidationFailed: it is not such an address; ``field`` says where it stood.
    """
    # email-validator measures the address as it is sent, too, but not before it has read all of the text.
    if len(text) > MAX_EMAIL_LENGTH:
        raise _refusal(f"An e-mail address has at most {MAX_EMAIL_LENGTH} characters.", field)
    try:
        parsed = validate_email(text, allow_smtputf8=False, check_deliverability=False)
    except EmailNotValidError as error:
        raise _refusal("This is not an e-mail address that can be used here.", field) from error
    address = parsed.ascii_email
    if address is None or len(parsed.local_part) > MAX_LOCAL_LENGTH:
        raise _refusal(f"An e-mail address has at most {MAX_LOCAL_LENGTH} characters before the @ sign.", field)
    return EmailAddress(original=text, key=address.lower())


def _refusal(message: str, field: str) -> ValidationFailed:
    return ValidationFailed(details=(ErrorDetail(message=message, field=field),))
