"""`klette migrate`: migrate the database to the current schema."""

import click
from sqlalchemy.exc import OperationalError

from experiments.commands import helping
from experiments.commands.console import connect
from experiments.errors import UnavailableError
from experiments.settings import settings
from experiments.storage.schema import is_current, migrate
from experiments.translation import N_, gettext


@click.command(
    "migrate",
    cls=helping.Command,
    help=N_("Migrate the database to the current schema; running it again has no effect."),
)
def command() -> None:
    database = connect(settings())
    try:
        if is_current(database):
            click.echo(gettext("The database already has the current schema."))
            return
        migrate(database)
        click.echo(gettext("Migrated the database to the current schema."))
    except OperationalError as error:
        reason = str(error.orig).splitlines()[0]
        message = gettext("The database cannot be reached ({reason}). Check KLETTE_DATABASE_URL.")
        raise UnavailableError(message.format(reason=reason)) from None
    finally:
        database.close()
