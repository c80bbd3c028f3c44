"""Why a lift is not what two values divided give, in words: the same in the report as on the page.

A lift is the mean of variant over control over everything that both may truly be. Where the control is uncertain, the
cases in which it is small count most, so the mean lies above the quotient of the means (Jensen).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.definition.variant_names import Lettered
from experiments.reporting import phrases
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import listed

APART, OF_THE_LIFT = 0.02, 0.1
"""A reader who divides the values wonders where that is off by both: so much of the control, and of the lift itself."""


def told(entry: Mapping[str, Any], measure: Measure, variants: Sequence[Lettered]) -> str:
    """A sentence on what the values divided give, for the variants where that is another figure; "" for none."""
    if not measure.relative:
        return ""
    means = {row["variant"]: row["mean"] for row in entry["variants"] if row.get("mean") is not None}
    lifts = {row["variant"]: (row["lift"]["mean"], row["control"]) for row in entry["comparisons"] if row.get("lift")}
    found = []
    for variant in variants:
        lift, control = lifts.get(variant.key, (0.0, ""))
        if control not in means or variant.key not in means or means[control] <= 0:
            continue
        quotient = means[variant.key] / means[control] - 1
        if abs(lift - quotient) > max(APART, OF_THE_LIFT * abs(lift)):
            found.append(f"{variant.letter} {phrases.lift(quotient)}")
    if not found:
        return ""
    return (
        f"The values divided give {listed(found)}; a lift is the mean over all that both values may truly be,"
        " which is another figure where they are as uncertain as here."
    )
