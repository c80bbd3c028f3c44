"""`klette key`: API keys."""

import click

from experiments.commands import helping
from experiments.commands.console import opened_database
from experiments.people import api_keys
from experiments.translation import N_, gettext

command = helping.Group("key", help=N_("Create, list and revoke API keys."))


@command.command("create", help=N_("Create a key and print it; it is not shown again."))
@click.option(
    "--kind",
    required=True,
    type=click.Choice(api_keys.KINDS),
    help=N_("client: safe in a browser; server: can also manage experiments."),
)
@click.option("--name", required=True, help=N_("Where the key is used."))
def create(kind: str, name: str) -> None:
    with opened_database() as database, database.write() as session:
        plain = api_keys.create_key(session, kind=kind, name=name, actor="cli")
    # Printed after the commit, so that a printed key is valid.
    click.echo(plain)


@command.command("list", help=N_("List the keys: id, kind, first characters, name and date of creation or revocation."))
def list_command() -> None:
    with opened_database() as database, database.read() as session:
        for row in api_keys.list_keys(session):
            state = f"revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else f"{row.created_at:%Y-%m-%d}"
            click.echo(f"{row.id}\t{row.kind}\t{row.prefix}…\t{row.name}\t{state}")


@command.command("revoke", help=N_("Revoke a key."))
@click.argument("key_id", type=int)
def revoke(key_id: int) -> None:
    with opened_database() as database, database.write() as session:
        row = api_keys.revoke_key(session, key_id, actor="cli")
        text = gettext("Revoked the key {prefix}… ({name}).").format(prefix=row.prefix, name=row.name)
    click.echo(text)
