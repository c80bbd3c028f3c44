"""The status of each guardrail, judged by the bounds of the verdict."""

from __future__ import annotations

from scipy.special import ndtr

from analysis.decision.evidence import Case, bound_of, standard_error, z_score
from analysis.messages import message
from analysis.scoring.score import MetricResult
from analysis.stopping.rules import GuardrailState, GuardrailStatus, day_number
from analysis.stopping.sequential import Break

#: Probability of being worse above which a guardrail prevents shipping, well before harm is proven.
GUARDRAIL_DOUBT = 0.95


def guardrail_statuses(case: Case) -> tuple[GuardrailStatus, ...]:
    """Return the status of each guardrail for each variant except the control, in the order of the guardrails.

    A guardrail is broken if the shortfall has passed the bound of the stopping rule, and in doubt if, without any
    prior, it is worse with a probability above `GUARDRAIL_DOUBT`. One that was broken at an earlier look stays broken,
    with the figures of that look: the bound rises again later, but the error of the proof is spent.
    """
    earlier = {(one.metric, one.variant): one for look in reversed(case.looks or ()) for one in look.broken}
    rows = []
    for result in case.guardrails:
        for key in case.others:
            row, before = _status(case, result, key), earlier.get((result.metric, key))
            if before is not None and row.status != "broken":
                figures = (before.p_worse, before.z, before.bound)
                row = GuardrailStatus(result.metric, key, "broken", *figures, proven_on_day=before.day)
            rows.append(row)
    return tuple(rows)


def breaks(statuses: tuple[GuardrailStatus, ...], elapsed_days: float) -> tuple[Break, ...]:
    """Return the broken guardrails with their figures, for the looks to come."""
    today = day_number(elapsed_days)
    return tuple(
        Break(row.metric, row.variant, row.p_worse, row.z, row.bound, row.proven_on_day or today)
        for row in statuses
        if row.status == "broken" and row.p_worse is not None and row.z is not None and row.bound is not None
    )


def withheld(statuses: tuple[GuardrailStatus, ...], code: str) -> tuple[GuardrailStatus, ...]:
    """Return unknown statuses: too little data for any verdict, or data that are not to be trusted.

    Parameters
    ----------
    code
        Of the reason: ``guardrail.too_early`` or ``guardrail.untrusted``.
    """
    return tuple(GuardrailStatus(row.metric, row.variant, "unknown", reason=message(code)) for row in statuses)


def _status(case: Case, result: MetricResult, key: str) -> GuardrailStatus:
    if result.not_shown is not None:
        return GuardrailStatus(result.metric, key, "unknown", reason=result.not_shown.reason)
    if standard_error(result, key) is None:
        return GuardrailStatus(result.metric, key, "unknown", reason=message("guardrail.no_spread"))
    z, bound = z_score(result, key), bound_of(case, result, key)
    p_worse = float(ndtr(-z))
    status: GuardrailState = "broken" if z <= -bound else "in_doubt" if p_worse > GUARDRAIL_DOUBT else "held"
    return GuardrailStatus(result.metric, key, status, p_worse, z, bound)
