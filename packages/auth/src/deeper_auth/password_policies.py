"""Which passwords may be chosen (NIST SP 800-63B-4 section 3.1.1, OWASP ASVS 5.0 section 6.2).

Length counts, composition does not: no rule asks for digits or capitals, and none asks for a change from time to time.
"""

import unicodedata
from functools import cache
from importlib.resources import files
from typing import Annotated

from msgspec import Meta, Struct

from deeper_auth.passwords import MAX_MARKS, MAX_PASSWORD_LENGTH, normalise
from deeper_core.errors import ErrorDetail, ValidationFailed


class PasswordPolicy(Struct, frozen=True, kw_only=True):
    """The rules for new passwords. ``min_length`` counts code points after NFC.

    8 is the least that ASVS allows; it, and NIST for passwords without a second factor, recommends 15.
    """

    min_length: Annotated[int, Meta(ge=8, le=64)] = 8

    def faults(self, password: str, *, email: str | None = None, field: str = "$.password") -> tuple[ErrorDetail, ...]:
        """Return what is wrong with ``password``, each as a detail at ``field``; nothing, if it may be chosen."""
        normalised = normalise(password)
        if normalised is None:
            message = (
                f"A password is valid Unicode: at most {MAX_PASSWORD_LENGTH} letters, with {MAX_MARKS} marks each."
            )
            return (ErrorDetail(message=message, field=field),)
        messages: list[str] = []
        if len(normalised) < self.min_length:
            messages.append(f"A password has at least {self.min_length} characters.")
        if any(unicodedata.category(character) == "Cc" for character in normalised):
            messages.append("A password holds no control characters.")
        if normalised.lower() in common_passwords():
            messages.append("This password is one of the most common ones, which are tried first.")
        if email is not None and normalised.casefold() == unicodedata.normalize("NFC", email).casefold():
            messages.append("A password must not be the e-mail address.")
        return tuple(ErrorDetail(message=message, field=field) for message in messages)

    def require(self, password: str, *, email: str | None = None, field: str = "$.password") -> None:
        """Let ``password`` pass.

        Raises:
            ValidationFailed: it may not be chosen; the details say why, and never repeat it.
        """
        faults = self.faults(password, email=email, field=field)
        if faults:
            raise ValidationFailed(details=faults)


@cache
def common_passwords() -> frozenset[str]:
    """Return the bundled list, in lower case; ``common-passwords-licence.txt`` says where it is from."""
    return frozenset(files("deeper_auth").joinpath("common-passwords.txt").read_text("utf-8").splitlines())
