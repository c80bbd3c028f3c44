"""The figures that a verdict rests on, and what taking the members' history out of the noise has brought (CUPED).

It was declared beforehand, so the verdict rests on the adjusted figures; page, report and summary tell the same ones,
and say beside them what they would have been without it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.definition.variant_names import Lettered
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import decimal, percent, signed_percent

LEAST = 0.0005
"""A variance that falls by less is told as not falling at all: 0.0 %."""


def deciding(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result with the figures that the verdict rests on in the place of the plain ones, which "plain" keeps."""
    return dict(result) | {"metrics": [_deciding(entry) for entry in result["metrics"]]}


def _deciding(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = entry.get("adjusted")
    if not found or _reason(found) or not found.get("variants") or "plain" in entry:
        return dict(entry)
    plain = {name: entry[name] for name in ("variants", "comparisons")}
    return dict(entry) | {name: found[name] for name in plain} | {"plain": plain}


def covariate_of(found: Mapping[str, Any]) -> str:
    """What an "adjusted" entry was adjusted for, in words: an attribute, or the same outcome in the days before."""
    covariate = found.get("covariate")
    if isinstance(covariate, Mapping):
        if covariate.get("days_before"):
            return f"the {covariate['days_before']} days before"
        covariate = covariate.get("attribute")
    return str(covariate or "history").replace("_", " ")


def told(entry: Mapping[str, Any], measure: Measure, variants: Sequence[Lettered]) -> tuple[str, str] | None:
    """The line of a metric with an "adjusted" entry and why it is so; None for a metric without one.

    The variance that is gone is told with a decimal, nothing being the usual outcome: −0.0 % is an answer.

    Parameters
    ----------
    variants
        In order of position, the control among them.
    """
    found = entry.get("adjusted")
    if not found:
        return None
    name = covariate_of(found)
    if reason := _reason(found):
        return f"Not adjusted for {name}.", reason
    gone = float(found["variance_reduction"] or 0.0)
    parts = [f"variance {signed_percent(-gone) if gone > LEAST else _none()}"]
    rows = {row["variant"]: row for row in (entry.get("plain") or {}).get("comparisons") or ()}
    without = [
        f"{variant.letter} {text}"
        for variant in variants
        if variant.key in rows and (text := _compared(rows[variant.key], measure))
    ]
    parts += [f"without it {', '.join(without)}"] if without else []
    control = next(variant.letter for variant in variants if variant.control)
    return f"Adjusted for {name}: {'; '.join(parts)}", _why(found, name, control, swapped="plain" in entry)


def _reason(found: Mapping[str, Any]) -> str:
    return str((found.get("not_shown") or {}).get("reason") or "")


def _none() -> str:
    return f"−{percent(0.0)}"


def _compared(row: Mapping[str, Any], measure: Measure) -> str:
    lift = _shown(row.get("lift")) if measure.relative else None
    estimate, write = (lift, signed_percent) if lift else (_shown(row.get("difference")), measure.difference)
    if not estimate:
        return ""
    low, high = (write(estimate["interval"][side]) for side in ("low", "high"))
    return f"{write(estimate['mean'])} ({low} to {high})"


def _shown(estimate: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return estimate if estimate and estimate.get("mean") is not None else None


def _why(found: Mapping[str, Any], name: str, control: str, *, swapped: bool) -> str:
    correlation = found.get("correlation")
    linked = f" It correlates {decimal(correlation)} with the outcome." if correlation is not None else ""
    rests = " The figures above are the adjusted ones, and the verdict rests on them." if swapped else ""
    return (
        f"What was known of the members before they met anything ({name}) is taken out of the noise (CUPED), so that"
        f" the lifts over {control} get tighter by what it explains.{linked}{rests}"
    )
