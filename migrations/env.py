"""Runs the migrations on the database that the configuration names; used through ``experiments.storage.schema``."""

from alembic import context
from sqlalchemy import engine_from_config

from experiments.storage.tables import metadata

configuration = context.config


def run() -> None:
    connection = configuration.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    engine = engine_from_config({"sqlalchemy.url": configuration.get_main_option("sqlalchemy.url")})
    with engine.begin() as opened:
        _migrate(opened)


def _migrate(connection) -> None:  # type: ignore[no-untyped-def]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
