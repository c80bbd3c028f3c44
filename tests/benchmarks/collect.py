"""How long collect takes from rows to sufficient statistics, and how much memory, in a process of its own.

400,000 members with 500,000 events, all ten metrics, two segments; the limit is the engine's own time for the bare
join of members and their events, the one pass that no way of counting can leave out.
"""

import json
import random
import resource
import subprocess
import sys
import time

from sqlalchemy import text

from experiments.database import Database
from experiments.metrics import DAY_US
from experiments.schema import migrate

MEMBERS, EVENTS = 400_000, 500_000
_BEGAN_US = 1_790_000_000_000_000
_KINDS = ("view", "click", "dwell", "share", "purchase", "negative", "comment")
_BARE = (
    "SELECT count(*), sum(c) FROM (SELECT e.unit, count(v.type) AS c FROM exposure e LEFT JOIN event v "
    "ON v.unit = e.unit AND v.at_us >= e.at_us AND v.at_us < e.at_us + 604800000000 "
    "WHERE e.run_id = 1 GROUP BY e.unit) AS members"
)


def measure(url: str) -> dict[str, float]:
    """Fill a fresh database and collect from it once, as a worker does; seconds and MB."""
    database = Database(url)
    migrate(database)
    _fill(database)
    database.close()
    answer = subprocess.run([sys.executable, "-m", __name__, url], check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)


def _fill(database: Database) -> None:
    chance = random.Random(1)
    exposed = {f"member-{n:07d}": _BEGAN_US + chance.randrange(20 * DAY_US) for n in range(MEMBERS)}
    units = list(exposed)
    exposures = (
        (unit, chance.choice("abc"), at, json.dumps({"country": chance.choice(("DE", "AT")), "device": "web"}))
        for unit, at in exposed.items()
    )
    events = (_event(chance, n, chance.choice(units), exposed) for n in range(EVENTS))
    with database.write_engine.begin() as connection:
        _say_run(connection)
        _insert(
            connection,
            "exposure (run_id, unit, variant, at_us, received_us, origin, epoch, bot, attributes)",
            "(1, :unit, :variant, :at, :at, 'randomised', 1, :bot, :attributes)",
            ({"unit": u, "variant": v, "at": at, "bot": False, "attributes": a} for u, v, at, a in exposures),
        )
        _insert(
            connection,
            "event (id, unit, type, at_us, received_us, value_micro, currency)",
            "(:id, :unit, :type, :at, :at, :value, :currency)",
            events,
        )
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def _event(chance: random.Random, number: int, unit: str, exposed: dict[str, int]) -> dict:
    kind = chance.choice(_KINDS)
    value = chance.randrange(1, 300) * 1_000_000 if kind in ("dwell", "purchase") else None
    at = exposed[unit] + chance.randrange(8 * DAY_US)
    currency = "EUR" if kind == "purchase" else None
    return {"id": f"{number:032x}", "unit": unit, "type": kind, "at": at, "value": value, "currency": currency}


def _say_run(connection) -> None:  # type: ignore[no-untyped-def]
    from sqlmodel import Session

    from tests.audience import store_experiment

    with Session(connection, join_transaction_mode="create_savepoint") as session:
        store_experiment(session)
        session.commit()


def _insert(connection, into: str, values: str, rows) -> None:  # type: ignore[no-untyped-def]
    statement, part = text(f"INSERT INTO {into} VALUES {values}"), []
    for row in rows:
        part.append(row)
        if len(part) == 20_000:
            connection.execute(statement, part)
            part = []
    if part:
        connection.execute(statement, part)


def _collect_once(url: str) -> dict[str, float]:
    from experiments.collect import collect
    from experiments.member_rows import Scope
    from experiments.metrics import METRICS, metric
    from experiments.rows import source

    backend = source(url)
    backend.raw_sql(_BARE).fetchall()  # warms the cache for both
    began = time.perf_counter()
    backend.raw_sql(_BARE).fetchall()
    bare = time.perf_counter() - began
    scope = Scope(1, "test", "EUR", 7 * DAY_US, _BEGAN_US + 60 * DAY_US, ("a", "b", "c"))
    began = time.perf_counter()
    found = collect(backend, scope, METRICS, segments=("country", "device"), segmented=metric("sticky_rate"))
    seconds = time.perf_counter() - began
    assert found.randomised == MEMBERS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"bare_seconds": bare, "seconds": seconds, "peak_mb": peak}


if __name__ == "__main__":
    print(json.dumps(_collect_once(sys.argv[1])))
