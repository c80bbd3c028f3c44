"""Email addresses of accounts: their stored form and their validation."""

import re

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from experiments.translation import gettext
from experiments.validation import shown

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def normalised(email: str) -> str:
    """Return an address in the form in which it is stored: trimmed, in lower case."""
    return email.strip().lower().replace("\x00", "").encode("utf-8", "replace").decode()


def checked(email: str) -> tuple[str, dict[str, str]]:
    """Return an address in its stored form, and its error by field; no error if it is valid."""
    address = normalised(email)
    if not address:
        return address, {"email": gettext("Enter an email address such as anna@example.com.")}
    local, _, domain = address.rpartition("@")
    # Internal names such as admin@localhost are allowed, because no email is sent.
    internal = _HOST.fullmatch(domain) and ("." not in domain or _is_special(domain))
    try:
        validate_email(f"{local}@example.com" if internal else address, check_deliverability=False)
    except EmailNotValidError:
        message = gettext("{address} is not an email address; enter one such as anna@example.com.")
        return address, {"email": message.format(address=shown(address))}
    if len(address) > 254:
        message = gettext("The address has {length} characters; at most 254 are allowed.")
        return address, {"email": message.format(length=len(address))}
    return address, {}


def _is_special(domain: str) -> bool:
    return any(domain == special or domain.endswith(f".{special}") for special in SPECIAL_USE_DOMAIN_NAMES)
