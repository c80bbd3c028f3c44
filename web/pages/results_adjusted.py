"""What taking the members' history out of the noise has brought (CUPED).

It was declared beforehand, so the verdict rests on the adjusted figures; the page shows the same ones, and says in a
line below them what they would have been without it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from web.formatting import decimal, percent, signed_percent
from web.pages import results_words as words
from web.pages.results_measure import Measure
from web.pages.results_parts import Number, VariantFacts, by_position, reason_of, shown

LEAST = 0.0005
"""A variance that falls by less is told as not falling at all: 0.0 %."""


def deciding(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result with the figures that the verdict rests on in the place of the plain ones, which "plain" keeps."""
    return dict(result) | {"metrics": [_deciding(entry) for entry in result["metrics"]]}


def _deciding(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = entry.get("adjusted")
    if not found or reason_of(found) or not found.get("variants") or "plain" in entry:
        return dict(entry)
    plain = {name: entry[name] for name in ("variants", "comparisons")}
    return dict(entry) | {name: found[name] for name in plain} | {"plain": plain}


def adjusted_of(
    entry: Mapping[str, Any], measure: Measure, variants: Sequence[VariantFacts], control: VariantFacts
) -> Number | None:
    """The line of a metric with an "adjusted" entry, None for one without.

    The variance that is gone is told with a decimal, nothing being the usual outcome: −0.0 % is an answer.
    """
    found = entry.get("adjusted")
    if not found:
        return None
    name = _history(found.get("covariate"))
    reason = reason_of(found)
    if reason:
        return Number(f"Not adjusted for {name}.", reason, f"{entry['metric']}-adjusted")
    gone = float(found["variance_reduction"] or 0.0)
    told = [f"variance {signed_percent(-gone) if gone > LEAST else _none()}"]
    without = [
        f"{variant.letter} {text}"
        for variant, row in by_position((entry.get("plain") or {}).get("comparisons") or (), variants)
        if (text := _compared(row, measure))
    ]
    told += [f"without it {', '.join(without)}"] if without else []
    why = _why(found, name, control, swapped="plain" in entry)
    return Number(f"Adjusted for {name}: {'; '.join(told)}", why, f"{entry['metric']}-adjusted")


def _history(covariate: Any) -> str:
    """What was known beforehand, in words: an attribute's name, or the same outcome in the days before."""
    if isinstance(covariate, Mapping):
        if covariate.get("days_before"):
            return f"the {covariate['days_before']} days before"
        covariate = covariate.get("attribute")
    return str(covariate or "history").replace("_", " ")


def _none() -> str:
    return f"−{percent(0.0)}"


def _compared(row: Mapping[str, Any], measure: Measure) -> str:
    lift, difference = shown(row.get("lift")) if measure.relative else None, shown(row.get("difference"))
    if lift:
        bounds = (signed_percent(lift["interval"][side]) for side in ("low", "high"))
        return f"{signed_percent(lift['mean'])} ({words.range_of(*bounds)})"
    if difference:
        bounds = (measure.difference(difference["interval"][side]) for side in ("low", "high"))
        return f"{measure.difference(difference['mean'])} ({words.range_of(*bounds)})"
    return ""


def _why(found: Mapping[str, Any], name: str, control: VariantFacts, *, swapped: bool) -> str:
    correlation = found.get("correlation")
    linked = f" It correlates {decimal(correlation)} with the outcome." if correlation is not None else ""
    rests = " The figures above are the adjusted ones, and the verdict rests on them." if swapped else ""
    return (
        f"What was known of the members before they met anything ({name}) is taken out of the noise (CUPED), so that"
        f" the lifts over {control.letter} get tighter by what it explains.{linked}{rests}"
    )
