"""How many more days a running test needs, if members keep arriving and the effect is what it seems."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.sequential import PLANNED_SHARE, always_valid_bound, continuous_bound
from analysis.verdict import Rules

HORIZON_DAYS = 180


@dataclass(frozen=True, slots=True)
class MoreDays:
    """About how many more days; None with the reason where that cannot be said."""

    days: int | None
    reason: str | None


def more_days(
    *,
    effect: float,
    standard_error: float,
    ratio: float,
    proven: bool,
    elapsed_days: float,
    rules: Rules,
    comparisons: int,
) -> MoreDays:
    """Project the first day on which the expected z reaches the bound of that day.

    Parameters
    ----------
    effect : float
        Log-lift of the leading variant under the lift prior, positive = better.
    standard_error : float
        Of the log-lift now, without the prior; it falls with the root of the time.
    ratio : float
        The mixture's variance over the effect's now (`evidence.information_ratio`); it grows with the time.
    proven : bool
        Whether the lead over the control has already passed the bound (and only the choice among variants is open).
    elapsed_days, rules, comparisons
        Where the run stands, its rules, and how many comparisons share the error.
    """
    if elapsed_days <= 0 or standard_error <= 0:
        return MoreDays(None, "Nothing has arrived yet, so the pace is not known.")
    planned = rules.planned_days
    left = math.ceil(planned - elapsed_days - 1e-9) if planned is not None and planned > elapsed_days else None
    if proven or effect <= 0:
        if left is not None:
            return MoreDays(left, None)
        why = "the leading variants are too alike to choose between" if proven else "no variant leads over the control"
        return MoreDays(None, f"It cannot be said how long, because {why}.")
    alpha = rules.alpha / comparisons
    for extra in range(1, HORIZON_DAYS + 1):
        growth = (elapsed_days + extra) / elapsed_days
        error = standard_error / math.sqrt(growth)
        if effect / error >= _bound_on(elapsed_days + extra, ratio * growth, alpha, planned):
            return MoreDays(extra if left is None else min(extra, left), None)
    if left is not None:
        return MoreDays(left, None)
    return MoreDays(None, f"At this pace the lead would take more than {HORIZON_DAYS} days to prove.")


def _bound_on(day: float, ratio: float, alpha: float, planned: float | None) -> float:
    if planned is None:
        return always_valid_bound(ratio, alpha)
    always = always_valid_bound(ratio, (1 - PLANNED_SHARE) * alpha)
    if day > planned:
        return always
    return float(np.minimum(always, continuous_bound(day / planned, PLANNED_SHARE * alpha)))
