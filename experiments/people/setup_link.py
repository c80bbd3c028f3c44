"""The one-time link that creates the first admin: a token is issued, checked and redeemed."""

import hashlib
import hmac
import secrets

from sqlmodel import Session, select

from experiments.errors import ConflictError, ForbiddenError
from experiments.people.accounts import User, any_account, create_account
from experiments.storage.tables import SetupToken, utc_now
from experiments.translation import gettext

_TOKEN_ROW = 1


def issue(session: Session) -> str:
    """Return a new one-time token for the first admin, in plain text; an earlier unused one becomes invalid.

    Raises
    ------
    ConflictError
        An account exists.
    """
    if any_account(session):
        raise ConflictError(gettext("An account exists already. Its owner can add people under Settings."))
    plain = secrets.token_urlsafe(24)
    row = session.get(SetupToken, _TOKEN_ROW) or SetupToken(id=_TOKEN_ROW, token_hash="")
    row.token_hash, row.created_at, row.used_at = _token_hash(plain), utc_now(), None
    session.add(row)
    session.flush()
    return plain


def check(session: Session, token: str) -> bool:
    """Return whether a set-up token is valid."""
    row = session.get(SetupToken, _TOKEN_ROW)
    return _usable(row, token) and not any_account(session)


def redeem(session: Session, token: str, *, email: str, password: str, name: str = "") -> User:
    """Create the first admin with the set-up token, once.

    Raises
    ------
    ForbiddenError
        The token is wrong or used, or an account exists.
    InvalidError
        As `create_account`; the token stays valid.
    """
    # The row lock makes a second request with the same link wait until the token is marked as used.
    row = session.exec(select(SetupToken).where(SetupToken.id == _TOKEN_ROW).with_for_update()).first()
    if not _usable(row, token) or any_account(session):
        message = gettext("This set-up link was used or replaced. Sign in, or restart Klette for a new link.")
        raise ForbiddenError(message)
    account = create_account(session, email=email, role="admin", password=password, name=name, actor="setup")
    assert row is not None
    row.used_at = utc_now()
    session.add(row)
    return account


def _usable(row: SetupToken | None, token: str) -> bool:
    if row is None or row.used_at is not None:
        return False
    return hmac.compare_digest(row.token_hash, _token_hash(token))


def _token_hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
