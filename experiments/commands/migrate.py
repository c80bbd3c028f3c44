"""`klette migrate`: bring the database to the present schema."""

import click
from sqlalchemy.exc import OperationalError

from experiments.commands.console import connect
from experiments.errors import UnavailableError
from experiments.settings import settings
from experiments.storage.schema import is_current, migrate


@click.command("migrate")
def command() -> None:
    """Bring the database to the present schema; a second run finds nothing to do."""
    database = connect(settings())
    try:
        if is_current(database):
            click.echo("The database is at the present schema already.")
            return
        migrate(database)
        click.echo("The database was brought to the present schema.")
    except OperationalError as error:
        reason = str(error.orig).splitlines()[0]
        raise UnavailableError(f"The database cannot be reached ({reason}); check KLETTE_DATABASE_URL.") from None
    finally:
        database.close()
