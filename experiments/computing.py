"""From stored inputs to an answer: the models, the health checks and the verdict. No clock, no database, no chance."""

import math
import platform
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from analysis import HealthCheck, Look, MetricResult, NotShown, Rules, Verdict, decide, health, scorecard
from analysis.priors import SEGMENT_WEAK
from experiments.collected import Collected, SegmentData
from experiments.metrics import DAY_US, Metric, metric

Report = Callable[[float, str], None]
_DIRECTIONS = {"up": "higher", "down": "lower"}
_PACKAGES = ("klette", "numpy", "scipy", "pymc", "nutpie", "arviz", "ibis-framework")


def compute(inputs: dict[str, Any], *, identity: str, report: Report = lambda *_: None) -> tuple[dict, dict]:
    """The result in the API's shape and what the page draws from it; the same inputs give the same digits."""
    plan, collected = inputs["plan"], Collected.from_dict(inputs["collected"])
    definitions = {key: metric(key) for key in plan["metrics"]}
    results = _scorecards(plan, collected, definitions)
    checks = health_checks(inputs, collected)
    elapsed = elapsed_days(plan, inputs["cut_off_us"], collected.first_exposure_us)
    rules = _rules(plan, elapsed)
    primary = results[plan["primary"]]
    verdict = decide(
        primary,
        rules=rules,
        health=checks,
        guardrails=[results[key] for key in plan["guardrails"] if key in results and key != plan["primary"]],
        elapsed_days=elapsed,
        looks=[Look.from_dict(look) for look in inputs["looks"]],
        names=dict(map(tuple, plan["names"])),
        metrics={key: found.name.lower() for key, found in definitions.items()},
        finished=plan["ended_us"] is not None,
        once=plan["imported"],
    )
    segments = _segments(inputs, collected, report) if inputs["with_segments"] else _left_out(plan)
    shown = [_metric_entry(definitions[key], result, plan) for key, result in results.items()]
    result = {
        "experiment": plan["experiment"],
        "run": plan["run"],
        "analysis": identity,
        "cut_off": iso(inputs["cut_off_us"]),
        "created_at": inputs["created_at"],
        "verdict": verdict.to_dict(),
        "health": [check.to_dict() for check in checks],
        "units": {"randomised": collected.randomised, "shared": collected.shared, "excluded": collected.excluded},
        "metrics": shown,
        "segments": segments,
        "answer": _answer(plan, primary, verdict, collected, elapsed),
        "arrivals": [{"variant": variant, "day": day, "members": n} for variant, day, n in collected.arrivals],
        "provenance": {
            "metric_definitions": inputs["metric_definitions"],
            "priors": {key: found.prior.to_dict() for key, found in results.items()}
            | {"lift": rules.lift_prior.to_dict()}
            | ({"segments": SEGMENT_WEAK.to_dict()} if any(not entry["not_shown"] for entry in segments) else {}),
            "rules": rules.to_dict(),
            "seed": inputs["seed"],
            "versions": versions(),
        },
    }
    return finite(result), finite(_drawing(results))


def primary_only(inputs: dict[str, Any], *, identity: str) -> dict[str, Any]:
    """The result of a past day: the scorecard of the primary metric, and no verdict."""
    plan, collected = inputs["plan"], Collected.from_dict(inputs["collected"])
    found = metric(plan["primary"])
    entry = _metric_entry(found, _scorecards(plan, collected, {found.key: found})[found.key], plan)
    result = {
        "experiment": plan["experiment"],
        "run": plan["run"],
        "analysis": identity,
        "cut_off": iso(inputs["cut_off_us"]),
        "created_at": inputs["created_at"],
        "units": {"randomised": collected.randomised, "shared": collected.shared, "excluded": collected.excluded},
        "metrics": [entry],
        "provenance": {
            "metric_definitions": inputs["metric_definitions"],
            "seed": inputs["seed"],
            "versions": versions(),
        },
    }
    return finite(result)


def versions() -> dict[str, str]:
    """The versions of everything that computes, without importing any of it."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def iso(moment_us: int) -> str:
    """RFC 3339 in UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)
    return moment.isoformat().replace("+00:00", "Z")


def elapsed_days(plan: dict[str, Any], cut_off_us: int, first_exposure_us: int | None) -> float:
    """How long the run has been on at the cut-off, in days; it begins with its first member where that was earlier."""
    begun = min(plan["started_us"], first_exposure_us or plan["started_us"])
    end = cut_off_us if plan["ended_us"] is None else min(cut_off_us, plan["ended_us"])
    # A finished test whose members came all at once has run for a moment at least.
    return max(0.001 if plan["imported"] else 0.0, (end - begun) / DAY_US)


def finite(value: Any) -> Any:
    """The same document without numbers that JSON does not know: they become null."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def _rules(plan: dict[str, Any], elapsed: float) -> Rules:
    # What was imported is looked at once, at its end: no day to wait for, and no price to pay for looking.
    once = elapsed if plan["imported"] else None
    return Rules(
        min_members=max(2, plan["minimum_members"]),
        min_days=0.0 if plan["imported"] else 1.0,
        planned_days=once or plan["planned_days"],
        caring=plan["threshold_of_caring"],
    )


def _scorecards(plan: dict[str, Any], collected: Collected, definitions: dict[str, Metric]) -> dict[str, MetricResult]:
    return {
        key: scorecard(
            collected.metric_data[key],
            control=plan["control"],
            direction=_DIRECTIONS[found.direction],
            metric=key,
            model=found.model,
            rope=plan["threshold_of_caring"],
        )
        for key, found in definitions.items()
        if key in collected.metric_data
    }


def _metric_entry(found: Metric, result: MetricResult, plan: dict[str, Any]) -> dict[str, Any]:
    """One entry of "metrics": the API's shape with the metric's words; curves are kept apart, for drawing."""
    entry = result.to_dict()
    for row in [*entry["variants"], *entry["comparisons"]]:
        row.pop("density", None)
        row.pop("lift_density", None)
    definition = found.definition(plan["currency"], plan["window_days"])
    words = {name: definition[name] for name in ("name", "hint", "population", "unit_of_measure")}
    return words | {"currency": plan["currency"] if found.money else None} | entry


def _drawing(results: dict[str, MetricResult]) -> dict[str, Any]:
    """The curves of the lifts by metric and variant, with the four digits that a pixel can show.

    They are most of what an analysis takes up in the database, and there may be hundreds a day.
    """
    lifts: dict[str, Any] = {}
    for key, result in results.items():
        lifts[key] = {
            row.variant: {"x": _four_digits(row.lift_density.x), "y": _four_digits(row.lift_density.y)}
            for row in result.comparisons
            if row.lift_density
        }
    return {"densities": lifts}


def _four_digits(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


# Health ------------------------------------------------------------------------------------------------------------


def health_checks(inputs: dict[str, Any], collected: Collected) -> list[HealthCheck]:
    """Every check that the data allow, the split first."""
    plan, quality = inputs["plan"], collected.quality
    weights = {key: weight for key, weight in plan["weights"] if weight > 0}
    counts = {key: collected.counts.get(key, 0) for key in weights}
    excluded, randomised = collected.excluded, collected.randomised
    seen = randomised + collected.shared + sum(excluded.values())
    checks = [
        health.srm(counts, weights, once=plan["imported"], labels=_letters(plan)),
        health.multi_exposed(excluded["multi_exposed"], randomised),
        health.bots(excluded["bots"], seen),
    ]
    if inputs["counts_only"]:
        return checks[:1]
    if not plan["imported"]:
        checks += [
            health.immature(quality.immature, randomised, plan["window_days"]),
            health.late_events(quality.late, quality.events),
            _clock_skew(quality.ahead, quality.events),
            _before_exposure(quality.early, quality.events, plan.get("clock_tolerance_us", 0)),
        ]
    if quality.other_currency:
        checks.append(_other_currency(quality.other_currency, plan["currency"]))
    if plan["running"] and not plan["imported"] and not plan.get("simulated"):
        last = quality.last_event_us
        now = datetime.fromisoformat(iso(inputs["cut_off_us"]))
        at = None if last is None else datetime.fromisoformat(iso(last))
        hours = plan["silence_hours"]
        checks.append(health.silence(at, now, warn_after_hours=hours, fail_after_hours=max(48.0, 2 * hours)))
    return checks


def _letters(plan: dict[str, Any]) -> dict[str, str]:
    return {key: called.partition(" “")[0] for key, called in plan["names"]}


def _clock_skew(ahead: int, events: int) -> HealthCheck:
    share = ahead / events if events else 0.0
    return HealthCheck(
        "clock_skew",
        "warn" if share > 0.05 else "ok",
        share,
        f"{100 * share:.1f} % of the events carry a time more than a minute ahead of ours."
        if ahead
        else "No event's clock runs ahead of ours.",
        ""
        if share <= 0.05
        else "See that the app's clock is right; times are kept as they were sent, never rewritten.",
    )


def _before_exposure(early: int, events: int, tolerance_us: int) -> HealthCheck:
    share = early / (early + events) if early else 0.0
    status = "warn" if share > 0.05 else "ok"
    told = "event was" if early == 1 else "events were"
    return HealthCheck(
        "before_exposure",
        status,
        share,
        f"{early:,} {told} stamped more than {tolerance_us / 1e6:g} seconds before the member's first exposure, within "
        "a day, and do not count."
        if early
        else "No event was stamped before its member's first exposure.",
        ""
        if status == "ok"
        else "Where members could not have acted before, see the app's clock, or leave `at` out: ours is taken.",
    )


def _other_currency(number: int, currency: str) -> HealthCheck:
    return HealthCheck(
        "currency",
        "warn",
        float(number),
        f"{number:,} purchases are in another currency than {currency}: they count as purchases, not as money.",
        f"Send amounts in {currency}, or make an experiment for each currency.",
    )


# Segments ----------------------------------------------------------------------------------------------------------


def _segments(inputs: dict[str, Any], collected: Collected, report: Report) -> list[dict[str, Any]]:
    """The segmented model for each declared attribute, or the reason why there is none."""
    plan, entries = inputs["plan"], []
    for place, name in enumerate(plan["segments"]):
        report(place / len(plan["segments"]), f"For whom does it work? {name.replace('_', ' ')}")
        entry = {"segment": name, "metric": plan["primary"]}
        entries.append(entry | _segment(inputs, collected.segment_data.get(name)))
    return entries


def _left_out(plan: dict[str, Any]) -> list[dict[str, Any]]:
    reason = "This answer was given before the segments were computed; they follow with the next one."
    return [{"segment": name, "metric": plan["primary"]} | _not_shown("later", reason) for name in plan["segments"]]


def _segment(inputs: dict[str, Any], cells: SegmentData | None) -> dict[str, Any]:
    plan = inputs["plan"]
    if cells is None:
        return _not_shown("no_cells", "Segments are told for metrics that are a share of members, and need members.")
    if len({level for _, level in cells}) < 2:
        return _not_shown("one_level", "All members are of one kind here, so there is nothing to tell apart.")
    met = {variant for (variant, _), cell in cells.items() if cell.n}
    if missing := [key for key, weight in plan["weights"] if weight > 0 and key not in met]:
        names = dict(map(tuple, plan["names"]))
        return _not_shown("no_members", f"Nobody has met {names.get(missing[0], missing[0])} yet.")
    from analysis.models import segmented  # imports PyMC at its first fit

    fitted = segmented.fit_segments(
        cells,
        control=plan["control"],
        direction=_DIRECTIONS[metric(plan["primary"]).direction],
        seed=inputs["seed"],
        metric=plan["primary"],
    )
    if isinstance(fitted, NotShown):
        return _not_shown(fitted.code, fitted.reason)
    stored = fitted.to_dict()
    stored.pop("overall")
    return stored | {"not_shown": None}


def _not_shown(code: str, reason: str) -> dict[str, Any]:
    return {"segment_rows": [], "not_shown": {"code": code, "reason": reason}}


# The numbers beside the sentence -----------------------------------------------------------------------------------


def _answer(
    plan: dict[str, Any], primary: MetricResult, verdict: Verdict, collected: Collected, elapsed: float
) -> dict[str, Any]:
    """Who leads, how surely, what it would cost to be wrong, and how time stands where that is known."""
    dated = plan.get("dates_known", True)
    ranked = [row for row in primary.variants if row.p_best is not None]
    leader = max(ranked, key=lambda row: row.p_best) if ranked else None
    loss = None if leader is None or leader.expected_loss is None else 100 * leader.expected_loss
    return {
        "leader": leader.variant if leader else None,
        "chance_best": leader.p_best if leader else None,
        "expected_loss_per_100": loss,
        "unit_of_measure": metric(plan["primary"]).definition(plan["currency"], plan["window_days"])["unit_of_measure"],
        "members_per_day": collected.randomised / elapsed if dated and elapsed >= 1 / 24 else None,
        "more_days": verdict.more_days,
        "elapsed_days": elapsed if dated else None,
        "planned_days": plan["planned_days"],
    }
