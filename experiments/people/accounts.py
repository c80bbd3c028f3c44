"""Accounts: passwords and the role in a project."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from experiments.errors import ConflictError, InvalidError, NotFoundError
from experiments.people.addresses import checked, normalised
from experiments.people.passwords import easily_guessed
from experiments.storage import audit
from experiments.storage.tables import DEFAULT_PROJECT_ID, Account, Membership, utc_now
from experiments.translation import gettext, ngettext
from experiments.validation import shown

ROLES = ("admin", "marketer", "analyst")
"""From the most to the fewest rights; an analyst can read everything and change nothing."""

MIN_PASSWORD = 10
MAX_PASSWORD = 256

_hasher = PasswordHasher()
_EASY_TO_READ = "abcdefghjkmnpqrstuvwxyz23456789"  # without characters that look alike


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
        The address, role, password or name is not valid; ``fields`` has a message for each.
    ConflictError
        The address already has an account.
    """
    email, errors = checked(email)
    if role not in ROLES:
        errors["role"] = _role_error(role)
    errors |= password_errors(password, email)
    name = " ".join(name.split())
    if len(name) > 100 or not (name.isprintable()):
        message = gettext("The name has {length} characters; at most 100 printable ones are allowed.")
        errors["name"] = message.format(length=len(name))
    if errors:
        raise InvalidError(" ".join(errors.values()), fields=errors)
    hashed = _hasher.hash(password.encode("utf-8", "replace"))
    account = Account(email=email, name=name, password_hash=hashed)
    session.add(account)
    try:
        session.flush()
    except IntegrityError:
        message = gettext("{email} already has an account. Use another address.").format(email=email)
        raise ConflictError(message, fields={"email": message}) from None
    membership = Membership(project_id=project_id, account_id=account.id or 0, role=role)
    session.add(membership)
    session.flush()
    audit.record(session, actor=actor, action="account:create", account=account.id, email=email, role=role)
    return _user(account, membership)


def password_errors(password: str, email: str = "") -> dict[str, str]:
    """Return the error of a new password by field; empty if it is acceptable."""
    if not password:
        message = gettext("Enter a password of at least {least} characters.")
        return {"password": message.format(least=MIN_PASSWORD)}
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        message = ngettext(
            "The password has {length} character; enter {least} to {most}.",
            "The password has {length} characters; enter {least} to {most}.",
            len(password),
        )
        return {"password": message.format(length=len(password), least=MIN_PASSWORD, most=MAX_PASSWORD)}
    if easily_guessed(password, email):
        return {"password": gettext("The password is easy to guess. Use several unrelated words.")}
    return {}


def authenticate(session: Session, email: str, password: str, project_id: int = DEFAULT_PROJECT_ID) -> User | None:
    """Return the user of this address and password, or None.

    An unknown address takes as long as a wrong password, so that the time does not reveal which addresses exist.
    """
    row = _find(session, project_id, Account.email == normalised(email))
    usable = row is not None and row[0].disabled_at is None
    stored = row[0].password_hash if row is not None and usable else _hash_of_no_password()
    candidate = password[: MAX_PASSWORD + 1].encode("utf-8", "replace")
    try:
        _hasher.verify(stored, candidate)
    except (VerificationError, InvalidHashError):
        return None
    if row is None or not usable or len(password) > MAX_PASSWORD:
        return None
    return _user(*row)


def get_account(session: Session, account_id: int, project_id: int = DEFAULT_PROJECT_ID) -> User | None:
    """Return the user of this id, unless the account is disabled."""
    row = _find(session, project_id, col(Account.id) == account_id, col(Account.disabled_at).is_(None))
    return None if row is None else _user(*row)


def list_accounts(session: Session, project_id: int = DEFAULT_PROJECT_ID) -> list[User]:
    """Return every account of the project, the oldest first."""
    query = _accounts_of(project_id).order_by(col(Account.id))
    return [_user(account, membership) for account, membership in session.exec(query)]


def disable_account(session: Session, account_id: int, *, actor: str, project_id: int = DEFAULT_PROJECT_ID) -> User:
    """Refuse further sign-ins; disabling an account again has no effect.

    Raises
    ------
    NotFoundError
        No account has this id.
    ConflictError
        It is the last admin's account.
    """
    account, membership = _get(session, project_id, account_id)
    if account.disabled_at is None:
        _keep_an_admin(session, account, membership)
        account.disabled_at = utc_now()
        session.add(account)
        audit.record(session, actor=actor, action="account:disable", account=account.id, email=account.email)
    return _user(account, membership)


def enable_account(session: Session, account_id: int, *, actor: str, project_id: int = DEFAULT_PROJECT_ID) -> User:
    """Allow sign-ins again, with the previous password; raises NotFoundError as :func:`disable_account`."""
    account, membership = _get(session, project_id, account_id)
    if account.disabled_at is not None:
        account.disabled_at = None
        session.add(account)
        audit.record(session, actor=actor, action="account:enable", account=account.id, email=account.email)
    return _user(account, membership)


def change_role(
    session: Session, account_id: int, role: str, *, actor: str, project_id: int = DEFAULT_PROJECT_ID
) -> User:
    """Give an account another role in the project; its current role has no effect.

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
        message = _role_error(role)
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
    """Replace a forgotten password with a random one and return it in plain text; it is stored only as a hash.

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
    """Set the password of an address without the current one.

    Raises
    ------
    NotFoundError
        No account has this address.
    InvalidError
        The password is not acceptable.
    """
    row = _find(session, project_id, Account.email == normalised(email))
    if row is None:
        message = gettext("No account for {email}. List the accounts with klette user list.")
        raise NotFoundError(message.format(email=shown(email)))
    account, membership = row
    errors = password_errors(password, account.email)
    if errors:
        raise InvalidError(" ".join(errors.values()), fields=errors)
    _set_password(session, account, password, actor, "account:new_password")
    return _user(account, membership)


def change_password(
    session: Session, account_id: int, *, current: str, new: str, actor: str, project_id: int = DEFAULT_PROJECT_ID
) -> User:
    """Change a password; its owner must give the current one.

    Raises
    ------
    NotFoundError
        No account that can sign in has this id.
    InvalidError
        The current password is wrong, or the new one is not acceptable; ``fields`` has a message for each.
    """
    row = _find(session, project_id, col(Account.id) == account_id, col(Account.disabled_at).is_(None))
    if row is None:
        message = gettext("No account with the id {id}. Sign in again.")
        raise NotFoundError(message.format(id=shown(account_id)))
    account, membership = row
    error = password_errors(new, account.email).get("password")
    errors = {"new": error} if error else {}
    if authenticate(session, account.email, current, project_id) is None:
        errors["current"] = gettext("The current password is wrong.")
    if errors:
        raise InvalidError(" ".join(errors.values()), fields=errors)
    _set_password(session, account, new, actor, "account:password")
    return _user(account, membership)


def session_mark(user: User) -> str:
    """Return a fingerprint of the password hash for the session, so that a new password ends it."""
    return hashlib.sha256(user.password_hash.encode()).hexdigest()[:16]


def any_account(session: Session) -> bool:
    """Return whether any account exists."""
    return session.exec(select(Account.id).limit(1)).first() is not None


def _accounts_of(project_id: int) -> Select[Account, Membership]:
    joined = select(Account, Membership).join(Membership, col(Membership.account_id) == col(Account.id))
    return joined.where(Membership.project_id == project_id)


def _find(
    session: Session, project_id: int, *conditions: ColumnElement[bool] | bool
) -> tuple[Account, Membership] | None:
    return session.exec(_accounts_of(project_id).where(*conditions)).first()


def _get(session: Session, project_id: int, account_id: int) -> tuple[Account, Membership]:
    row = _find(session, project_id, col(Account.id) == account_id) if 0 < account_id < 2**31 else None
    if row is None:
        message = gettext("No account with the id {id}. Look it up under Settings.")
        raise NotFoundError(message.format(id=shown(account_id)))
    return row


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
    """Raise ConflictError if the account is the project's last admin who can sign in."""
    # Locked, so that two admins cannot remove each other's role at the same time.
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
        message = gettext("{email} is the last admin. Make another account an admin first.")
        raise ConflictError(message.format(email=account.email))


def _set_password(session: Session, account: Account, plain: str, actor: str, action: str) -> None:
    account.password_hash = _hasher.hash(plain.encode("utf-8", "replace"))
    session.add(account)
    audit.record(session, actor=actor, action=action, account=account.id, email=account.email)


def _role_error(role: str) -> str:
    return gettext("{role} is not a role; choose one of {roles}.").format(role=shown(role), roles=", ".join(ROLES))


@lru_cache(maxsize=1)
def _hash_of_no_password() -> str:
    return _hasher.hash(secrets.token_bytes(32))
