"""The health checks of an analysis: what the data themselves say about whether they can be trusted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from analysis import HealthCheck
from analysis.health import checks as health
from analysis.health.srm import Epoch
from experiments.analyses.allocation import members_in
from experiments.analyses.serialise import iso
from experiments.collect.collected import Collected


def health_checks(inputs: Mapping[str, Any], collected: Collected, elapsed_days: float) -> list[HealthCheck]:
    """Every check that the data allow, the split first."""
    plan, quality = inputs["plan"], collected.quality
    excluded, randomised = collected.excluded, collected.randomised
    seen = randomised + collected.shared + sum(excluded.values())
    checks = [_split(inputs, collected, elapsed_days)]
    if inputs["counts_only"]:
        return checks
    checks += [
        health.multi_exposed(excluded["multi_exposed"], randomised, uneven=_uneven(plan)),
        health.bots(excluded["bots"], seen),
    ]
    if collected.shared or quality.crossed:
        checks.append(health.crossing(quality.crossed, randomised))
    if not plan["imported"]:
        checks += [
            health.immature(quality.immature, randomised, plan["window_days"]),
            health.late_events(quality.late, quality.events),
            health.clock_skew(quality.ahead, quality.events),
            health.before_exposure(quality.early, quality.events, plan.get("clock_tolerance_us", 0) / 1e6),
        ]
    if quality.other_currency:
        checks.append(health.other_currency(quality.other_currency, plan["currency"]))
    if inputs.get("aa_history"):
        checks.append(health.aa_history(inputs["aa_history"]))
    if plan["running"] and not plan["imported"] and not plan.get("simulated"):
        checks.append(_silence(inputs, quality.last_event_us))
    return checks


def _split(inputs: Mapping[str, Any], collected: Collected, elapsed_days: float) -> HealthCheck:
    """The split against the shares that were in force when each member came."""
    plan, planned = inputs["plan"], inputs["plan"]["planned_days"]
    return health.srm_by_epoch(
        _epochs(plan, collected),
        once=plan["imported"],
        fraction=elapsed_days / planned if planned and not plan["imported"] else None,
        rang=bool(inputs.get("srm_rang")),
        labels={key: called.partition(" “")[0] for key, called in plan["names"]},
    )


def _epochs(plan: Mapping[str, Any], collected: Collected) -> list[Epoch]:
    """Members and shares of each epoch; the shares to the bucket, as they were handed out."""
    stretches = plan.get("epochs") or [{"number": 1, "weights": plan["weights"]}]
    met = []
    for stretch in stretches:
        weights = {key: float(weight) for key, weight in stretch.get("buckets") or stretch["weights"] if weight > 0}
        counts = members_in(collected, stretch["number"])
        met.append(Epoch({key: counts.get(key, 0) for key in weights}, weights))
    return met


def _uneven(plan: Mapping[str, Any]) -> bool:
    weights = [weight for _, weight in plan["weights"] if weight > 0]
    return len(plan.get("epochs", ())) > 1 or max(weights) - min(weights) > 0.02


def _silence(inputs: Mapping[str, Any], last_event_us: int | None) -> HealthCheck:
    now = datetime.fromisoformat(iso(inputs["cut_off_us"]))
    at = None if last_event_us is None else datetime.fromisoformat(iso(last_event_us))
    hours = inputs["plan"]["silence_hours"]
    return health.silence(at, now, warn_after_hours=hours, fail_after_hours=max(48.0, 2 * hours))
