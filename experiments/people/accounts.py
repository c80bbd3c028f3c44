"""Accounts: passwords, the role in a project, and the one-time link that creates the first account."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from experiments.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from experiments.people.passwords import easily_guessed
from experiments.storage import audit
from experiments.storage.tables import DEFAULT_PROJECT_ID, Account, Membership, SetupToken, utc_now
from experiments.validation import shown

ROLES = ("admin", "marketer", "analyst")
"""From the most rights to the fewest; an analyst reads everything and changes nothing."""

MIN_PASSWORD = 10
MAX_PASSWORD = 256

_hasher = PasswordHasher()
_TOKEN_ROW = 1
_EASY_TO_READ = "abcdefghjkmnpqrstuvwxyz23456789"  # no two characters that are confused when read aloud
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class User:
    """An account with its role in one project."""

    id: int
    project_id: int
    email: str
    name: str
    role: str
    password_hash: str
    created_at: datetime
    disabled_at: datetime | None


def create_account(
    session: Session,
    *,
    email: str,
    role: str,
    password: str,
    name: str = "",
    actor: str = "cli",
    project_id: int = DEFAULT_PROJECT_ID,
) -> User:
    """Create an account with a role in the project.

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
    account = Account(email=email, name=name, password_hash=hashed)
    session.add(account)
    try:
        session.flush()
    except IntegrityError:
        message = f"There is an account for {email} already; use another address."
        raise ConflictError(message, fields={"email": message}) from None
    membership = Membership(project_id=project_id, account_id=account.id or 0, role=role)
    session.add(membership)
    session.flush()
    audit.record(session, actor=actor, action="account:create", account=account.id, email=email, role=role)
    return _user(account, membership)


def password_faults(password: str, email: str = "") -> dict[str, str]:
    """Return what is wrong with a new password, by field; nothing where it is acceptable."""
    if not password:
        return {"password": f"The password is empty; choose one of at least {MIN_PASSWORD} characters."}
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        bound = f"{MIN_PASSWORD} to {MAX_PASSWORD} are needed"
        counted = f"{len(password)} character{'' if len(password) == 1 else 's'}"
        return {"password": f"The password has {counted}; {bound}. Choose another."}
    if easily_guessed(password, email):
        return {"password": "The password is easily guessed; a few plain words in a row are better."}
    return {}


def authenticate(session: Session, email: str, password: str, project_id: int = DEFAULT_PROJECT_ID) -> User | None:
    """Return the user of this address and password, or None.

    An unknown address takes as long as a wrong password, so that the time does not reveal who has an account.
    """
    found = _find(session, project_id, Account.email == _normalised(email))
    usable = found is not None and found[0].disabled_at is None
    stored = found[0].password_hash if found is not None and usable else _hash_of_no_password()
    given = password[: MAX_PASSWORD + 1].encode("utf-8", "replace")
    try:
        _hasher.verify(stored, given)
    except (VerificationError, InvalidHashError):
        return None
    if found is None or not usable or len(password) > MAX_PASSWORD:
        return None
    return _user(*found)


def get_account(session: Session, account_id: int, project_id: int = DEFAULT_PROJECT_ID) -> User | None:
    """Return the user of this id, unless the account is disabled."""
    found = _find(session, project_id, col(Account.id) == account_id, col(Account.disabled_at).is_(None))
    return None if found is None else _user(*found)


def list_accounts(session: Session, project_id: int = DEFAULT_PROJECT_ID) -> list[User]:
    """Return every account of the project, the oldest first."""
    query = _accounts_of(project_id).order_by(col(Account.id))
    return [_user(account, membership) for account, membership in session.exec(query)]


def disable_account(session: Session, account_id: int, *, actor: str, project_id: int = DEFAULT_PROJECT_ID) -> User:
    """Refuse further logins; disabling an account again changes nothing.

    Raises
    ------
    NotFoundError
        No account has this id.
    ConflictError
        It is the last admin's.
    """
    account, membership = _get(session, project_id, account_id)
    if account.disabled_at is None:
        _keep_an_admin(session, account, membership)
        account.disabled_at = utc_now()
        session.add(account)
        audit.record(session, actor=actor, action="account:disable", account=account.id, email=account.email)
    return _user(account, membership)


def enable_account(session: Session, account_id: int, *, actor: str, project_id: int = DEFAULT_PROJECT_ID) -> User:
    """Allow logins again, with the password as it was; raises NotFoundError as :func:`disable_account`."""
    account, membership = _get(session, project_id, account_id)
    if account.disabled_at is not None:
        account.disabled_at = None
        session.add(account)
        audit.record(session, actor=actor, action="account:enable", account=account.id, email=account.email)
    return _user(account, membership)


def change_role(
    session: Session, account_id: int, role: str, *, actor: str, project_id: int = DEFAULT_PROJECT_ID
) -> User:
    """Give an account another role in the project; the one that it has already changes nothing.

    Raises
    ------
    NotFoundError
        No account has this id.
    InvalidError
        There is no such role.
    ConflictError
        The project would have no admin.
    """
    account, membership = _get(session, project_id, account_id)
    if role not in ROLES:
        message = f"{shown(role)} is no role; choose one of {', '.join(ROLES)}."
        raise InvalidError(message, fields={"role": message})
    if membership.role != role:
        _keep_an_admin(session, account, membership)
        membership.role = role
        session.add(membership)
        audit.record(session, actor=actor, action="account:role", account=account.id, email=account.email, role=role)
    return _user(account, membership)


def new_password(
    session: Session, account_id: int, *, actor: str, project_id: int = DEFAULT_PROJECT_ID
) -> tuple[User, str]:
    """Replace a forgotten password by a random one, which is returned in plain: the only time that it can be seen.

    Raises
    ------
    NotFoundError
        No account has this id.
    """
    account, membership = _get(session, project_id, account_id)
    groups = ("".join(secrets.choice(_EASY_TO_READ) for _ in range(4)) for _ in range(5))
    plain = "-".join(groups)
    _set_password(session, account, plain, actor, "account:new_password")
    return _user(account, membership), plain


def set_password(
    session: Session, email: str, password: str, *, actor: str, project_id: int = DEFAULT_PROJECT_ID
) -> User:
    """Set the password of an address without asking for the current one.

    Raises
    ------
    NotFoundError
        No account has this address.
    InvalidError
        The password is not acceptable.
    """
    found = _find(session, project_id, Account.email == _normalised(email))
    if found is None:
        raise NotFoundError(f"There is no account for {shown(email)}; klette user list shows them all.")
    account, membership = found
    faults = password_faults(password, account.email)
    if faults:
        raise InvalidError(" ".join(faults.values()), fields=faults)
    _set_password(session, account, password, actor, "account:new_password")
    return _user(account, membership)


def change_password(
    session: Session, account_id: int, *, current: str, new: str, actor: str, project_id: int = DEFAULT_PROJECT_ID
) -> User:
    """Change a password; its owner must give the current one.

    Raises
    ------
    NotFoundError
        No account that may log in has this id.
    InvalidError
        The current password is wrong, or the new one is not acceptable; ``fields`` names each.
    """
    found = _find(session, project_id, col(Account.id) == account_id, col(Account.disabled_at).is_(None))
    if found is None:
        raise NotFoundError(f"There is no account with the id {shown(account_id)}; log in again.")
    account, membership = found
    fault = password_faults(new, account.email).get("password")
    faults = {"new": fault} if fault else {}
    if authenticate(session, account.email, current, project_id) is None:
        faults["current"] = "This is not your current password. Type it again."
    if faults:
        raise InvalidError(" ".join(faults.values()), fields=faults)
    _set_password(session, account, new, actor, "account:password")
    return _user(account, membership)


def session_mark(user: User) -> str:
    """Return what a session keeps of the password that it was begun with: another password ends it."""
    return hashlib.sha256(user.password_hash.encode()).hexdigest()[:16]


def any_account(session: Session) -> bool:
    """Whether there is an account."""
    return session.exec(select(Account.id).limit(1)).first() is not None


def issue_setup_token(session: Session) -> str:
    """A new one-time token for the first admin, in plain; an earlier unused one stops working.

    Raises
    ------
    ConflictError
        There is an account already.
    """
    if any_account(session):
        raise ConflictError("There is an account already; its owner can add more people under Settings.")
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


def redeem_setup_token(session: Session, token: str, *, email: str, password: str, name: str = "") -> User:
    """Create the first admin with the set-up token, once.

    Raises
    ------
    ForbiddenError
        The token is wrong or was used, or there is an account already.
    InvalidError
        As :func:`create_account`; the token stays usable.
    """
    # The row lock makes a second click on the same link wait until the token is marked as used.
    row = session.exec(select(SetupToken).where(SetupToken.id == _TOKEN_ROW).with_for_update()).first()
    if not _usable(row, token) or any_account(session):
        raise ForbiddenError("This set-up link was used or replaced; log in, or restart Klette for a new link.")
    account = create_account(session, email=email, role="admin", password=password, name=name, actor="setup")
    assert row is not None
    row.used_at = utc_now()
    session.add(row)
    return account


def _accounts_of(project_id: int) -> Select[Account, Membership]:
    joined = select(Account, Membership).join(Membership, col(Membership.account_id) == col(Account.id))
    return joined.where(Membership.project_id == project_id)


def _find(
    session: Session, project_id: int, *conditions: ColumnElement[bool] | bool
) -> tuple[Account, Membership] | None:
    return session.exec(_accounts_of(project_id).where(*conditions)).first()


def _get(session: Session, project_id: int, account_id: int) -> tuple[Account, Membership]:
    found = _find(session, project_id, col(Account.id) == account_id) if 0 < account_id < 2**31 else None
    if found is None:
        raise NotFoundError(f"There is no account with the id {shown(account_id)}; look it up under Settings.")
    return found


def _user(account: Account, membership: Membership) -> User:
    return User(
        id=account.id or 0,
        project_id=membership.project_id,
        email=account.email,
        name=account.name,
        role=membership.role,
        password_hash=account.password_hash,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
    )


def _keep_an_admin(session: Session, account: Account, membership: Membership) -> None:
    """Refuse to lose the project's last admin who can log in."""
    # Locked, so that two admins who take each other's role at the same moment do not both succeed.
    admins = (
        select(Membership.account_id)
        .join(Account, col(Account.id) == col(Membership.account_id))
        .where(
            Membership.project_id == membership.project_id,
            Membership.role == "admin",
            col(Account.disabled_at).is_(None),
        )
        .with_for_update()
    )
    if list(session.exec(admins)) == [account.id]:
        raise ConflictError(f"{account.email} is the last admin; give someone else the role of admin first.")


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
    # In-house names such as admin@localhost are allowed: no e-mail is ever sent.
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
def _hash_of_no_password() -> str:
    return _hasher.hash(secrets.token_bytes(32))
