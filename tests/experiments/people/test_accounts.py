"""Accounts: slow password hashes and roles."""

import pytest

from experiments.errors import ConflictError, InvalidError
from experiments.people import accounts
from tests.snapshots import matches

PASSWORD = "sticks to whoever passes"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch):
    from argon2 import PasswordHasher

    monkeypatch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    accounts._hash_of_no_password.cache_clear()


def create(session, email="Anna@Example.com ", role="marketer", password=PASSWORD, **more):
    return accounts.create_account(session, email=email, role=role, password=password, **more)


def test_only_the_right_password_authenticates(database):
    with database.write() as session:
        made = create(session)
        assert made.email == "anna@example.com" and PASSWORD not in made.password_hash
        assert made.password_hash.startswith("$argon2id$")
        assert accounts.authenticate(session, " ANNA@example.com", PASSWORD).id == made.id
        wrong = [("anna@example.com", PASSWORD + "x"), ("anna@example.com", ""), ("b@example.com", PASSWORD)]
        for email, password in [*wrong, ("", ""), ("a\x00b", PASSWORD), ("\ud800", "\ud800")]:
            assert accounts.authenticate(session, email, password) is None
        accounts.disable_account(session, made.id, actor="cli")
        assert accounts.authenticate(session, "anna@example.com", PASSWORD) is None
        assert accounts.get_account(session, made.id) is None


def test_an_unknown_address_takes_a_hash_like_a_wrong_password(database, monkeypatch):
    verified = []
    real = accounts._hasher.verify
    with database.read() as session:
        monkeypatch.setattr(type(accounts._hasher), "verify", lambda self, *given: verified.append(1) or real(*given))
        assert accounts.authenticate(session, "nobody@example.com", PASSWORD) is None
    assert verified == [1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "anna"}, "email"),
        ({"email": "a@b@c.de"}, "email"),
        ({"email": "a" * 250 + "@example.com"}, "email"),
        ({"role": "king"}, "role"),
        ({"password": "x" * 9}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00"}, "name"),
    ],
)
def test_an_invalid_value_is_refused_by_field(database, change, field):
    with database.write() as session, pytest.raises(InvalidError) as caught:
        create(session, **change)
    assert list(caught.value.fields) == [field]


@pytest.mark.parametrize("email", ["admin@localhost", "a@klette.test", "a@firm.local", "ä@exämple.de"])
def test_internal_addresses_are_accepted(database, email):
    with database.write() as session:
        assert create(session, email=email).email == email


def test_an_address_has_one_account(database):
    with database.write() as session:
        create(session)
    with database.write() as session, pytest.raises(ConflictError) as caught:
        create(session, email="ANNA@EXAMPLE.COM")
    assert "email" in caught.value.fields


@pytest.mark.parametrize(
    "password",
    ["password123", "P@ssw0rd2026!", "1234567890", "qwertyuiop", "aaaaaaaaaaaa", "abcabcabcabc", "anna.b1987"],
)
def test_an_easily_guessed_password_is_refused(password):
    assert accounts.password_errors(password, "anna.b@example.com").keys() == {"password"}


@pytest.mark.parametrize("password", ["three plain words", "k8#vQ2-zzLp0", "summer in the alps"])
def test_several_words_or_a_random_string_are_accepted(password):
    assert accounts.password_errors(password, "anna@example.com") == {}


def test_the_last_admin_can_neither_be_disabled_nor_lose_the_role(database):
    with database.write() as session:
        first, second = (
            accounts.create_account(session, email=f"{name}@example.com", role="admin", password=PASSWORD).id
            for name in ("anna", "bob")
        )
        accounts.disable_account(session, second, actor="cli")
        for change in (
            lambda: accounts.disable_account(session, first, actor="cli"),
            lambda: accounts.change_role(session, first, "analyst", actor="cli"),
        ):
            with pytest.raises(ConflictError, match="anna@example.com"):
                change()
        accounts.enable_account(session, second, actor="cli")
        assert accounts.change_role(session, first, "analyst", actor="cli").role == "analyst"


def test_the_messages_of_invalid_accounts(database):
    values = [{"email": " "}, {"email": "anna"}, {"role": "king"}, {"name": "x" * 101}]
    values += [{"password": password} for password in ("", "x", "x" * 9, "password123")]
    messages = []
    for change in values:
        with database.write() as session, pytest.raises(InvalidError) as caught:
            create(session, **change)
        messages += [f"{field}: {message}" for field, message in caught.value.fields.items()]
    matches("experiments/people/accounts", "\n".join(messages))
