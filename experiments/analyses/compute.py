"""From stored inputs to an answer: the models, the health checks and the verdict. No clock, no database, no chance."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from analysis import NamedPrior, Rules, Verdict, decide
from analysis.health.checks import check_health
from analysis.priors import RETENTION_WEAK, SEGMENT_WEAK
from experiments.analyses.allocation import allocation_told
from experiments.analyses.health import health_data
from experiments.analyses.plan import Inputs, Plan
from experiments.analyses.sampled import deeper
from experiments.analyses.scorecards import Scored, score_all, score_mature, total_told
from experiments.analyses.serialise import finite, iso, versions
from experiments.catalogue.metrics import metric
from experiments.collect.collected import Collected

Report = Callable[[float, str], None]


def compute(inputs: Inputs, *, identity: str, report: Report = lambda *_: None) -> tuple[dict, dict]:
    """The result in the API's shape and what the page draws from it; the same inputs give the same digits."""
    plan, collected = inputs.plan, inputs.collected
    definitions = {found.key: found for found in plan.measured}
    lift, seed = plan.lift_prior.prior, inputs.seed
    scored = score_all(plan, collected, definitions, lift=lift, seed=seed)
    mature = score_mature(plan, collected, definitions, lift=lift, seed=seed)
    elapsed = inputs.elapsed_days
    checks = check_health(health_data(inputs))
    rules = _rules(plan, elapsed, lift)
    verdict = _verdict(inputs, scored, checks, rules, elapsed)
    told = deeper(inputs, collected, report)
    result = _head(inputs, identity, collected) | {
        "verdict": verdict.to_dict(),
        "health": [check.to_dict() for check in checks],
        "metrics": [found.entry(plan) for found in scored.values()],
        "mature": _mature(plan, mature),
        "total": total_told(plan, collected, definitions, lift=lift, seed=seed),
        **told,
        "allocation": allocation_told(plan, collected, scored[plan.primary].deciding, checks),
        "answer": _answer(plan, scored[plan.primary], verdict, collected, elapsed),
        "arrivals": [{"variant": variant, "day": day, "members": n} for variant, day, n in collected.arrivals],
        "provenance": {
            "metric_definitions": inputs.metric_definitions,
            "priors": _priors(plan, scored, told),
            "rules": rules.to_dict(),
            "seed": seed,
            "versions": versions(),
        },
    }
    return finite(result), finite(_drawing(scored))


def primary_only(inputs: Inputs, *, identity: str) -> dict[str, Any]:
    """The result of a past day: the scorecard of the primary metric, and no verdict."""
    plan, collected = inputs.plan, inputs.collected
    found = metric(plan.primary)
    lift, seed = plan.lift_prior.prior, inputs.seed
    scored = score_all(plan, collected, {found.key: found}, lift=lift, seed=seed, curves="none")
    result = _head(inputs, identity, collected) | {
        "metrics": [scored[found.key].entry(plan)],
        "provenance": {
            "metric_definitions": inputs.metric_definitions,
            "seed": inputs.seed,
            "versions": versions(),
        },
    }
    return finite(result)


def _head(inputs: Inputs, identity: str, collected: Collected) -> dict[str, Any]:
    """Which analysis it is, and of whom."""
    return {
        "experiment": inputs.plan.experiment,
        "run": inputs.plan.run,
        "analysis": identity,
        "cut_off": iso(inputs.cut_off_us),
        "created_at": inputs.created_at,
        "units": {"randomised": collected.randomised, "shared": collected.shared, "excluded": collected.excluded},
    }


def _rules(plan: Plan, elapsed: float, lift: NamedPrior) -> Rules:
    # What was imported is looked at once, at its end: no day to wait for, and no price to pay for looking.
    once = elapsed if plan.imported else None
    return Rules(
        min_members=max(2, plan.minimum_members),
        min_days=0.0 if plan.imported else 1.0,
        planned_days=once or plan.planned_days,
        caring=plan.threshold_of_caring,
        lift_prior=lift,
    )


def _verdict(inputs: Inputs, scored: Mapping[str, Scored], checks: list[Any], rules: Rules, elapsed: float) -> Verdict:
    plan = inputs.plan
    watched = [key for key in plan.guardrails if key in scored and key != plan.primary]
    return decide(
        scored[plan.primary].deciding,
        rules=rules,
        health=checks,
        guardrails=[scored[key].deciding for key in watched],
        elapsed_days=elapsed,
        looks=inputs.looks,
        names=plan.names,
        metrics={key: found.metric.name.lower() for key, found in scored.items()},
        finished=plan.ended_us is not None,
        once=plan.imported,
    )


def _mature(plan: Plan, mature: Mapping[str, Scored]) -> dict[str, Any] | None:
    """The figures of those whose window is over; None where they were not collected."""
    if plan.primary not in mature:
        return None
    rows = mature[plan.primary].plain.variants
    return {
        "members": {row.variant: row.n for row in rows},
        "metrics": [found.entry(plan) for found in mature.values()],
    }


def _priors(plan: Plan, scored: Mapping[str, Scored], told: Mapping[str, Any]) -> dict[str, Any]:
    """Every prior that was in force, the lift's with what it was learned from."""
    priors = {key: found.plain.prior.to_dict() for key, found in scored.items()} | {"lift": plan.lift_prior.to_dict()}
    if any(not entry["not_shown"] for entry in told["segments"]):
        priors["segments"] = SEGMENT_WEAK.to_dict()
    for found in scored.values():
        if found.adjusted is not None:
            priors["adjusted"] = found.adjusted.prior.to_dict()
    parts = {name: told[name] or {} for name in ("retention", "cascade")}
    for name in ("amounts", "counts"):
        parts[name] = next((entry for entry in told[name] if not entry["not_shown"]), {})
    priors |= {name: part["prior"] for name, part in parts.items() if part.get("prior") and not part["not_shown"]}
    if any(row["tail"]["not_shown"] is None for row in parts["retention"].get("variants", ())):
        priors["staying"] = RETENTION_WEAK.to_dict()
    return priors


def _drawing(scored: Mapping[str, Scored]) -> dict[str, Any]:
    """The curves of the lifts by metric and variant, with the four digits that a pixel can show.

    They are most of what an analysis takes up in the database, and there may be hundreds a day.
    """
    lifts: dict[str, Any] = {}
    for key, found in scored.items():
        lifts[key] = {
            row.variant: {"x": _four_digits(row.lift_density.x), "y": _four_digits(row.lift_density.y)}
            for row in found.deciding.comparisons
            if row.lift_density
        }
    return {"densities": lifts}


def _four_digits(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def _answer(plan: Plan, primary: Scored, verdict: Verdict, collected: Collected, elapsed: float) -> dict[str, Any]:
    """Who leads, how surely, what it would cost to be wrong, and how time stands where that is known."""
    dated = plan.dates_known
    ranked = [row for row in primary.deciding.variants if row.p_best is not None]
    leader = max(ranked, key=lambda row: row.p_best) if ranked else None
    loss = None if leader is None or leader.expected_loss is None else 100 * leader.expected_loss
    return {
        "leader": leader.variant if leader else None,
        "chance_best": leader.p_best if leader else None,
        "expected_loss_per_100": loss,
        "unit_of_measure": primary.metric.definition(plan.currency, plan.window_days)["unit_of_measure"],
        "members_per_day": collected.randomised / elapsed if dated and elapsed >= 1 / 24 else None,
        "more_days": verdict.more_days,
        "elapsed_days": elapsed if dated else None,
        "planned_days": plan.planned_days,
    }
