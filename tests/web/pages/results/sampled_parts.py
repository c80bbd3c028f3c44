"""The parts of a result beside its scorecard, in the shapes of a stored analysis, with invented figures."""

import math
from copy import deepcopy
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from analysis.models.negative_binomial import figures_of
from analysis.priors import WEAK_ADJUSTED
from tests.web.pages.results import fixtures

MATURE = {"a": 4521, "b": 4498, "c": 4507}
# members who came back at least once, and how slowly they stop
RETENTION = {"a": (0.123, 2.1), "b": (0.152, 3.9), "c": (0.128, 2.6)}
BROUGHT = {"a": (0.19, 1352), "b": (0.31, 2199), "c": (0.21, 1490)}
BUYING = {"a": (0.0330, 44.9), "b": (0.0350, 46.2), "c": (0.0369, 43.1)}


def estimate(mean: float, sd: float, kind: str = "eti") -> dict[str, Any]:
    """An estimate in the API's shape, with a 95 % interval of 1.96 standard deviations on each side."""
    return {"mean": mean, "median": mean, "interval": interval(mean, sd, kind)}


def interval(mean: float, sd: float, kind: str = "eti") -> dict[str, Any]:
    return {"kind": kind, "probability": 0.95, "low": mean - 1.96 * sd, "high": mean + 1.96 * sd}


def not_shown(code: str, reason: str) -> dict[str, Any]:
    return {"not_shown": {"code": code, "reason": reason}}


def retention(horizon: int = 14) -> dict[str, Any]:
    """Every variant's curve over the days of the window."""
    return {
        "not_shown": None,
        "horizon": horizon,
        "variants": [_retention_of(key, horizon) for key in RETENTION],
        "diagnostics": gate(),
        "seed": 7,
        "engine": "nutpie",
    }


def _retention_of(key: str, horizon: int) -> dict[str, Any]:
    ever, half = RETENTION[key]
    left = {day: ever * math.exp(-(day - 1) * math.log(2) / half) for day in range(1, horizon)}
    points = [_point(day, share, MATURE[key]) for day, share in left.items()]
    return {
        "variant": key,
        "n": fixtures.SPRING[key][0],
        "mature": MATURE[key],
        "curve": points,
        "half_life": estimate(half, 0.13),
        "ever_returned": estimate(ever, 0.005),
        "returning": [_point(day, ever - share / 2, fixtures.SPRING[key][0]) for day, share in left.items()],
        "tail": {"alpha": 1.1, "beta": 3.0, "active": [_point(28, ever / 9, MATURE[key])], "not_shown": None},
    }


def _point(day: int, share: float, members: int) -> dict[str, Any]:
    sd = math.sqrt(share * (1 - share) / members)
    raw = share * (1 + 0.01 * math.sin(day))
    return {"day": day, "mean": share, "low": share - 1.96 * sd, "high": share + 1.96 * sd, "raw": raw}


def early_retention(horizon: int = 14) -> dict[str, Any]:
    """No member has had the whole window, and some have returned already."""
    found = retention(horizon)
    why = not_shown("nobody_mature", f"No member's {horizon} days are over yet.")
    for row in found["variants"]:
        row |= {"mature": 0, "curve": [], "half_life": why, "ever_returned": why, "tail": None}
        row["returning"] = row["returning"][:5]
    return found


def cascade() -> dict[str, Any]:
    """What members brought, with the histograms of cascades."""
    return {
        "not_shown": None,
        "variants": [_carrying(key) for key in BROUGHT],
        "comparisons": [
            {"variant": key, "control": "a", "difference": estimate(BROUGHT[key][0] - 0.19, 0.02), "p_beats_control": p}
            for key, p in (("b", 0.9999), ("c", 0.84))
        ],
        "diagnostics": gate(),
        "seed": 7,
        "engine": "nutpie",
    }


def _carrying(key: str) -> dict[str, Any]:
    r, brought = BROUGHT[key]
    roots = fixtures.SPRING[key][0]
    largest = {"a": 17, "b": 64, "c": 23}[key]
    return {
        "variant": key,
        "n": roots + brought,
        "brought": brought,
        "roots": roots,
        "r": estimate(r, 0.02),
        "dispersion": estimate(0.31, 0.04),
        "p_viral": 0.0,
        "reach": {"median": 1 / (1 - r), "interval": interval(1 / (1 - r), 0.03)},
        "reach_not_shown": None,
        "too_young": 0.12,
        "sizes": [[1, roots - 640], [2, 380], [3, 130], [5, 80], [12, 49], [largest, 1]],
        "depths": [[0, roots - 640], [1, 520], [2, 90], [3, 29], [5 if key == "b" else 4, 1]],
    }


def amounts() -> list[dict[str, Any]]:
    """The money metric taken apart, behind its predictive checks."""
    checks = [
        {"name": "largest order", "observed": 231.0, "low": 180.2, "high": 402.9, "passed": True},
        {"name": "share above twice the mean", "observed": 0.07, "low": 0.05, "high": 0.09, "passed": True},
    ]
    rows = []
    for key, (share, amount) in BUYING.items():
        n = fixtures.SPRING[key][0]
        positive = round(n * share)
        spread = math.sqrt(share * (1 - share) / n)
        rows.append(
            {
                "variant": key,
                "n": n,
                "positive": positive,
                "share": estimate(share, spread),
                "amount": estimate(amount, amount * 0.55 / math.sqrt(positive)),
                "mean": estimate(share * amount, share * amount * 0.08),
                "share_lift": None if key == "a" else estimate(share / BUYING["a"][0] - 1, 0.09),
                "amount_lift": None if key == "a" else estimate(amount / BUYING["a"][1] - 1, 0.05),
            }
        )
    shape = {"metric": "revenue", "not_shown": None, "family": "log_normal", "variants": rows, "checks": checks}
    return [shape | {"diagnostics": gate(), "seed": 7, "engine": "nutpie"}]


def no_amounts() -> list[dict[str, Any]]:
    """The same where the fitted curve does not look like what was spent."""
    why = "Neither curve looks like what members spent, so the split would mislead; the mean per member holds."
    return [{"metric": "revenue", "family": None, "variants": [], "checks": [], **not_shown("predictive", why)}]


def counts(metric: str = "active_days", mean: float = 0.21, dispersion: float = 2.4) -> list[dict[str, Any]]:
    """A count metric by the law itself: b has a third more of it, c as much as a."""
    rows = []
    for key, more_of_it in (("a", 1.0), ("b", 1.38), ("c", 1.05)):
        law = figures_of(np.log([mean * more_of_it]), np.log([dispersion]))
        shown = {name: estimate(float(value[0]), 0.03 * float(value[0])) for name, value in law.items()}
        n = fixtures.SPRING[key][0]
        alike = float(figures_of(np.log([mean * more_of_it]), np.log([1e-7]))["busiest"][0])
        lift = None if key == "a" else estimate(more_of_it - 1, 0.04)
        row = {"variant": key, "n": n, "positive": round(n * (1 - shown["never"]["mean"])), **shown, "alike": alike}
        rows.append(row | {"lift": lift, "p_beats_control": None if key == "a" else 0.97})
    checks = [
        {"name": "Share of members of A who never did it", "observed": 0.82, "low": 0.81, "high": 0.83, "passed": True}
    ]
    shape = {"metric": metric, "not_shown": None, "variants": rows, "checks": checks}
    return [shape | {"diagnostics": gate(), "seed": 7, "engine": "nutpie"}]


def no_counts() -> list[dict[str, Any]]:
    """The same where too few did it."""
    why = "2 of 102 members of B did it; how unevenly is shown from 5 on."
    return [{"metric": "active_days", "variants": [], "checks": [], **not_shown("too_few_counts", why)}]


def allocation(steps: int = 4, started: datetime = fixtures.STARTED) -> dict[str, Any]:
    """Shares that move towards b, a step every two days."""
    shares = ((1 / 3, 1 / 3, 1 / 3), (0.24, 0.49, 0.27), (0.12, 0.74, 0.14), (0.05, 0.88, 0.07))[:steps]
    return {
        "method": "thompson",
        "floor": 0.05,
        "epochs": [
            {
                "number": number + 1,
                "started": (started + timedelta(days=2 * number)).isoformat().replace("+00:00", "Z"),
                "weights": dict(zip("abc", weights, strict=True)),
                "members": {key: round(5300 * weight) for key, weight in zip("abc", weights, strict=True)},
            }
            for number, weights in enumerate(shares)
        ],
        "next": {"a": 0.05, "b": 0.9, "c": 0.05},
        "next_not_shown": None,
        "caveat": "The shares followed the results, so the figures of variants that began badly stay a little low;"
        " each step is compared within itself.",
    }


def adjusted(reduction: float = 0.0002) -> dict[str, Any]:
    """A covariate that explains next to nothing, as histories often do."""
    lifts = {"b": (0.117, 0.048), "c": (0.045, 0.046)}
    comparisons = [{"variant": key, "control": "a", "lift": estimate(*pair)} for key, pair in lifts.items()]
    found = {"covariate": {"attribute": "history"}, "variance_reduction": reduction, "correlation": 0.014}
    rows = [row | {"mean": row["mean"] * 1.01} for row in plain_result()["metrics"][0]["variants"]]
    nothing = {"p_beats_control": 0.97, "p_rope": 0.1, "lift_not_shown": None, "difference": None}
    comparisons = [row | nothing for row in comparisons]
    used = {"not_shown": None, "model": "adjusted", "prior": WEAK_ADJUSTED.to_dict()}
    return found | {"variants": rows, "comparisons": comparisons} | used


def gate() -> dict[str, Any]:
    """Diagnostics that passed."""
    return {"passed": True, "rhat_max": 1.0021, "ess_min": 1804.3, "divergences": 0, "reasons": []}


def entry(metric: str, name: str, kind: str, values: dict[str, tuple[float, float]], **more: Any) -> dict[str, Any]:
    """An entry of "metrics" from a mean and a standard deviation a variant, compared by difference."""
    control = next(iter(values))
    base = values[control][0]
    best = max(values, key=lambda key: values[key][0])
    rows = [
        {
            "variant": key,
            "n": fixtures.SPRING[key][0],
            "total": more.get("totals", {}).get(key, fixtures.SPRING[key][0] * mean),
            "raw_mean": mean * 0.99,
            "mean": mean,
            "sd": sd,
            "interval": interval(mean, sd),
            "p_best": 0.9 if key == best else 0.1 / (len(values) - 1),
            "expected_loss": 0.01 * sd,
            "loss_if_wrong": 0.4 * sd,
        }
        for key, (mean, sd) in values.items()
    ]
    comparisons = [
        {
            "variant": key,
            "control": control,
            "lift": more.get("lifts", {}).get(key),
            "difference": estimate(mean - base, math.hypot(sd, values[control][1])),
            "p_beats_control": 0.9 if mean > base else 0.2,
            "p_rope": 0.1,
            "lift_not_shown": more.get("lift_not_shown"),
        }
        for key, (mean, sd) in values.items()
        if key != control
    ]
    words = {"metric": metric, "name": name, "kind": kind, "direction": "higher", "not_shown": None, "adjusted": None}
    words |= {"hint": more.get("hint", ""), "unit_of_measure": more.get("unit", "")}
    return words | {"currency": more.get("currency"), "variants": rows, "comparisons": comparisons}


def earning() -> list[dict[str, Any]]:
    """The metrics that are neither shares nor plain sums, one of each way of writing."""
    near_zero = "A member is worth about nothing in A, so a percentage would mislead."
    return [
        entry("order_value", "Order value", "ratio", {"a": (44.9, 1.6), "b": (46.2, 1.7), "c": (43.1, 1.5)},
              currency="EUR", unit="EUR per order", lifts={"b": estimate(0.029, 0.05), "c": estimate(-0.04, 0.05)}),
        entry("sentiment", "Sentiment", "ratio", {"a": (0.31, 0.06), "b": (0.52, 0.05), "c": (-0.08, 0.07)},
              unit="score per mention", hint="how good mentions are, from −1 to +1",
              lifts={"b": estimate(0.68, 0.3), "c": estimate(-1.26, 0.4)}),
        entry("earned_reach", "Earned reach", "amount", {"a": (1.9, 0.3), "b": (4.4, 0.5), "c": (2.2, 0.3)},
              unit="people per member", lifts={"b": estimate(1.3, 0.35), "c": estimate(0.16, 0.2)}),
        entry("active_days", "Active days", "count", {"a": (0.21, 0.006), "b": (0.29, 0.007), "c": (0.22, 0.006)},
              unit="days per member", lifts={"b": estimate(0.38, 0.05), "c": estimate(0.05, 0.04)}),
        entry("half_life", "Half-life", "retention", {"a": (2.1, 0.13), "b": (3.9, 0.15), "c": (2.6, 0.14)},
              unit="days", lifts={"b": estimate(0.86, 0.12), "c": estimate(0.24, 0.1)}),
        entry("k_factor", "K-factor", "cascade", {"a": (0.19, 0.02), "b": (0.31, 0.02), "c": (0.21, 0.02)},
              unit="members per member", lifts={"b": estimate(0.63, 0.2), "c": estimate(0.1, 0.15)}),
        entry("reach", "Reach", "cascade", {"a": (1.23, 0.03), "b": (1.45, 0.04), "c": (1.27, 0.03)},
              unit="members per member reached", lifts={"b": estimate(0.18, 0.04), "c": estimate(0.03, 0.03)}),
        entry("net_value", "Net value", "value", {"a": (1.21, 0.03), "b": (1.33, 0.03), "c": (1.3, 0.03)},
              currency="EUR", unit="EUR per member", lift_not_shown=near_zero),
        entry("roi", "Return on cost", "value", {"a": (2.68, 0.25), "b": (1.42, 0.2), "c": (2.45, 0.24)},
              unit="earned beyond each unit spent", lifts={"b": estimate(-0.47, 0.1), "c": estimate(-0.08, 0.1)}),
    ]  # fmt: skip


@cache
def computed(scale: float = 1.0) -> dict[str, Any]:
    """The spring headline's result in words, in the language of the first call."""
    return fixtures.result(scale=scale)


def plain_result(scale: float = 1.0) -> dict[str, Any]:
    """The spring headline's result, computed once and copied each time."""
    return deepcopy(computed(scale))


def whole_result(started: datetime = fixtures.STARTED) -> dict[str, Any]:
    """A result with everything that the page can show, of a run that began at `started`."""
    found = plain_result() | {"segments": [joint_segment("country"), joint_segment("device")]}
    found["metrics"][0]["adjusted"] = adjusted()
    found["metrics"][-1:-1] = earning()
    mature = plain_result(0.64)["metrics"]
    found |= {
        "retention": retention(),
        "cascade": cascade(),
        "amounts": amounts(),
        "counts": counts(),
        "allocation": allocation(4, started),
    }
    found["mature"] = {"members": MATURE, "metrics": mature}
    found["answer"] = {"members_per_day": 2664.0, "elapsed_days": 8.0}
    found["provenance"]["priors"] |= {"lift": learned_prior()}
    return found


def learned_prior() -> dict[str, Any]:
    return {
        "name": "learned",
        "parameters": {"sd": 0.052},
        "reason": "Fitted to 41 finished experiments with 98 variants and 1,204,551 members.",
        "asked": "auto",
        "evidence": {
            "tests": 41,
            "variants": 98,
            "members": 1_204_551,
            "tau": 0.037,
            "tau_low": 0.029,
            "tau_high": 0.046,
            "better": "A Normal spread foretells tests it was not fitted to as well as heavier tails do.",
            "left_out": {"imported without dates": 2},
        },
    }


def joint_segment(name: str) -> dict[str, Any]:
    """One of several attributes fitted together."""
    found = fixtures.segment(name)
    if name == "device":
        for row, level in zip(
            found["segment_rows"], [x for x in ("phone", "desktop", "tablet") for _ in "abc"], strict=False
        ):
            row["level"] = level
        found["segment_rows"] = found["segment_rows"][:9]
    overall = [{"variant": "b", "rate": estimate(0.126, 0.004), "lift": estimate(0.098, 0.047)}]
    overall.append({"variant": "c", "rate": estimate(0.12, 0.004), "lift": estimate(0.04, 0.047)})
    return found | {"joint": True, "overall": overall, "diagnostics": gate(), "engine": "nutpie", "seed": 7}
