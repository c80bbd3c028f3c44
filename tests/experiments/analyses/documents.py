"""Inputs of analyses without a database, and the documents of `compute` for them."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from analysis.priors import CONTENT
from analysis.statistics import AdjustedStatistics, CountStatistics, ProportionStatistics, RetentionStatistics
from experiments.analyses.compute import compute
from experiments.analyses.plan import Inputs, LiftPrior
from experiments.catalogue.metrics import DAY_US, metric
from experiments.collect.collected import Collected, Quality

BEGAN_US = 1_790_000_000_000_000
WHOLE = {"with_models", "looks", "aa_history", "srm_failed"}
RATES = {"a": ProportionStatistics(4000, 400), "b": ProportionStatistics(4100, 520)}

ORDERED = {
    key: CountStatistics(tuple(zip(*(part.tolist() for part in np.unique(own, return_counts=True)), strict=True)))
    for key, own in (
        (key, np.random.default_rng(seed).negative_binomial(0.5, 0.5 / (0.5 + mean), 3000))
        for key, mean, seed in (("a", 0.4, 1), ("b", 0.5, 2))
    )
}


def inputs(data: Mapping[str, Any], *, collected: Mapping[str, Any] | None = None, **changes: Any) -> Inputs:
    """Return inputs of an analysis of two variants after eight days; `changes` are fields of them or of the plan."""
    counts = {key: cell.n for key, cell in next(iter(data.values())).items()}
    whole = {name: changes.pop(name) for name in WHOLE & changes.keys()}
    plan = {
        "experiment": "spring", "run": 1, "started_us": BEGAN_US, "ended_us": None, "running": True, "imported": False,
        "dates_known": True, "simulated": True, "control": "a", "weights": [["a", 0.5], ["b", 0.5]],
        "names": [["a", "A"], ["b", "Bloom"]], "primary": next(iter(data)), "metrics": list(data),
        "guardrails": [], "segments": [], "currency": "EUR", "window_days": 7, "planned_days": 14,
        "minimum_members": 100, "threshold_of_caring": 0.01, "silence_hours": 6, "clock_tolerance_us": 0,
        "allocation": None, "covariate": None, "interval": "eti", "earlier_runs": [],
        "lift_prior": LiftPrior("auto", CONTENT).to_dict(),
        "epochs": [{"number": 1, "started_us": BEGAN_US, "weights": [["a", 0.5], ["b", 0.5]], "buckets": None}],
    } | changes  # fmt: skip
    found = Collected(
        **{
            "counts": counts,
            "excluded": {"multi_exposed": 0, "bots": 0},
            "shared": 0,
            "metric_data": data,
            "first_exposure_us": BEGAN_US,
            "quality": Quality(events=1000),
        }
        | (collected or {})
    )
    document = {
        "created_at": "2026-10-01T00:00:00Z", "cut_off_us": BEGAN_US + 8 * DAY_US, "seed": 7, "plan": plan,
        "collected": found.to_dict(), "counts_only": False, "looks": [], "srm_failed": False, "aa_history": [],
        "with_models": False, "metric_definitions": {key: metric(key).definition("EUR", 7) for key in data},
    } | whole  # fmt: skip
    return Inputs.from_dict(json.loads(json.dumps(document)))


def answered(*arguments: Any, **named: Any) -> dict[str, Any]:
    return json.loads(json.dumps(compute(inputs(*arguments, **named), identity="i")[0].to_dict(), allow_nan=False))


def figures(entry: dict[str, Any], variant: str = "b") -> tuple[dict, dict]:
    """The variant's row and its comparison."""
    rows = {row["variant"]: row for row in entry["variants"]}
    return rows[variant], {row["variant"]: row for row in entry["comparisons"]}[variant]


def with_history(correlation: float, seed: int = 3) -> dict[str, AdjustedStatistics]:
    """Return outcomes of 0 or 1 with a covariate that is correlated with them."""
    chance, found = np.random.default_rng(seed), {}
    for key, cell in RATES.items():
        x = np.zeros(cell.n)
        x[: cell.successes] = 1
        c = correlation * (x - x.mean()) / x.std() + np.sqrt(1 - correlation**2) * chance.normal(size=cell.n) + 3
        sums = (float(c.sum()), float((c * c).sum()), float((x * c).sum()))
        found[key] = AdjustedStatistics(cell.n, Decimal(cell.successes), float(cell.successes), *sums)
    return found


def returns(shares: dict[str, float]) -> dict[str, RetentionStatistics]:
    chance, found = np.random.default_rng(5), {}
    for key, share in shares.items():
        members = [(7, [int(chance.integers(1, 7))] if chance.random() < share else []) for _ in range(600)]
        found[key] = RetentionStatistics.from_members(members, 7)
    return found
