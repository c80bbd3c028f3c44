"""API keys: made once, shown once, stored as a hash, revoked and never deleted."""

import hashlib
import secrets

from sqlmodel import Session, col, select

from experiments.assignment.configuration import touch
from experiments.errors import InvalidError, NotFoundError
from experiments.storage import audit
from experiments.storage.tables import DEFAULT_PROJECT_ID, ApiKey, utc_now
from experiments.validation import shown

KINDS = ("client", "server")
_PREFIXES = {"client": "kc_", "server": "ks_"}
_SHOWN_CHARACTERS = 8


def create_key(session: Session, *, kind: str, name: str, actor: str, project_id: int = DEFAULT_PROJECT_ID) -> str:
    """Make a key and return it in plain, the only time that it can be seen.

    Parameters
    ----------
    kind
        ``client`` (safe in a browser: assign, log, share) or ``server`` (also manage and read results).
    name
        1 to 100 characters that tell people where the key is used.
    actor
        Who makes it, for the audit.

    Raises
    ------
    InvalidError
        The kind is unknown or the name empty or too long.
    """
    if kind not in KINDS:
        raise InvalidError(f"{shown(kind)} is no kind of key; choose client or server.", fields={"kind": "Choose one."})
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        message = f"The name has {len(name)} characters; write 1 to 100 printable ones, such as shop or app-backend."
        raise InvalidError(message, fields={"name": message})
    # 32 random bytes cannot be guessed, so that a plain SHA-256 is enough to store.
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
    """What is stored of a key: SHA-256 of its UTF-8 bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def find(session: Session, key_hash: str) -> ApiKey | None:
    """The key of this hash, unless it was revoked."""
    return session.exec(select(ApiKey).where(ApiKey.key_hash == key_hash, col(ApiKey.revoked_at).is_(None))).first()


def find_plain(session: Session, plain: str) -> ApiKey | None:
    """The row of a plain key, unless it was revoked; to show what was just made."""
    return find(session, hash_key(plain))


def list_keys(session: Session, project_id: int = DEFAULT_PROJECT_ID) -> list[ApiKey]:
    """Every key of the project, newest first, the revoked ones too."""
    return list(session.exec(select(ApiKey).where(ApiKey.project_id == project_id).order_by(col(ApiKey.id).desc())))


def revoke_key(session: Session, key_id: int, *, actor: str, project_id: int = DEFAULT_PROJECT_ID) -> ApiKey:
    """Make a key of the project useless from now on; revoking it again changes nothing.

    Raises
    ------
    NotFoundError
        No key of the project has this id.
    """
    row = session.get(ApiKey, key_id) if 0 < key_id < 2**31 else None
    if row is None or row.project_id != project_id:
        raise NotFoundError(
            f"There is no key with the id {shown(key_id)}; list the keys to see their ids.", code="key_unknown"
        )
    if row.revoked_at is None:
        row.revoked_at = utc_now()
        session.add(row)
        audit.record(session, actor=actor, action="key:revoke", key=row.id, kind=row.kind, name=row.name)
        touch(session)
    return row
