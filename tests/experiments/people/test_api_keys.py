"""API keys: shown once, stored as a hash, revoked but never deleted."""

import pytest
from sqlmodel import select

from experiments.assignment.configuration import load
from experiments.errors import InvalidError, NotFoundError
from experiments.people import api_keys
from experiments.storage.tables import ApiKey, AuditEntry


def test_a_key_is_stored_as_a_hash_only(database):
    with database.write() as session:
        plain = api_keys.create_key(session, kind="server", name="  app   backend ", actor="cli")
    with database.read() as session:
        row = session.exec(select(ApiKey)).one()
        audited = session.exec(select(AuditEntry)).one()
    assert plain.startswith("ks_") and len(plain) > 40
    assert row.key_hash == api_keys.hash_key(plain) and row.prefix == plain[:8] and row.name == "app backend"
    assert plain not in str(row) and plain not in str(audited.detail)


def test_a_key_works_in_the_configuration_until_it_is_revoked(database):
    with database.write() as session:
        plain = api_keys.create_key(session, kind="client", name="shop", actor="cli")
        before = load(session)
        assert before.keys[api_keys.hash_key(plain)].kind == "client"
        row = api_keys.find_plain(session, plain)
        first = api_keys.revoke_key(session, row.id, actor="cli").revoked_at
        after = load(session)
        assert api_keys.hash_key(plain) not in after.keys and after.version > before.version
        assert api_keys.revoke_key(session, row.id, actor="cli").revoked_at == first
        assert api_keys.find(session, api_keys.hash_key(plain)) is None
        assert [listed.id for listed in api_keys.list_keys(session)] == [row.id]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [("admin", "x", "'admin'"), ("client", " ", "1 to 100"), ("client", "x" * 101, "101 characters"),
     ("client", "a\x00b", "printable")],
)  # fmt: skip
def test_an_invalid_kind_or_name_is_refused(database, kind, name, value):
    with database.write() as session, pytest.raises(InvalidError, match=value):
        api_keys.create_key(session, kind=kind, name=name, actor="cli")


@pytest.mark.parametrize("key_id", [0, -1, 99, 2**40])
def test_an_unknown_id_is_not_found(database, key_id):
    with database.write() as session, pytest.raises(NotFoundError):
        api_keys.revoke_key(session, key_id, actor="cli")
