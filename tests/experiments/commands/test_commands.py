"""`klette user`, `klette key` and `klette migrate`: output for scripts, errors in one line."""

import os
import subprocess
import sys

import pytest

from experiments.people import accounts, api_keys
from experiments.storage.database import Database


@pytest.fixture
def klette(empty_database_url):
    def run(*arguments, stdin=""):
        environment = {**os.environ, "KLETTE_DATABASE_URL": empty_database_url}
        return subprocess.run(
            [sys.executable, "-m", "experiments.commands.cli", *arguments],
            input=stdin, capture_output=True, text=True, env=environment, timeout=60,
        )  # fmt: skip

    return run


@pytest.fixture
def opened(empty_database_url):
    database = Database(empty_database_url)
    yield database
    database.close()


def failed(result) -> str:
    assert result.returncode == 2 and result.stdout == ""
    assert "Traceback" not in result.stderr and len(result.stderr.strip().splitlines()) == 1
    return result.stderr


def test_a_key_is_printed_alone_and_works_on_a_new_database(klette, opened):
    made = klette("key", "create", "--kind", "server", "--name", "app")
    assert made.returncode == 0 and made.stderr == ""
    plain = made.stdout.removesuffix("\n")
    with opened.read() as session:
        assert api_keys.find_plain(session, plain).kind == "server"
    listed = klette("key", "list").stdout
    assert plain[:8] in listed and plain not in listed
    assert klette("key", "revoke", "1").returncode == 0
    assert "revoked" in klette("key", "list").stdout
    assert "the id 9" in failed(klette("key", "revoke", "9"))


def test_a_user_gets_the_password_from_standard_input(klette, opened):
    arguments = ("user", "create", "--email", "Anna@example.com", "--role", "admin", "--password-stdin")
    assert klette(*arguments, stdin="a long password\n").returncode == 0
    with opened.read() as session:
        assert accounts.authenticate(session, "anna@example.com", "a long password").role == "admin"
    assert "anna@example.com already has an account" in failed(klette(*arguments, stdin="a long password\n"))
    assert "10 to 256" in failed(klette(*arguments[:3], "b@example.com", *arguments[4:], stdin="short\n"))
    assert "--password-stdin" in failed(klette(*arguments[:-1], stdin="a long password\n"))
    assert "anna@example.com\tadmin" in klette("user", "list").stdout


def test_a_forgotten_password_is_replaced(klette, opened):
    made = ("user", "create", "--email", "anna@example.com", "--role", "admin", "--password-stdin")
    assert klette(*made, stdin="a long password").returncode == 0
    change = ("user", "password", "Anna@example.com", "--password-stdin")
    assert klette(*change, stdin="another long one\n").stdout.startswith("anna@example.com ")
    with opened.read() as session:
        assert accounts.authenticate(session, "anna@example.com", "another long one")
    assert "10 to 256" in failed(klette(*change, stdin="short\n"))
    missing = klette("user", "password", "b@example.com", "--password-stdin", stdin="another long one\n")
    assert "'b@example.com'" in failed(missing)


def test_migrating_again_has_no_effect(klette):
    assert "Migrated" in klette("migrate").stdout
    assert "already" in klette("migrate").stdout


@pytest.mark.parametrize("arguments", [("migrate",), ("key", "list")])
def test_an_unreachable_database_is_reported_in_one_line(monkeypatch, arguments):
    environment = {**os.environ, "KLETTE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    command = [sys.executable, "-m", "experiments.commands.cli", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert "KLETTE_DATABASE_URL" in failed(result)
