"""A small seeded audience with all edge cases, and its expected figures computed in plain Python."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from analysis.statistics import CascadeStatistics
from experiments.catalogue.event_types import EVENT_TYPES
from experiments.catalogue.metrics import DAY_US, METRICS
from experiments.storage.tables import Event, Experiment, Exposure, MultiExposure, Run, Variant

BEGAN_US = 1_790_000_000_000_000
WINDOW_DAYS = 7
TOLERANCE_US = 5_000_000
CUT_OFF_US = BEGAN_US + 12 * DAY_US
TYPES = ("view", "click", "dwell", "share", "purchase", "comment", "review", "mention", "negative", "custom_thing")
#: Types declared since: they have a random stream of their own, so that a new one changes no other event.
FURTHER_TYPES = tuple(kind.key for kind in EVENT_TYPES if kind.key not in (*TYPES, "exposure"))
MEASURED = (
    "sticky_rate",
    "click_rate",
    "return_rate",
    "share_rate",
    "purchase_rate",
    "response_rate",
    "revenue",
    "orders",
    "dwell",
    "negative_rate",
)
HISTORY_DAYS = 9
HISTORIES = (0, 12.5, 329.08, -3, 10**400, 1e300, "12", True, None)
PROPERTIES = (
    None,
    {},
    {"sentiment": -0.5, "reach": 1_200},
    {"sentiment": 1, "reach": 2_000_000},
    {"sentiment": 0.333333, "reach": 12.5},
    {"reach": "many", "sentiment": "good"},
    {"reach": None, "sentiment": 2},
)
ACTIONS = {"comment": 0.25, "share": 1.5}
MARGIN = 0.4
COSTS = {"a": (Decimal("100.50"), Decimal(3))}
COUNTRIES = ("DE", "AT", "Bär", 'a"b', True, 1, 1.5, None)


@dataclass
class Audience:
    """Rows to store, as plain dictionaries."""

    exposures: list[dict[str, Any]] = field(default_factory=list)
    multi_exposed: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


def make_audience(seed: int, members: int = 300, *, rich: bool = False) -> Audience:
    """Return members and events with times on, just before and just after every boundary of collect.

    A `rich` one also has allocation epochs, share links, mentions with properties, numbers among the attributes, and
    events long before the exposure.
    """
    chance, made = random.Random(seed), Audience()
    for number in range(members):
        unit = f"unit-{number:05d}"
        at = BEGAN_US + chance.randrange(13 * DAY_US)
        made.exposures.append(
            {
                "run_id": chance.choice((1, 1, 1, 1, 2)),
                "unit": unit,
                "variant": chance.choice("abc"),
                "at_us": at,
                "received_us": at + chance.choice((0, 1_000, 3 * DAY_US)),
                "origin": chance.choice(("randomised",) * 8 + ("shared",)),
                "epoch": 1,
                "bot": chance.random() < 0.05,
                "attributes": chance.choice((None, {"country": chance.choice(COUNTRIES), "a.b": "x"})),
            }
        )
        if chance.random() < 0.05:
            run_id = made.exposures[-1]["run_id"]
            for variant in "ab":
                late = chance.choice((0, 20 * DAY_US))
                row = {"run_id": run_id, "unit": unit, "variant": variant, "at_us": at, "received_us": at + late}
                made.multi_exposed.append(row)
        for _ in range(chance.choice((0, 0, 1, 2, 6))):
            made.events.append(_event(chance, f"e-{len(made.events)}", unit, at))
    made.events += [_event(chance, f"stray-{number}", f"nobody-{number}", BEGAN_US) for number in range(20)]
    if rich:
        _enrich(made, chance)
    _add_further_types(made, random.Random(seed + 1))
    return made


def _add_further_types(made: Audience, chance: random.Random) -> None:
    for kind in FURTHER_TYPES:
        for row in made.exposures:
            if chance.random() < 0.3:
                event = _event(chance, f"{kind}-{row['unit']}", row["unit"], row["at_us"])
                made.events.append(event | {"type": kind, "value_micro": None, "currency": None})


def _enrich(made: Audience, chance: random.Random) -> None:
    for place, row in enumerate(made.exposures):
        row["epoch"] = chance.choice((1, 1, 3)) if row["at_us"] > BEGAN_US + 5 * DAY_US else 1
        if chance.random() < 0.7:
            row["attributes"] = (row["attributes"] or {}) | {"history": chance.choice(HISTORIES)}
        row["origin"] = chance.choice(("randomised", "shared"))
        hosts = [host for host in made.exposures[:place] if host["run_id"] == row["run_id"]]
        if row["origin"] == "shared" and hosts and chance.random() < 0.9:
            _bring(row, chance.choice(hosts[-30:]))
        for _ in range(chance.choice((0, 0, 1, 3))):
            before = _event(chance, f"e-{len(made.events)}", row["unit"], row["at_us"])
            before["at_us"] = row["at_us"] - chance.randrange(20 * DAY_US)
            before["received_us"] = before["at_us"]
            made.events.append(before)
    for event in made.events:
        if event["type"] == "mention":
            event["properties"] = chance.choice(PROPERTIES)


def _bring(row: dict[str, Any], host: dict[str, Any]) -> None:
    """Make the member a guest of the host, with the host's variant and root."""
    root = host["unit"] if host["origin"] == "randomised" else host.get("root")
    depth = host.get("depth", 0) + 1
    row |= {"variant": host["variant"], "brought_by": host["unit"], "root": root, "depth": depth}


def _event(chance: random.Random, identity: str, unit: str, exposed_us: int) -> dict[str, Any]:
    edges = (0, -TOLERANCE_US, -DAY_US, DAY_US, WINDOW_DAYS * DAY_US, CUT_OFF_US - exposed_us)
    offset = chance.choice((*edges, chance.randrange(-DAY_US, 10 * DAY_US))) + chance.choice((-1, 0, 1))
    kind = chance.choice(TYPES)
    at = exposed_us + offset
    value = None
    if kind in ("purchase", "dwell"):
        # Fractions of a cent, and sums above the cap.
        value = chance.choice((0, 1, 49_900_000, chance.randrange(10**9), 20_000_000_000, None))
    return {
        "id": identity,
        "unit": unit,
        "type": kind,
        "at_us": at,
        "received_us": at + chance.choice((0, 500, -90_000_000, 2 * DAY_US)),
        "value_micro": value,
        "currency": chance.choice(("EUR", "EUR", "USD", None)) if kind == "purchase" else None,
        "experiment": chance.choice((None, None, "test", "another")),
        "properties": None,
    }


def store_experiment(session: Session, **changes: Any) -> Experiment:
    """Store an experiment with three variants and a run."""
    values = {
        "id": 1,
        "project_id": 1,
        "key": "test",
        "name": "Test",
        "state": "running",
        "primary_metric": "sticky_rate",
        "metrics": [key for key in MEASURED if key != "negative_rate"],
        "guardrails": ["negative_rate"],
        "traffic_seed": "t",
        "window_days": WINDOW_DAYS,
        "segments": ["country"],
        "currency": "EUR",
    } | changes
    experiment = Experiment(**values)
    session.add(experiment)
    session.flush()
    for place, key in enumerate("abc"):
        weight, name = (0.34, "As ever") if place == 0 else (0.33, "")
        session.add(
            Variant(experiment_id=1, position=place, key=key, name=name, control=place == 0, weight=weight, content={})
        )
    began = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=BEGAN_US)
    allocation = [["a", 0.34, 3400], ["b", 0.33, 6700], ["c", 0.33, 10000]]
    session.add(Run(id=1, experiment_id=1, number=1, seed="s", allocation=allocation, started_at=began))
    session.flush()
    return experiment


def store_audience(session: Session, audience: Audience) -> None:
    """Store the rows; those of the second run belong to another experiment."""
    other = Experiment(
        id=2,
        project_id=1,
        key="another",
        name="Another",
        primary_metric="click_rate",
        metrics=[],
        guardrails=[],
        traffic_seed="t",
        segments=[],
        currency="EUR",
    )
    session.add(other)
    session.flush()
    session.add(Run(id=2, experiment_id=2, number=1, seed="s", allocation=[]))
    session.flush()
    session.add_all(Exposure(project_id=1, **row) for row in audience.exposures)
    session.add_all(MultiExposure(**row) for row in audience.multi_exposed)
    session.add_all(Event(project_id=1, **row) for row in audience.events)
    session.flush()


# Expected figures ------------------------------------------------------------------------------------------------


def expected_members(
    audience: Audience, *, by_arrival: bool = True, tolerance_us: int = 0, brought: bool = False
) -> dict[str, dict[str, Any]]:
    """Return each counted member's outcomes, computed from the rules independently of collect.

    Includes randomised members, or with `brought` all members who count.
    """
    found = {
        unit: {"row": row, "events": [], "before": [], "early": 0}
        for unit, row in _counted(audience, by_arrival).items()
        if brought or row["origin"] == "randomised"
    }
    for event in audience.events:
        member = found.get(event["unit"])
        if member is None or not _received(event, by_arrival) or event["experiment"] not in (None, "test"):
            continue
        since = event["at_us"] - member["row"]["at_us"]
        outcome = (event["type"], since, event)
        if -tolerance_us <= since < WINDOW_DAYS * DAY_US:
            member["events"].append(outcome)
        if -tolerance_us - DAY_US <= since < -tolerance_us and event["at_us"] >= BEGAN_US:
            member["early"] += 1
        if -tolerance_us - HISTORY_DAYS * DAY_US <= since < -tolerance_us:
            member["before"].append(outcome)
    return {
        unit: {"row": member["row"], "early": member["early"]}
        | _outcomes(member["events"])
        | {f"{key}_before": value for key, value in _outcomes(member["before"], before=True).items()}
        for unit, member in found.items()
    }


def _received(row: dict[str, Any], by_arrival: bool) -> bool:
    return row["at_us"] <= CUT_OFF_US and (not by_arrival or row["received_us"] <= CUT_OFF_US)


def _counted(audience: Audience, by_arrival: bool) -> dict[str, dict[str, Any]]:
    """Return the exposures without excluded ones, of every origin."""
    twice = {
        row["unit"]
        for row in audience.multi_exposed
        if row["run_id"] == 1 and (not by_arrival or row["received_us"] <= CUT_OFF_US)
    }
    return {
        row["unit"]: row
        for row in audience.exposures
        if row["run_id"] == 1 and _received(row, by_arrival) and not row["bot"] and row["unit"] not in twice
    }


def _outcomes(events: list[tuple[str, int, dict[str, Any]]], *, before: bool = False) -> dict[str, Any]:
    did = Counter(kind for kind, _, _ in events)
    activity = {"view", "click", "dwell", "share", "purchase", "comment", "review"}
    activity |= {kind.key for kind in EVENT_TYPES if kind.key in FURTHER_TYPES and kind.activity}
    # Before the exposure later days make no difference: any activity is the same outcome.
    returns = [since for kind, since, _ in events if kind in activity and (before or since >= DAY_US)]
    paid = [e["value_micro"] for kind, _, e in events if kind == "purchase" and e["currency"] != "USD"]
    orders = [value for value in paid if value is not None]
    mentions = [e["properties"] or {} for kind, _, e in events if kind == "mention"]
    sentiments = [_number(found, "sentiment", -1, 1) for found in mentions]
    reaches = [_number(found, "reach", 0, 10**9) for found in mentions]
    seconds = sum(e["value_micro"] or 0 for kind, _, e in events if kind == "dwell")
    shares = {metric.key: any(did[kind] for kind in metric.events) for metric in METRICS if metric.kind == "proportion"}
    return shares | {
        "click_rate": did["click"] > 0,
        "share_rate": did["share"] > 0,
        "purchase_rate": did["purchase"] > 0,
        "return_rate": bool(returns),
        "sticky_rate": bool(returns) or did["share"] > 0 or did["purchase"] > 0,
        "negative_rate": did["negative"] > 0,
        "response_rate": did["comment"] + did["review"] + did["mention"] > 0,
        "orders": did["purchase"],
        "revenue": Decimal(sum(orders)) / 1_000_000,
        "dwell": Decimal(seconds) / 1_000_000,
        "earned_reach": sum((value for value in reaches if value is not None), Decimal(0)),
        "order_value": (Decimal(sum(orders)) / 1_000_000, len(orders)),
        "sentiment": (
            sum((value for value in sentiments if value is not None), Decimal(0)),
            sum(value is not None for value in sentiments),
        ),
        "active_days": len({abs(since) // DAY_US for since in returns}),
        "return_days": {since // DAY_US for since in returns},
        "actions": [did[kind] for kind in ACTIONS],
        "late": sum(e["received_us"] - e["at_us"] > DAY_US for _, _, e in events),
        "ahead": sum(e["received_us"] - e["at_us"] < -60_000_000 for _, _, e in events),
        "events": len(events),
    }


def _number(properties: dict[str, Any], name: str, low: int, high: int) -> Decimal | None:
    value = properties.get(name)
    return Decimal(str(value)) if isinstance(value, int | float) and low <= value <= high else None


def expected_cascades(audience: Audience, *, by_arrival: bool = True) -> dict[str, CascadeStatistics]:
    """Return the cascades, computed for each host."""
    people = _counted(audience, by_arrival)
    guests = [row for row in people.values() if row["origin"] == "shared"]
    rows: dict[str, dict[str, list]] = {v: {"offspring": [], "delays": [], "sizes": [], "depths": []} for v in "abc"}
    for unit, row in people.items():
        own, age = rows[row["variant"]], min(WINDOW_DAYS, (CUT_OFF_US - row["at_us"]) // DAY_US)
        delays = [
            max(0, guest["at_us"] - row["at_us"]) // DAY_US for guest in guests if guest.get("brought_by") == unit
        ]
        delays = [delay for delay in delays if delay < WINDOW_DAYS]
        own["offspring"].append((age, len(delays), 1))
        own["delays"] += [(age, delay, 1) for delay in delays]
        if row["origin"] == "randomised":
            followers = [guest["depth"] for guest in guests if guest.get("root") == unit]
            own["sizes"].append((1 + len(followers), 1))
            own["depths"].append((max(followers, default=0), 1))
    return {
        variant: CascadeStatistics(WINDOW_DAYS, *(tuple(found[name]) for name in found))
        for variant, found in rows.items()
    }
