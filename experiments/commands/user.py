"""`klette user`: accounts for people."""

import sys

import click

from experiments.commands.console import opened_database
from experiments.errors import InvalidError
from experiments.people import accounts


@click.group("user")
def command() -> None:
    """Create accounts for people, and help who forgot a password."""


@command.command("create")
@click.option("--email", required=True, help="The address to log in with.")
@click.option("--role", required=True, type=click.Choice(accounts.ROLES), help="What the person may do.")
@click.option("--name", default="", help="The name that others see.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, not from a prompt.")
def create(email: str, role: str, name: str, password_stdin: bool) -> None:
    """Create an account."""
    password = _from_stdin() if password_stdin else _from_prompt()
    with opened_database() as database, database.write() as session:
        account = accounts.create_account(session, email=email, role=role, password=password, name=name, actor="cli")
        created = account.email
    click.echo(f"{created} may log in as {role}.")


@command.command("password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, not from a prompt.")
def password_command(email: str, password_stdin: bool) -> None:
    """Give an account another password; every session that it has ends."""
    password = _from_stdin() if password_stdin else _from_prompt()
    with opened_database() as database, database.write() as session:
        changed = accounts.set_password(session, email, password, actor="cli").email
    click.echo(f"{changed} has another password now.")


@command.command("list")
def list_command() -> None:
    """List the accounts: id, address, role, and since when."""
    with opened_database() as database, database.read() as session:
        for account in accounts.list_accounts(session):
            state = "disabled" if account.disabled_at else f"{account.created_at:%Y-%m-%d}"
            click.echo(f"{account.id}\t{account.email}\t{account.role}\t{state}")


def _from_stdin() -> str:
    # One line end comes from echo or a here-string; any other character belongs to the password.
    text = sys.stdin.read(accounts.MAX_PASSWORD + 3)
    return text.removesuffix("\n").removesuffix("\r")


def _from_prompt() -> str:
    if not sys.stdin.isatty():
        raise InvalidError("There is no terminal to ask for the password; pipe it in with --password-stdin.")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
