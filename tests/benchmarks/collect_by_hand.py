"""The results of `collect` by SQL written by hand for each engine, as the reference of its times.

Ten metrics, two segments, arrivals by day and the health counts of one run; everything known about the two engines is
used: the covering index in the members' order, counts packed into few whole numbers, who did nothing known by number
alone, attributes grouped as they are stored.
"""

import json
from collections import Counter
from typing import Any

from experiments.catalogue.metrics import DAY_US

WINDOW_US = 7 * DAY_US
CAPS = {"revenue": 10_000_000_000, "dwell": 3_600_000_000}
_ACTIVITY = "('view','click','dwell','share','purchase','comment','review')"
_MEMBERS = """
    e.run_id = {run} AND e.at_us <= {cut} AND {received} <= {cut} AND e.origin = 'randomised' AND NOT e.bot
    AND e.unit NOT IN (SELECT unit FROM multi_exposure WHERE run_id = {run} AND received_us <= {cut})
"""
_EVENTS = """
    FROM exposure e JOIN event v ON v.project_id = 1 AND v.unit = e.unit AND v.at_us >= e.at_us - {day}
    AND v.at_us < e.at_us + {window}
    AND v.at_us <= {cut} AND v.received_us <= {cut} AND (v.experiment IS NULL OR v.experiment = 'test')
    WHERE {members} GROUP BY e.run_id, e.unit, e.variant, e.epoch, e.at_us, e.attributes
"""
_PACKED = """
    e.variant, e.attributes, e.epoch * 2 + CASE WHEN e.at_us + {window} <= {cut} THEN 1 ELSE 0 END AS place,
    sum(CASE WHEN v.at_us < e.at_us THEN 0 ELSE CASE v.type WHEN 'click' THEN 1 WHEN 'share' THEN 1048576
        WHEN 'purchase' THEN 1099511627776 ELSE 0 END END){whole} AS a,
    sum(CASE WHEN v.at_us < e.at_us THEN 0 ELSE CASE v.type WHEN 'comment' THEN 1 WHEN 'review' THEN 1
        WHEN 'mention' THEN 1 WHEN 'negative' THEN 1048576 ELSE 0 END + 1099511627776 END){whole} AS b,
    sum(CASE WHEN v.at_us < e.at_us THEN 1099511627776 ELSE CASE WHEN v.received_us - v.at_us > {day} THEN 1
        WHEN v.received_us - v.at_us < -60000000 THEN 1048576 ELSE 0 END END){whole} AS q,
    sum(CASE WHEN v.type = 'purchase' AND v.currency <> 'EUR' AND v.at_us >= e.at_us THEN 1 ELSE 0 END) AS other_money,
    max(CASE WHEN v.at_us >= e.at_us + {day} AND v.type IN {activity} THEN 1 ELSE 0 END) AS back,
    sum(CASE WHEN v.type = 'purchase' AND v.at_us >= e.at_us AND (v.currency IS NULL OR v.currency = 'EUR')
        THEN v.value_micro ELSE 0 END){whole} AS revenue,
    sum(CASE WHEN v.type = 'dwell' AND v.at_us >= e.at_us THEN v.value_micro ELSE 0 END){whole} AS dwell,
    max(CASE WHEN v.at_us >= e.at_us THEN v.at_us END) AS last
"""
_RATES = {
    "sticky_rate": "back > 0 OR a >= 1048576",
    "click_rate": "(a & 1048575) > 0",
    "return_rate": "back > 0",
    "share_rate": "(a >> 20) & 1048575 > 0",
    "purchase_rate": "a >= 1099511627776",
    "response_rate": "(b & 1048575) > 0",
    "negative_rate": "(b >> 20) & 1048575 > 0",
}
_HEALTH = {
    "events": "b >> 40",
    "late": "q & 1048575",
    "ahead": "(q >> 20) & 1048575",
    "other_currency": "other_money",
    "early": "(q >> 40) & 1048575",
}


def by_hand(backend: Any, run: int, cut_us: int) -> dict[str, Any]:
    """Return the results of one run, from one snapshot, as plain counts."""
    sqlite = backend.name == "sqlite"
    place = {
        "run": run,
        "cut": cut_us,
        "day": DAY_US,
        "window": WINDOW_US,
        "activity": _ACTIVITY,
        "received": "+e.received_us" if sqlite else "e.received_us",
        "whole": "" if sqlite else "::bigint",
    }
    place["members"] = _MEMBERS.format(**place)
    backend.raw_sql("BEGIN" if sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ").close()
    try:
        return _answers(backend, place, sqlite)
    finally:
        backend.raw_sql("ROLLBACK").close()


def _answers(backend: Any, place: dict[str, Any], sqlite: bool) -> dict[str, Any]:
    def ask(statement: str) -> list[tuple]:
        cursor = backend.raw_sql(statement.format(**place))
        try:
            return cursor.fetchall()
        finally:
            cursor.close()

    found = _standing(ask)
    place["first"] = found["first"]
    _members(ask, found, sqlite)
    for statement in _create(sqlite):
        backend.raw_sql(statement.format(**place)).close()
    _rates(ask, found, sqlite)
    found["orders"] = _sums(ask("SELECT variant, a >> 40, count(*) FROM m WHERE (a >> 40) > 0 GROUP BY place, 2, 1"))
    for name, cap in CAPS.items():
        found[name] = {row[0]: tuple(row[1:]) for row in ask(_amount(name, cap, sqlite))}
    return found


def _standing(ask: Any) -> dict[str, Any]:
    statement = """
        SELECT min(CASE WHEN {members} THEN e.at_us END), sum(CASE WHEN e.bot THEN 1 ELSE 0 END),
            sum(CASE WHEN NOT e.bot AND e.origin = 'shared' THEN 1 ELSE 0 END)
        FROM exposure e WHERE e.run_id = {run} AND e.at_us <= {cut} AND {received} <= {cut}
    """
    twice = """
        SELECT count(*) FROM exposure e WHERE e.run_id = {run} AND e.at_us <= {cut} AND {received} <= {cut}
        AND NOT e.bot AND e.unit IN (SELECT unit FROM multi_exposure WHERE run_id = {run} AND received_us <= {cut})
    """
    first, bots, shared = ask(statement)[0]
    return {"first": first, "bots": int(bots), "shared": int(shared), "multi_exposed": ask(twice)[0][0]}


def _members(ask: Any, found: dict[str, Any], sqlite: bool) -> None:
    mature = "(e.at_us + {window} <= {cut})" if sqlite else "(e.at_us + {window} <= {cut})::int"
    day = "(e.at_us - {first}) - (e.at_us - {first}) % {day}"
    place = f"{day} + e.epoch * 2 + {mature}"
    if sqlite:
        # Adding to a small table takes half the time of grouping, which sorts.
        ask("CREATE TEMPORARY TABLE w (p, a, v, n, PRIMARY KEY (p, a, v)) WITHOUT ROWID")
        ask(
            f"INSERT INTO w SELECT {place}, e.attributes, e.variant, 1 FROM exposure e WHERE {{members}} "
            "ON CONFLICT DO UPDATE SET n = n + 1"
        )
        rows = ask("SELECT * FROM w")
    else:
        rows = ask(
            f"SELECT {place}, e.attributes, e.variant, count(*) FROM exposure e WHERE {{members}} GROUP BY 1, 2, 3"
        )
    found |= {"members": Counter(), "arrivals": Counter(), "levels": Counter(), "immature": 0}
    for where, attributes, variant, n in rows:
        found["members"][variant] += n
        found["arrivals"][variant, where // DAY_US] += n
        found["levels"][variant, _levels(attributes)] += n
        found["immature"] += n * (1 - where % 2)


def _levels(attributes: Any) -> tuple[str, str]:
    given = json.loads(attributes) if isinstance(attributes, str) else attributes
    return given["country"], given["device"]


def _create(sqlite: bool) -> list[str]:
    create = f"CREATE TEMPORARY TABLE m AS SELECT {_PACKED} {_EVENTS}"
    if sqlite:
        return [create]
    in_order = ["SET LOCAL enable_hashjoin = off", "SET LOCAL max_parallel_workers_per_gather = 0"]
    return [*in_order, create, "SET LOCAL max_parallel_workers_per_gather TO DEFAULT"]


def _rates(ask: Any, found: dict[str, Any], sqlite: bool) -> None:
    found |= {"successes": Counter(), "sticky_by_level": Counter(), **dict.fromkeys(_HEALTH, 0), "last": 0}
    for _, variant, attributes, *values, last in _added(ask, sqlite):
        for name, n in zip(_RATES, values, strict=False):
            found["successes"][variant, name] += int(n)
        for name, n in zip(_HEALTH, values[len(_RATES) :], strict=True):
            found[name] += int(n)
        found["sticky_by_level"][variant, _levels(attributes)] += int(values[0])
        found["last"] = max(found["last"], last or 0)


def _added(ask: Any, sqlite: bool) -> list[tuple]:
    """Return rates, health counts and the last event by position, variant and attributes."""
    if not sqlite:
        sums = [f"count(*) FILTER (WHERE {rate})" for rate in _RATES.values()]
        sums += [f"sum({expression})" for expression in _HEALTH.values()]
        return ask(f"SELECT place, variant, attributes, {', '.join(sums)}, max(last) FROM m GROUP BY 1, 2, 3")
    names = [f"s{place}" for place in range(len(_RATES) + len(_HEALTH))]
    ask(f"CREATE TEMPORARY TABLE c (p, v, a, {', '.join(names)}, last, PRIMARY KEY (p, v, a)) WITHOUT ROWID")
    more = ", ".join(f"{name} = {name} + excluded.{name}" for name in names)
    ask(
        f"INSERT INTO c SELECT place, variant, attributes, {', '.join([*_RATES.values(), *_HEALTH.values()])}, "
        f"coalesce(last, 0) FROM m WHERE true ON CONFLICT DO UPDATE SET {more}, last = max(last, excluded.last)"
    )
    return ask("SELECT * FROM c")


def _amount(name: str, cap: int, sqlite: bool) -> str:
    least, log = ("min", "ln(x / 1e6)") if sqlite else ("least", "ln(x::float8 / 1e6)")
    return f"""
        SELECT variant, count(*), sum(x), sum((x / 1000000) * (x / 1000000)), sum((x / 1000000) * (x % 1000000)),
            sum((x % 1000000) * (x % 1000000)), sum({log}), sum({log} * {log}),
            sum(CASE WHEN w > {cap} THEN 1 ELSE 0 END)
        FROM (SELECT place, variant, {name} AS w, {least}({name}, {cap}) AS x FROM m WHERE {name} > 0) AS paid
        GROUP BY place, variant
    """


def _sums(rows: list[tuple]) -> Counter[tuple]:
    found: Counter[tuple] = Counter()
    for *key, n in rows:
        found[tuple(key)] += n
    return found
