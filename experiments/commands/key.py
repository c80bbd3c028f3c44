"""`klette key`: keys for apps."""

import click

from experiments.commands.console import opened_database
from experiments.people import api_keys


@click.group("key")
def command() -> None:
    """Create, list and revoke keys for apps."""


@command.command("create")
@click.option(
    "--kind",
    required=True,
    type=click.Choice(api_keys.KINDS),
    help="client: safe in a browser; server: may manage too.",
)
@click.option("--name", required=True, help="Where the key is used.")
def create(kind: str, name: str) -> None:
    """Create a key and print it, alone, on standard output; it is never shown again."""
    with opened_database() as database, database.write() as session:
        plain = api_keys.create_key(session, kind=kind, name=name, actor="cli")
    # After the commit: a key that was printed works.
    click.echo(plain)


@command.command("list")
def list_command() -> None:
    """List the keys: id, kind, first characters, name, and since when or until when."""
    with opened_database() as database, database.read() as session:
        for row in api_keys.list_keys(session):
            state = f"revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else f"{row.created_at:%Y-%m-%d}"
            click.echo(f"{row.id}\t{row.kind}\t{row.prefix}…\t{row.name}\t{state}")


@command.command("revoke")
@click.argument("key_id", type=int)
def revoke(key_id: int) -> None:
    """Make a key useless from now on."""
    with opened_database() as database, database.write() as session:
        row = api_keys.revoke_key(session, key_id, actor="cli")
        text = f"The key {row.prefix}… ({row.name}) is revoked."
    click.echo(text)
