"""API keys: shown once, stored as a hash, revoked but never deleted."""

import hashlib
import secrets

from sqlmodel import Session, col, select

from experiments.assignment.configuration import touch
from experiments.errors import InvalidError, NotFoundError
from experiments.storage import audit
from experiments.storage.tables import DEFAULT_PROJECT_ID, ApiKey, utc_now
from experiments.translation import gettext
from experiments.validation import shown

KINDS = ("client", "server")
_PREFIXES = {"client": "kc_", "server": "ks_"}
_SHOWN_CHARACTERS = 8


def create_key(session: Session, *, kind: str, name: str, actor: str, project_id: int = DEFAULT_PROJECT_ID) -> str:
    """Create a key and return it in plain text; it is stored only as a hash.

    Parameters
    ----------
    kind
        ``client`` (safe in a browser: assign, log, share) or ``server`` (also manage and read results).
    name
        Where the key is used, in 1 to 100 characters.
    actor
        Who creates it, for the audit log.

    Raises
    ------
    InvalidError
        The kind is unknown, or the name is empty or too long.
    """
    if kind not in KINDS:
        message = gettext("{kind} is not a kind of key; choose client or server.").format(kind=shown(kind))
        raise InvalidError(message, fields={"kind": gettext("Choose client or server.")})
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        text = gettext("The name has {length} characters; enter 1 to 100 printable ones, such as shop or app-backend.")
        message = text.format(length=len(name))
        raise InvalidError(message, fields={"name": message})
    # 32 random bytes cannot be guessed, so a plain SHA-256 is a safe hash.
    plain = _PREFIXES[kind] + secrets.token_urlsafe(32)
    row = ApiKey(
        project_id=project_id,
        name=name,
        kind=kind,
        prefix=plain[:_SHOWN_CHARACTERS],
        key_hash=hash_key(plain),
        created_by=actor[:254],
    )
    session.add(row)
    session.flush()
    audit.record(session, actor=actor, action="key:create", key=row.id, kind=kind, name=name)
    touch(session)
    return plain


def hash_key(plain: str) -> str:
    """Return the stored hash of a key: SHA-256 of its UTF-8 bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def find(session: Session, key_hash: str) -> ApiKey | None:
    """Return the key with this hash, unless it was revoked."""
    return session.exec(select(ApiKey).where(ApiKey.key_hash == key_hash, col(ApiKey.revoked_at).is_(None))).first()


def find_plain(session: Session, plain: str) -> ApiKey | None:
    """Return the row of a key in plain text, unless it was revoked."""
    return find(session, hash_key(plain))


def list_keys(session: Session, project_id: int = DEFAULT_PROJECT_ID) -> list[ApiKey]:
    """Return all keys of the project, newest first, including revoked ones."""
    return list(session.exec(select(ApiKey).where(ApiKey.project_id == project_id).order_by(col(ApiKey.id).desc())))


def revoke_key(session: Session, key_id: int, *, actor: str, project_id: int = DEFAULT_PROJECT_ID) -> ApiKey:
    """Revoke a key of the project; revoking it again has no effect.

    Raises
    ------
    NotFoundError
        No key of the project has this id.
    """
    row = session.get(ApiKey, key_id) if 0 < key_id < 2**31 else None
    if row is None or row.project_id != project_id:
        message = gettext("No API key with the id {id}. List the keys to see their ids.")
        raise NotFoundError(message.format(id=shown(key_id)), code="key_unknown")
    if row.revoked_at is None:
        row.revoked_at = utc_now()
        session.add(row)
        audit.record(session, actor=actor, action="key:revoke", key=row.id, kind=row.kind, name=row.name)
        touch(session)
    return row
