"""What a verdict says of a lead that is not proven: how far it is believed, what is missing, and until when.

Chances speak of what is believed given the data; whether that is proven is another question, and the sentence says so.
"""

from __future__ import annotations

import math
from typing import Final

from analysis import wording
from analysis.decision.evidence import Case
from analysis.planning.projection import MoreDays
from analysis.scoring.score import VariantResult

#: A lead believed at least this much is called a good sign.
_GOOD_SIGN: Final = 0.7


def believed(case: Case, best: VariantResult, so_far: str = "") -> str:
    """Return how far a lead is believed, e.g. ``B leads with a chance of 93 % to be best: about 2 more per …``."""
    chance = wording.chance(best.p_best or 0.0)
    return f"{case.name(best.variant)} leads{so_far} with a chance of {chance} to be best{worth(case, best.variant)}."


def missing(case: Case, best: VariantResult) -> str:
    """Return why the lead is not enough yet."""
    sign = "a good sign" if (best.p_best or 0.0) > _GOOD_SIGN else "a hint"
    over = case.fraction is not None and case.fraction >= 1
    looked = "" if case.once else " in a test that is looked at every day"
    told = f"is {sign}, but not proven{'' if case.finished or over else ' yet'}: luck alone can bring it about{looked}."
    return f"The planned time is over. The lead {told}" if over and not case.finished else f"That {told}"


def until(case: Case, wait: MoreDays) -> str:
    """Return by which day of the run an answer is to be expected, or why nobody can say.

    "About N more days" is the median of simulated futures; see `projection`.
    """
    if wait.days is None:
        return wait.reason or ""
    day, planned = wording.day_number(case.elapsed_days) + wait.days, case.rules.planned_days
    if planned is None or case.elapsed_days >= planned:
        return f"At this pace an answer is more likely than not by day {day}."
    if case.elapsed_days + wait.days >= planned:
        return f"At this pace the answer comes with the end of the plan, day {math.ceil(planned)}."
    return f"At this pace an answer is more likely than not by day {day} of the {math.ceil(planned)} planned."


def worth(case: Case, key: str) -> str:
    """Return what a lead amounts to, e.g. ``: about 2.1 more per 100 members than A``."""
    difference = case.primary.comparison(key).difference
    if difference is None or difference.mean == 0:
        return ""
    than = case.name(case.primary.control)
    word = "more" if difference.mean > 0 else "fewer" if case.primary.kind == "proportion" else "less"
    size = abs(difference.mean)
    if case.primary.kind == "proportion":
        return f": about {wording.small(size * 100)} {word} per 100 members than {than}"
    return f": about {wording.small(size)} {word} per member than {than}"
