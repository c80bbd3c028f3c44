"""The data for the health checks of an analysis: its split, its members and its events."""

from collections.abc import Mapping
from dataclasses import replace

from analysis.health.data import HealthData, Uncounted
from analysis.health.srm import Epoch
from experiments.analyses.allocation import members_in
from experiments.analyses.plan import Inputs, Plan
from experiments.catalogue.event_types import meant
from experiments.catalogue.metrics import metric
from experiments.collect.collected import Collected


def health_data(inputs: Inputs) -> HealthData:
    """Return the data that `analysis.health.checks.CHECKS` read."""
    plan, collected, quality = inputs.plan, inputs.collected, inputs.collected.quality
    members_and_events = HealthData(
        epochs=_epochs(plan, collected),
        imported=plan.imported,
        totals_only=inputs.counts_only,
        fraction=inputs.elapsed_days / plan.planned_days if plan.planned_days else None,
        split_failed=inputs.srm_failed,
        uneven=_uneven(plan),
        randomised=collected.randomised,
        shared=collected.shared,
        multi_exposed=collected.excluded["multi_exposed"],
        bots=collected.excluded["bots"],
        crossed=quality.crossed,
        immature=quality.immature,
        window_days=plan.window_days,
        events=quality.events,
        late=quality.late,
        ahead=quality.ahead,
        early=quality.early,
        unwatched=quality.unwatched,
        file_rows=plan.imported_rows,
        other_currency=quality.other_currency,
        set_aside=sum(quality.set_aside.values()),
        clock_tolerance_seconds=plan.clock_tolerance_us / 1e6,
        currency=plan.currency,
        aa_winners=tuple(inputs.aa_history),
        listening=plan.running and not plan.simulated,
        last_event_us=quality.last_event_us,
        now_us=inputs.cut_off_us,
        silence_hours=plan.silence_hours,
    )
    return _with_surroundings(members_and_events, plan, collected)


def _with_surroundings(data: HealthData, plan: Plan, collected: Collected) -> HealthData:
    """Return the data with what happened around the run: exposures outside it, earlier runs, other traffic."""
    quality = collected.quality
    return replace(
        data,
        orders=quality.orders,
        currencies=quality.currencies,
        money_decides=any(metric(key).money for key in (plan.primary, *plan.guardrails)),
        before_start=collected.excluded.get("before_start", 0),
        after_end=collected.excluded.get("after_end", 0),
        carried_over=quality.carried_over,
        switched=quality.switched,
        new_only=plan.new_only,
        arrived=quality.arrived,
        admitted=plan.admitted,
        named=quality.named,
        named_unexposed=quality.named_unexposed,
        unnamed=quality.unnamed,
        unnamed_unexposed=quality.unnamed_unexposed,
        uncounted=_uncounted(quality.uncounted),
    )


def _uncounted(events: Mapping[str, int]) -> tuple[Uncounted, ...]:
    """Return the types that nothing counts, those that probably mean another one first, then the most frequent."""
    types = [Uncounted(name, number, meant(name)) for name, number in events.items()]
    return tuple(sorted(types, key=lambda found: (found.meant is None, -found.events, found.type)))


def _epochs(plan: Plan, collected: Collected) -> tuple[Epoch, ...]:
    """Return members and shares of each epoch; shares in buckets, as applied."""
    observed = []
    for epoch in plan.epochs:
        shares = epoch.weights if epoch.buckets is None else epoch.buckets
        weights = {key: float(share) for key, share in shares.items() if share > 0}
        counts = members_in(collected, epoch.number)
        observed.append(Epoch({key: counts.get(key, 0) for key in weights}, weights))
    return tuple(observed)


def _uneven(plan: Plan) -> bool:
    weights = [weight for weight in plan.weights.values() if weight > 0]
    return (len(plan.epochs) > 1 and plan.block is None) or max(weights) - min(weights) > 0.02
