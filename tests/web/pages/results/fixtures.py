"""Results for the results page's tests, made by the real analysis of invented audiences."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from analysis import AmountStatistics, ProportionStatistics, Rules, decide, scorecard
from analysis.health.checks import check_health
from analysis.health.data import HealthData
from analysis.health.split import split_of
from analysis.health.srm import Epoch
from experiments.analyses.records import Point
from experiments.analyses.serialise import finite
from experiments.reporting.worded import Reading
from tests.web.pages.results.stored_form import reading_of
from web.pages.results.parts import Plan, VariantFacts

STARTED = datetime(2026, 11, 15, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 8, 12, tzinfo=UTC)
GUARDRAILS = ("negative_rate",)
HEADLINES = {"a": "New season, new colours", "b": "Meet the people who make it", "c": "Only this week: 20 % off"}
NAMES = {
    "sticky_rate": ("Sticky members", "came back on a later day, shared or bought within 7 days"),
    "share_rate": ("Shares", "members who passed it on"),
    "purchase_rate": ("Purchases", "members who bought"),
    "revenue": ("Revenue", "spent per member within 7 days"),
    "negative_rate": ("Complaints", "hidden, reported, unsubscribed"),
}
# members, then successes a metric
SPRING = {
    "a": (7121, {"sticky_rate": 812, "share_rate": 150, "purchase_rate": 235, "negative_rate": 28}),
    "b": (7094, {"sticky_rate": 893, "share_rate": 213, "purchase_rate": 248, "negative_rate": 28}),
    "c": (7091, {"sticky_rate": 851, "share_rate": 156, "purchase_rate": 262, "negative_rate": 43}),
}
LEVELS = (
    ("Germany", 9120, 0.11, 0.05, 0.12),
    ("Austria", 3410, 0.12, 0.065, 0.15),
    ("Switzerland", 2020, 0.08, 0.075, 0.02),
    ("France", 1640, 0.06, 0.08, -0.06),
    ("", 5116, 0.10, 0.06, 0.10),
)


def variants(keys: str = "abc", image: str = "") -> tuple[VariantFacts, ...]:
    """Variants in order, the first one the control."""
    return tuple(VariantFacts(key, i, key.upper(), i == 0, HEADLINES[key], image) for i, key in enumerate(keys))


def plan(**changes: Any) -> Plan:
    """The plan that goes with `result`."""
    return Plan(
        **(
            {
                "primary": "sticky_rate",
                "currency": "EUR",
                "zone": "Europe/Berlin",
                "started_at": STARTED,
                "planned_days": 14,
            }
            | changes
        )
    )


def called() -> list[list[str]]:
    """Return the name of each variant, as a plan stores it."""
    return [[key, headline] for key, headline in HEADLINES.items()]


def result(audience: dict = SPRING, **options: Any) -> dict[str, Any]:
    """A whole result in words, as the pages read it; see `stored_result`."""
    stored = stored_result(audience, **options)
    return dict(reading_of(stored, dict(called())).wording.worded(stored))


def reading(result: dict[str, Any] | None = None) -> Reading:
    """A result as the page is built from it."""
    return reading_of(stored_result() if result is None else result, dict(called()))


def stored_result(
    audience: dict = SPRING,
    *,
    checks: Any = None,
    scale: float = 1.0,
    segments: Any = None,
    cut_off: datetime = NOW,
    planned_days: float | None = 14,
) -> dict[str, Any]:
    """A whole result as it is stored, messages included, with its densities still inside.

    Parameters
    ----------
    audience
        ``{variant: (members, {metric: successes})}``, the control first.
    checks
        Health checks; by default five healthy ones and a warning.
    scale
        Multiplies every count: 0.01 gives too little data.
    """
    members = {key: max(1, round(n * scale)) for key, (n, _) in audience.items()}
    metrics = [_proportion(audience, members, metric, scale) for metric in next(iter(audience.values()))[1]]
    metrics.insert(3, _revenue(members))
    checks = healthy(members) if checks is None else checks
    return document(metrics, checks, cut_off=cut_off, segments=segments, planned_days=planned_days)


def document(
    metrics: list[Any],
    checks: Any,
    *,
    cut_off: datetime = NOW,
    segments: Any = None,
    planned_days: float | None = 14,
) -> dict[str, Any]:
    """A stored result with the verdict on its scorecards and health checks."""
    by_key = {entry.metric: entry for entry in metrics}
    verdict = decide(
        by_key["sticky_rate"],
        rules=Rules(planned_days=planned_days),
        health=checks,
        guardrails=[by_key["negative_rate"]],
        elapsed_days=(cut_off - STARTED).total_seconds() / 86_400,
        looks=(),
    )
    randomised = sum(row.n for row in metrics[0].variants)
    stored = {
        "experiment": "spring-headline",
        "run": 1,
        "analysis": "019ab0c4-0000-7000-8000-000000000001",
        "cut_off": cut_off.isoformat().replace("+00:00", "Z"),
        "verdict": verdict.to_dict(),
        "health": [check.to_dict() for check in checks],
        "units": {
            "randomised": randomised,
            "shared": 310,
            "excluded": {"multi_exposed": 4, "bots": 12},
            "events_set_aside": {"scanner": 3},
        },
        "metrics": [entry.to_dict() | _named(entry.metric) for entry in metrics],
        "segments": [segment()] if segments is None else segments,
        "provenance": {
            "metric_definitions": {},
            "priors": {"sticky_rate": metrics[0].prior.to_dict()},
            "seed": 7,
            "versions": {"klette": "0.1.0"},
        },
    }
    return finite(stored)


def _proportion(audience: dict, members: dict, metric: str, scale: float) -> Any:
    data = {
        key: ProportionStatistics(members[key], min(members[key], round(done[metric] * scale)))
        for key, (_, done) in audience.items()
    }
    return scorecard(data, control="a", metric=metric, direction="lower" if metric in GUARDRAILS else "higher")


def _revenue(members: dict) -> Any:
    bought = {"a": 0.033, "b": 0.035, "c": 0.037}
    data = {}
    for key, n in members.items():
        values = [Decimal(20 + 7 * (i % 9)) for i in range(round(n * bought[key]))]
        data[key] = AmountStatistics.from_values([*values, *[Decimal(0)] * (n - len(values))], cap=Decimal(10_000))
    return scorecard(data, control="a", metric="revenue")


def _named(metric: str) -> dict[str, Any]:
    name, hint = NAMES[metric]
    money = {"unit_of_measure": "EUR per member", "currency": "EUR"}
    return {"name": name, "hint": hint, "population": "direct"} | (
        money if metric == "revenue" else {"unit_of_measure": "share of members"}
    )


def healthy(members: dict) -> list[Any]:
    randomised, now_us = sum(members.values()), round(NOW.timestamp() * 1e6)
    data = HealthData(
        epochs=(Epoch(members, dict.fromkeys(members, 1.0)),),
        randomised=randomised,
        multi_exposed=round(randomised * 0.002),
        bots=round(randomised * 0.011),
        immature=round(randomised * 0.36),
        events=randomised,
        late=3,
        listening=True,
        last_event_us=now_us - 40_000_000,
        now_us=now_us,
    )
    return check_health(data)


def broken_split() -> list[Any]:
    """Checks of a run whose split is not the planned one."""
    return [split_of({"a": 7121, "b": 6400, "c": 7091}, {"a": 1.0, "b": 1.0, "c": 1.0})]


def segment(name: str = "country", keys: str = "bc") -> dict[str, Any]:
    """One attribute as the segmented model stores it."""
    rows = []
    for level, n, mean, sd, raw in LEVELS:
        rows.append({"variant": "a", "level": level, "n": n // 3, "total": n // 30, "lift": None})
        for shift, key in enumerate(keys):
            centre = mean - 0.08 * shift
            rows.append(
                {
                    "variant": key,
                    "level": level,
                    "n": n // 3,
                    "total": n // 28,
                    "raw_rate": 0.12,
                    "lift": {
                        "mean": centre,
                        "median": centre,
                        "interval": {
                            "kind": "eti",
                            "probability": 0.95,
                            "low": centre - 1.96 * sd,
                            "high": centre + 1.96 * sd,
                        },
                    },
                    "raw_lift": raw - 0.08 * shift,
                    "p_beats_control": 0.9,
                }
            )
    return {"segment": name, "metric": "sticky_rate", "segment_rows": rows}


def history(days: int = 8, keys: str = "abc") -> list[Point]:
    """Chances of being best, one a day, drifting from even towards b."""
    rows = []
    for day in range(1, days + 1):
        lead = 1 / len(keys) + (0.94 - 1 / len(keys)) * (1 - 0.72**day)
        rest = [(1 - lead) * share for share in ((0.3, 0.7) if len(keys) == 3 else (1.0,))]
        values = [rest[0], lead, *rest[1:]]
        rows.append(Point(STARTED + timedelta(days=day), dict(zip(keys, values, strict=True)), 1000 * day))
    return rows
