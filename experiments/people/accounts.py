"""People: their accounts, passwords and roles, and the one-time link that makes the first of them."""

import hashlib
import hmac
import re
import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from experiments.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from experiments.people.passwords import easily_guessed
from experiments.storage import audit
from experiments.storage.tables import Account, SetupToken, utc_now
from experiments.validation import shown

ROLES = ("admin", "marketer", "analyst")
"""From the most rights to the fewest: an analyst reads everything and changes nothing."""

MIN_PASSWORD = 10
MAX_PASSWORD = 256

_hasher = PasswordHasher()
_TOKEN_ROW = 1
_EASY_TO_READ = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is taken for another when it is read out
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def create_account(
    session: Session, *, email: str, role: str, password: str, name: str = "", actor: str = "cli"
) -> Account:
    """Make an account.

    Raises
    ------
    InvalidError
        The address, the role, the password or the name is out of bounds; ``fields`` names each.
    ConflictError
        The address has an account already.
    """
    email, faults = _checked_email(email)
    if role not in ROLES:
        faults["role"] = f"{shown(role)} is no role; choose one of {', '.join(ROLES)}."
    faults |= password_faults(password, email)
    name = " ".join(name.split())
    if len(name) > 100 or not (name.isprintable()):
        faults["name"] = f"The name has {len(name)} characters; at most 100 printable ones are allowed."
    if faults:
        raise InvalidError(" ".join(faults.values()), fields=faults)
    hashed = _hasher.hash(password.encode("utf-8", "replace"))
    account = Account(email=email, name=name, role=role, password_hash=hashed)
    session.add(account)
    try:
        session.flush()
    except IntegrityError:
        message = f"There is an account for {email} already; use another address."
        raise ConflictError(message, fields={"email": message}) from None
    audit.record(session, actor=actor, action="account:create", account=account.id, email=email, role=role)
    return account


def password_faults(password: str, email: str = "") -> dict[str, str]:
    """What is wrong with a new password, by field; nothing where it will do."""
    if not password:
        return {"password": f"The password is empty; choose one of at least {MIN_PASSWORD} characters."}
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        bound = f"{MIN_PASSWORD} to {MAX_PASSWORD} are needed"
        counted = f"{len(password)} character{'' if len(password) == 1 else 's'}"
        return {"password": f"The password has {counted}; {bound}. Choose another."}
    if easily_guessed(password, email):
        told = "The password is among the first that anybody would guess; a few plain words in a row are better."
        return {"password": told}
    return {}


def authenticate(session: Session, email: str, password: str) -> Account | None:
    """The account of this address and password, or nothing.

    An unknown address costs as much time as a wrong password, so that the time does not tell who has an account.
    """
    account = session.exec(select(Account).where(Account.email == _normalised(email))).first()
    usable = account is not None and account.disabled_at is None
    stored = account.password_hash if account is not None and usable else _nobodys_hash()
    given = password[: MAX_PASSWORD + 1].encode("utf-8", "replace")
    try:
        _hasher.verify(stored, given)
    except (VerificationError, InvalidHashError):
        return None
    if account is None or not usable or len(password) > MAX_PASSWORD:
        return None
    return account


def get_account(session: Session, account_id: int) -> Account | None:
    """The account of this id, unless it was disabled."""
    account = session.get(Account, account_id)
    return account if account is not None and account.disabled_at is None else None


def list_accounts(session: Session) -> list[Account]:
    """Every account, in the order in which they were made."""
    return list(session.exec(select(Account).order_by(Account.id)))  # type: ignore[arg-type]


def disable_account(session: Session, account_id: int, *, actor: str) -> Account:
    """Let somebody in no more; disabling an account again changes nothing.

    Raises
    ------
    NotFoundError
        No account has this id.
    ConflictError
        It is the last admin's.
    """
    account = _account(session, account_id)
    if account.disabled_at is None:
        _keep_an_admin(session, account)
        account.disabled_at = utc_now()
        session.add(account)
        audit.record(session, actor=actor, action="account:disable", account=account.id, email=account.email)
    return account


def enable_account(session: Session, account_id: int, *, actor: str) -> Account:
    """Let somebody in again, with the password that they had; raises NotFoundError as :func:`disable_account`."""
    account = _account(session, account_id)
    if account.disabled_at is not None:
        account.disabled_at = None
        session.add(account)
        audit.record(session, actor=actor, action="account:enable", account=account.id, email=account.email)
    return account


def change_role(session: Session, account_id: int, role: str, *, actor: str) -> Account:
    """Give an account another role; the one that it has already changes nothing.

    Raises
    ------
    NotFoundError
        No account has this id.
    InvalidError
        There is no such role.
    ConflictError
        It would leave nobody who looks after accounts.
    """
    account = _account(session, account_id)
    if role not in ROLES:
        message = f"{shown(role)} is no role; choose one of {', '.join(ROLES)}."
        raise InvalidError(message, fields={"role": message})
    if account.role != role:
        _keep_an_admin(session, account)
        account.role = role
        session.add(account)
        audit.record(session, actor=actor, action="account:role", account=account.id, email=account.email, role=role)
    return account


def new_password(session: Session, account_id: int, *, actor: str) -> tuple[Account, str]:
    """Make a password for somebody who forgot theirs; it is returned in plain, the only time that it can be seen.

    Raises
    ------
    NotFoundError
        No account has this id.
    """
    account = _account(session, account_id)
    groups = ("".join(secrets.choice(_EASY_TO_READ) for _ in range(4)) for _ in range(5))
    plain = "-".join(groups)
    _set_password(session, account, plain, actor, "account:new_password")
    return account, plain


def set_password(session: Session, email: str, password: str, *, actor: str) -> Account:
    """Give the account of an address the password that is named; whoever may ask for this needs no present one.

    Raises
    ------
    NotFoundError
        No account has this address.
    InvalidError
        The password will not do.
    """
    account = session.exec(select(Account).where(Account.email == _normalised(email))).first()
    if account is None:
        raise NotFoundError(f"There is no account for {shown(email)}; klette user list names them all.")
    faults = password_faults(password, account.email)
    if faults:
        raise InvalidError(" ".join(faults.values()), fields=faults)
    _set_password(session, account, password, actor, "account:new_password")
    return account


def change_password(session: Session, account_id: int, *, current: str, new: str, actor: str) -> Account:
    """Give an account another password; its owner must know the present one.

    Raises
    ------
    NotFoundError
        No account that may log in has this id.
    InvalidError
        The present password is wrong, or the new one will not do; ``fields`` names each.
    """
    account = get_account(session, account_id)
    if account is None:
        raise NotFoundError(f"There is no account with the id {shown(account_id)}; log in again.")
    fault = password_faults(new, account.email).get("password")
    faults = {"new": fault} if fault else {}
    if authenticate(session, account.email, current) is None:
        faults["current"] = "This is not your present password. Please type it again."
    if faults:
        raise InvalidError(" ".join(faults.values()), fields=faults)
    _set_password(session, account, new, actor, "account:password")
    return account


def session_mark(account: Account) -> str:
    """What a session carries of the password that it was begun with: another password ends it."""
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:16]


def any_account(session: Session) -> bool:
    """Whether somebody can log in already."""
    return session.exec(select(Account.id).limit(1)).first() is not None


def issue_setup_token(session: Session) -> str:
    """A new one-time token for the first admin, in plain; an earlier unused one stops working.

    Raises
    ------
    ConflictError
        Somebody has an account already.
    """
    if any_account(session):
        raise ConflictError("Somebody has an account already; they can add more people under Settings.")
    plain = secrets.token_urlsafe(24)
    row = session.get(SetupToken, _TOKEN_ROW) or SetupToken(id=_TOKEN_ROW, token_hash="")
    row.token_hash, row.created_at, row.used_at = _token_hash(plain), utc_now(), None
    session.add(row)
    session.flush()
    return plain


def check_setup_token(session: Session, token: str) -> bool:
    """Whether the set-up link still works."""
    row = session.get(SetupToken, _TOKEN_ROW)
    return _usable(row, token) and not any_account(session)


def redeem_setup_token(session: Session, token: str, *, email: str, password: str, name: str = "") -> Account:
    """Make the first admin with the set-up token, once.

    Raises
    ------
    ForbiddenError
        The token is wrong, was used, or somebody has an account already.
    InvalidError
        As :func:`create_account`; the token stays usable.
    """
    # The row lock makes a second click on the same link wait, and then find the token used.
    row = session.exec(select(SetupToken).where(SetupToken.id == _TOKEN_ROW).with_for_update()).first()
    if not _usable(row, token) or any_account(session):
        raise ForbiddenError("This set-up link was used or replaced; log in, or restart Klette for a new link.")
    account = create_account(session, email=email, role="admin", password=password, name=name, actor="setup")
    assert row is not None
    row.used_at = utc_now()
    session.add(row)
    return account


def _account(session: Session, account_id: int) -> Account:
    account = session.get(Account, account_id) if 0 < account_id < 2**31 else None
    if account is None:
        raise NotFoundError(f"There is no account with the id {shown(account_id)}; look it up under Settings.")
    return account


def _keep_an_admin(session: Session, account: Account) -> None:
    """Refuse to lose the last admin who can log in."""
    # Locked, so that two admins who take each other's role at once do not both succeed.
    admins = select(Account.id).where(Account.role == "admin", col(Account.disabled_at).is_(None)).with_for_update()
    if list(session.exec(admins)) == [account.id]:
        raise ConflictError(
            f"{account.email} is the last admin; make somebody else an admin first, so that one is left to look after "
            "accounts."
        )


def _set_password(session: Session, account: Account, plain: str, actor: str, action: str) -> None:
    account.password_hash = _hasher.hash(plain.encode("utf-8", "replace"))
    session.add(account)
    audit.record(session, actor=actor, action=action, account=account.id, email=account.email)


def _usable(row: SetupToken | None, token: str) -> bool:
    if row is None or row.used_at is not None:
        return False
    return hmac.compare_digest(row.token_hash, _token_hash(token))


def _token_hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _normalised(email: str) -> str:
    return email.strip().lower().replace("\x00", "").encode("utf-8", "replace").decode()


def _checked_email(email: str) -> tuple[str, dict[str, str]]:
    address = _normalised(email)
    if not address:
        return address, {"email": "The e-mail address is empty; write one such as anna@example.com."}
    local, _, domain = address.rpartition("@")
    # In-house names such as admin@localhost are as good as public ones: nothing is ever sent there.
    in_house = _HOST.fullmatch(domain) and ("." not in domain or _is_special(domain))
    try:
        validate_email(f"{local}@example.com" if in_house else address, check_deliverability=False)
    except EmailNotValidError:
        message = f"{shown(address)} is no e-mail address; write one such as anna@example.com."
        return address, {"email": message}
    if len(address) > 254:
        return address, {"email": f"The address has {len(address)} characters; at most 254 are allowed."}
    return address, {}


def _is_special(domain: str) -> bool:
    return any(domain == special or domain.endswith(f".{special}") for special in SPECIAL_USE_DOMAIN_NAMES)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_bytes(32))
