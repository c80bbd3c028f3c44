"""The one-time link of the first admin: it works once, and only its hash is stored."""

import threading

import pytest
from argon2 import PasswordHasher

from experiments.errors import ConflictError, ForbiddenError, InvalidError
from experiments.people import accounts, setup_link

PASSWORD = "a long walk by the river"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch):
    monkeypatch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_the_set_up_link_works_once(database):
    with database.write() as session:
        old, token = setup_link.issue(session), setup_link.issue(session)
    with database.write() as session:
        assert setup_link.check(session, token) and not setup_link.check(session, old)
        with pytest.raises(InvalidError):
            setup_link.redeem(session, token, email="a@example.com", password="short")
    with database.write() as session:
        account = setup_link.redeem(session, token, email="a@example.com", password=PASSWORD, name="Anna")
        assert account.role == "admin" and accounts.any_account(session)
    with database.write() as session:
        assert not setup_link.check(session, token)
        with pytest.raises(ForbiddenError):
            setup_link.redeem(session, token, email="b@example.com", password=PASSWORD)
        with pytest.raises(ConflictError):
            setup_link.issue(session)


def test_only_the_hash_of_the_token_is_stored(database):
    from experiments.storage.tables import SetupToken

    with database.write() as session:
        token = setup_link.issue(session)
        assert token not in str(session.get(SetupToken, 1))


def test_concurrent_requests_with_the_link_create_one_admin(database):
    with database.write() as session:
        token = setup_link.issue(session)
    outcomes = []

    def redeem(number):
        try:
            with database.write() as session:
                setup_link.redeem(session, token, email=f"a{number}@example.com", password=PASSWORD)
            outcomes.append("made")
        except ForbiddenError:
            outcomes.append("refused")

    threads = [threading.Thread(target=redeem, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
