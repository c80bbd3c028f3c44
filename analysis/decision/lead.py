"""The messages about an unproven lead: its probability, what is missing, and the expected time.

A probability of being best is a posterior belief; whether a lead is proven is a separate question with its own message.
"""

from __future__ import annotations

import math
from typing import Final

from analysis.decision.evidence import Case
from analysis.messages import Message, message
from analysis.planning.projection import MoreDays
from analysis.scoring.score import VariantResult
from analysis.stopping.rules import day_number

#: Probability from which a lead counts as a good sign.
_GOOD_SIGN: Final = 0.7
#: By whether the metric is a proportion, and whether the lead is upwards.
_LEADS: Final = {
    (True, True): "verdict.leads_more_per_100",
    (True, False): "verdict.leads_fewer_per_100",
    (False, True): "verdict.leads_more_per_member",
    (False, False): "verdict.leads_less_per_member",
}
#: By whether the lead is a good sign, and whether the run is analysed only once.
_UNPROVEN: Final = {
    (True, True): "verdict.good_sign",
    (True, False): "verdict.good_sign_daily",
    (False, True): "verdict.hint",
    (False, False): "verdict.hint_daily",
}


def believed(case: Case, best: VariantResult) -> Message:
    """Return the probability of a lead, and its size if known."""
    params = {"variant": best.variant, "chance": best.p_best or 0.0}
    difference = case.primary.comparison(best.variant).difference
    if difference is None or difference.mean == 0:
        return message("verdict.leads", **params)
    share = case.primary.kind == "proportion"
    size = abs(difference.mean) * (100 if share else 1)
    return message(_LEADS[share, difference.mean > 0], **params, size=size, control=case.primary.control)


def missing(case: Case, best: VariantResult) -> tuple[Message, ...]:
    """Return why the lead is not enough yet."""
    unproven = message(_UNPROVEN[(best.p_best or 0.0) > _GOOD_SIGN, case.once])
    over = case.fraction is not None and case.fraction >= 1 and not case.finished
    return (message("verdict.plan_over"), unproven) if over else (unproven,)


def until(case: Case, wait: MoreDays) -> tuple[Message, ...]:
    """Return the day of the run by which a clear result is expected, or why that is unknown.

    The days left are the median of simulated futures; see `projection`.
    """
    if wait.days is None:
        return () if wait.reason is None else (wait.reason,)

    day, planned = day_number(case.elapsed_days) + wait.days, case.rules.planned_days
    if planned is None or case.elapsed_days >= planned:
        return (message("verdict.result_by_day", day=day),)
    if case.elapsed_days + wait.days >= planned:
        return (message("verdict.result_at_end", day=math.ceil(planned)),)
    return (message("verdict.result_by_day_planned", day=day, planned=math.ceil(planned)),)
