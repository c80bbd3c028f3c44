"""The health checks of an analysis: what the data themselves say about whether they can be trusted."""

from datetime import datetime

from analysis import HealthCheck
from analysis.health import checks as health
from analysis.health.srm import Epoch
from experiments.analyses.allocation import members_in
from experiments.analyses.plan import Inputs, Plan
from experiments.analyses.serialise import iso
from experiments.collect.collected import Collected


def health_checks(inputs: Inputs, collected: Collected, elapsed_days: float) -> list[HealthCheck]:
    """Every check that the data allow, the split first."""
    plan, quality = inputs.plan, collected.quality
    excluded, randomised = collected.excluded, collected.randomised
    seen = randomised + collected.shared + sum(excluded.values())
    checks = [_split(inputs, collected, elapsed_days)]
    if inputs.counts_only:
        return checks
    checks += [
        health.multi_exposed(excluded["multi_exposed"], randomised, uneven=_uneven(plan)),
        health.bots(excluded["bots"], seen),
    ]
    if collected.shared or quality.crossed:
        checks.append(health.crossing(quality.crossed, randomised))
    if not plan.imported:
        checks += [
            health.immature(quality.immature, randomised, plan.window_days),
            health.late_events(quality.late, quality.events),
            health.clock_skew(quality.ahead, quality.events),
            health.before_exposure(quality.early, quality.events, plan.clock_tolerance_us / 1e6),
        ]
    if quality.other_currency:
        checks.append(health.other_currency(quality.other_currency, plan.currency))
    if inputs.aa_history:
        checks.append(health.aa_history(inputs.aa_history))
    if plan.running and not plan.imported and not plan.simulated:
        checks.append(_silence(inputs, quality.last_event_us))
    return checks


def _split(inputs: Inputs, collected: Collected, elapsed_days: float) -> HealthCheck:
    """The split against the shares that were in force when each member came."""
    plan, planned = inputs.plan, inputs.plan.planned_days
    return health.srm_by_epoch(
        _epochs(plan, collected),
        once=plan.imported,
        fraction=elapsed_days / planned if planned and not plan.imported else None,
        rang=inputs.srm_failed,
        labels={key: called.partition(" “")[0] for key, called in plan.names.items()},
    )


def _epochs(plan: Plan, collected: Collected) -> list[Epoch]:
    """Members and shares of each epoch; the shares to the bucket, as they were handed out."""
    observed = []
    for epoch in plan.epochs:
        shares = epoch.weights if epoch.buckets is None else epoch.buckets
        weights = {key: float(share) for key, share in shares.items() if share > 0}
        counts = members_in(collected, epoch.number)
        observed.append(Epoch({key: counts.get(key, 0) for key in weights}, weights))
    return observed


def _uneven(plan: Plan) -> bool:
    weights = [weight for weight in plan.weights.values() if weight > 0]
    return len(plan.epochs) > 1 or max(weights) - min(weights) > 0.02


def _silence(inputs: Inputs, last_event_us: int | None) -> HealthCheck:
    now = datetime.fromisoformat(iso(inputs.cut_off_us))
    at = None if last_event_us is None else datetime.fromisoformat(iso(last_event_us))
    hours = inputs.plan.silence_hours
    return health.silence(at, now, warn_after_hours=hours, fail_after_hours=max(48.0, 2 * hours))
