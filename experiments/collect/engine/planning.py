"""What PostgreSQL's planner must know of the tables before it plans a query over them."""

from __future__ import annotations

from ibis.backends.sql import SQLBackend

from experiments.storage.tables import Event, Exposure

_WITHOUT_STATISTICS = """
SELECT name FROM unnest(ARRAY['{names}']) AS name
WHERE NOT EXISTS (SELECT FROM pg_stats WHERE schemaname = current_schema() AND tablename = name)
"""


def ensure_statistics(backend: SQLBackend) -> list[str]:
    """Analyse the tables of which PostgreSQL has no statistics yet, and return their names.

    The server does so a minute after many rows were written. Before that, it takes the events of a project for a
    handful and joins them to the members in nested loops: minutes for 2,000 members, where it takes milliseconds.
    Must be called outside a transaction, since a rollback would take the statistics with it.
    """
    if backend.name != "postgres":
        return []
    names = "', '".join(str(model.__tablename__) for model in (Exposure, Event))
    cursor = backend.raw_sql(_WITHOUT_STATISTICS.format(names=names))
    missing = [name for (name,) in cursor.fetchall()]
    cursor.close()
    for name in missing:
        backend.raw_sql(f"ANALYZE {name}").close()
    return missing
