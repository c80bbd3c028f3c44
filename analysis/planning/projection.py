"""How many more days a running test needs, if members keep arriving as they have."""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.messages import Message, message
from analysis.planning.days_left import HORIZON_DAYS, days_left
from analysis.stopping.rules import Rules


@dataclass(frozen=True, slots=True)
class MoreDays:
    """About how many more days; None with the reason where that cannot be said."""

    days: int | None
    reason: Message | None


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
    """Simulate the futures of the run and return the day by which half of them have their verdict; see `days_left`.

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
        Days so far, the rules, and the number of comparisons that share the error.
    """
    if elapsed_days <= 0 or standard_error <= 0:
        return MoreDays(None, message("verdict.pace_unknown"))
    planned = rules.planned_days
    left = math.ceil(planned - elapsed_days - 1e-9) if planned is not None and planned > elapsed_days else None
    if proven or effect <= 0:
        if left is not None:
            return MoreDays(left, None)
        return MoreDays(None, message("verdict.leaders_too_alike" if proven else "verdict.no_lead"))
    futures = days_left(
        effect=effect,
        standard_error=standard_error,
        ratio=ratio,
        elapsed_days=elapsed_days,
        rules=rules,
        comparisons=comparisons,
    )
    if left is not None:
        return MoreDays(left if futures.median is None else min(futures.median, left), None)
    if futures.median is None:
        return MoreDays(None, message("verdict.beyond_horizon", days=HORIZON_DAYS))
    return MoreDays(futures.median, None)
