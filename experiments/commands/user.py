"""`klette user`: accounts for people."""

import sys

import click

from experiments.commands import helping
from experiments.commands.console import opened_database
from experiments.errors import InvalidError
from experiments.people import accounts
from experiments.translation import N_, gettext

command = helping.Group("user", help=N_("Create accounts, list them, and replace forgotten passwords."))


@command.command("create", help=N_("Create an account."))
@click.option("--email", required=True, help=N_("Email address to sign in with."))
@click.option("--role", required=True, type=click.Choice(accounts.ROLES), help=N_("Rights of the account."))
@click.option("--name", default="", help=N_("Name shown to others."))
@click.option("--password-stdin", is_flag=True, help=N_("Read the password from standard input, not from a prompt."))
def create(email: str, role: str, name: str, password_stdin: bool) -> None:
    password = _from_stdin() if password_stdin else _from_prompt()
    with opened_database() as database, database.write() as session:
        account = accounts.create_account(session, email=email, role=role, password=password, name=name, actor="cli")
        created = account.email
    click.echo(gettext("{email} can sign in as {role}.").format(email=created, role=role))


@command.command("password", help=N_("Set a new password for an account and end its sessions."))
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help=N_("Read the password from standard input, not from a prompt."))
def password_command(email: str, password_stdin: bool) -> None:
    password = _from_stdin() if password_stdin else _from_prompt()
    with opened_database() as database, database.write() as session:
        changed = accounts.set_password(session, email, password, actor="cli").email
    click.echo(gettext("{email} has a new password.").format(email=changed))


@command.command("list", help=N_("List the accounts: id, address, role and date of creation."))
def list_command() -> None:
    with opened_database() as database, database.read() as session:
        for account in accounts.list_accounts(session):
            state = "disabled" if account.disabled_at else f"{account.created_at:%Y-%m-%d}"
            click.echo(f"{account.id}\t{account.email}\t{account.role}\t{state}")


def _from_stdin() -> str:
    # echo and here-strings add one line end; every other character belongs to the password.
    text = sys.stdin.read(accounts.MAX_PASSWORD + 3)
    return text.removesuffix("\n").removesuffix("\r")


def _from_prompt() -> str:
    if not sys.stdin.isatty():
        raise InvalidError(gettext("No terminal to enter the password; use --password-stdin."))
    return str(click.prompt(gettext("Password"), hide_input=True, confirmation_prompt=True))
