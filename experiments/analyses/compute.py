"""Compute a result from its stored inputs: models, health checks, verdict. No clock, no database, no randomness."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from analysis import HealthCheck, NamedPrior, Rules, Verdict, decide
from analysis.health.checks import check_health
from experiments.analyses.allocation import allocation_result
from experiments.analyses.answer import (
    Answer,
    Arrivals,
    Drawing,
    Heading,
    Mature,
    PastDay,
    Provenance,
    Summary,
    Total,
    Units,
)
from experiments.analyses.health import health_data
from experiments.analyses.plan import Inputs, Plan
from experiments.analyses.sampled import SAMPLED, Sampled, fit_all
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.scorecards import Scored, score_all, score_mature, score_total
from experiments.analyses.serialise import iso, versions
from experiments.catalogue.metrics import metric

Report = Callable[[float, str], None]


def compute(inputs: Inputs, *, identity: str, report: Report = lambda *_: None) -> tuple[Answer, Drawing]:
    """Return the result and the curves for the page; equal inputs give equal digits."""
    plan, collected = inputs.plan, inputs.collected
    definitions = {one.key: one for one in plan.measured}
    lift, seed = plan.lift_prior.prior, inputs.seed
    scored = score_all(plan, collected, definitions, lift=lift, seed=seed)
    mature = score_mature(plan, collected, definitions, lift=lift, seed=seed)
    total = score_total(plan, collected, definitions, lift=lift, seed=seed)
    checks = check_health(health_data(inputs))
    rules = _rules(plan, inputs.elapsed_days, lift)
    verdict = _verdict(inputs, scored, checks, rules)
    sampled = fit_all(inputs, report)
    answer = Answer(
        heading=_heading(inputs, identity),
        verdict=verdict,
        health=tuple(checks),
        metrics=tuple(one.entry(plan) for one in scored.values()),
        mature=_mature(plan, mature),
        total=Total(collected.shared, total) if total else None,
        sampled=sampled,
        allocation=allocation_result(plan, collected, scored[plan.primary].deciding, checks),
        summary=_summary(inputs, scored[plan.primary], verdict),
        arrivals=tuple(Arrivals(*row) for row in collected.arrivals),
        provenance=Provenance(
            metric_definitions=inputs.metric_definitions,
            lift=plan.lift_prior,
            priors=_priors(scored, sampled),
            rules=rules,
            seed=seed,
            versions=versions(),
        ),
    )
    return answer, _drawing(scored)


def primary_only(inputs: Inputs, *, identity: str) -> PastDay:
    """Return the result of a past day: the scorecard of the primary metric, and no verdict."""
    plan, primary = inputs.plan, metric(inputs.plan.primary)
    scored = score_all(
        plan,
        inputs.collected,
        {primary.key: primary},
        lift=plan.lift_prior.prior,
        seed=inputs.seed,
        curves="none",
    )
    return PastDay(
        _heading(inputs, identity), scored[primary.key].entry(plan), inputs.metric_definitions, inputs.seed, versions()
    )


def _heading(inputs: Inputs, identity: str) -> Heading:
    collected = inputs.collected
    return Heading(
        inputs.plan.experiment,
        inputs.plan.run,
        identity,
        iso(inputs.cut_off_us),
        inputs.created_at,
        Units(collected.randomised, collected.shared, collected.excluded, collected.quality.set_aside),
    )


def _rules(plan: Plan, elapsed: float, lift: NamedPrior) -> Rules:
    # An import is analysed once, after its end: there is no minimum duration and no correction for repeated looks.
    complete = elapsed if plan.imported else None
    return Rules(
        min_members=max(2, plan.minimum_members),
        min_days=0.0 if plan.imported else 1.0,
        planned_days=complete or plan.planned_days,
        caring=plan.threshold_of_caring,
        lift_prior=lift,
    )


def _verdict(inputs: Inputs, scored: Mapping[str, Scored], checks: Sequence[HealthCheck], rules: Rules) -> Verdict:
    plan = inputs.plan
    watched = [key for key in plan.guardrails if key in scored and key != plan.primary]
    return decide(
        scored[plan.primary].deciding,
        rules=rules,
        health=checks,
        guardrails=[scored[key].deciding for key in watched],
        elapsed_days=inputs.elapsed_days,
        looks=inputs.looks,
        finished=plan.ended_us is not None,
        once=plan.imported,
    )


def _mature(plan: Plan, mature: Mapping[str, Scored]) -> Mature | None:
    """Return the figures of the members whose window is over; None if they were not collected."""
    if plan.primary not in mature:
        return None
    members = {row.variant: row.n for row in mature[plan.primary].plain.variants}
    return Mature(members, tuple(one.entry(plan) for one in mature.values()))


def _priors(scored: Mapping[str, Scored], sampled: Sampled) -> dict[str, NamedPrior]:
    """Return the priors other than the lift's, by the metric or the part that uses them."""
    priors = {key: one.plain.prior for key, one in scored.items()}
    # An adjusted rate has the prior of the plain one; other metrics share one prior of adjusted means.
    adjusted = [one.adjusted for one in scored.values() if one.adjusted is not None]
    means = [result for result in adjusted if result.model == "adjusted"]
    if means:
        priors["adjusted"] = means[0].prior
    for part in SAMPLED:
        shown = [entry for entry in sampled[part.key] if not isinstance(entry, Unfitted) and entry.not_shown is None]
        if shown:
            priors |= part.priors(shown[0])
    return priors


def _drawing(scored: Mapping[str, Scored]) -> Drawing:
    """Return the curves of the lifts by metric and variant, with the four digits that a pixel can show.

    Curves take most of the space of an analysis, and there may be hundreds of analyses a day.
    """
    return {
        "densities": {
            key: {
                row.variant: {"x": _four_digits(row.lift_density.x), "y": _four_digits(row.lift_density.y)}
                for row in one.deciding.comparisons
                if row.lift_density
            }
            for key, one in scored.items()
        }
    }


def _four_digits(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def _summary(inputs: Inputs, primary: Scored, verdict: Verdict) -> Summary:
    """Return the leading variant with its chance and expected loss, and the pace if dates are known."""
    plan, elapsed = inputs.plan, inputs.elapsed_days
    leader = max(primary.deciding.variants, key=lambda row: -1.0 if row.p_best is None else row.p_best, default=None)
    leads = leader is not None and leader.p_best is not None
    loss = leader.expected_loss if leader is not None and leads else None
    paced = plan.dates_known and elapsed >= 1 / 24
    return Summary(
        leader=leader.variant if leader is not None and leads else None,
        chance_best=leader.p_best if leader is not None else None,
        expected_loss_per_100=None if loss is None else 100 * loss,
        unit_of_measure=primary.metric.definition(plan.currency, plan.window_days)["unit_of_measure"],
        members_per_day=inputs.collected.randomised / elapsed if paced else None,
        more_days=verdict.more_days,
        elapsed_days=elapsed if plan.dates_known else None,
        planned_days=plan.planned_days,
    )
