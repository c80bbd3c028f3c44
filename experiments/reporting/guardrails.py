"""Whether a guardrail holds, in words: the same in the report as on the page, and by the figures of the verdict.

A guardrail is to hold, not to be won: it has no chance of being best, and what is told of it is how likely it is worse.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from analysis import wording
from experiments.definition.variant_names import Lettered
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import percent

IN_DOUBT, BROKEN = 0.95, 0.999
"""Chances of a variant being worse than the control; the first keeps it from being shipped."""


def tag(entry: Mapping[str, Any], variants: Sequence[Lettered]) -> tuple[str, str]:
    """Whether the guardrail holds, and for which variants it does not; with its tone: good, calm, warn or bad."""
    found = worse(entry)
    if not found:
        return ("too early to tell", "calm") if entry.get("too_early") else ("guardrail not known yet", "warn")
    for limit, said, tone in ((BROKEN, "broken by", "bad"), (IN_DOUBT, "in doubt for", "warn")):
        letters = [variant.letter for variant in variants if found.get(variant.key, 0.0) > limit]
        if letters:
            return f"guardrail {said} {', '.join(letters)}", tone
    return "guardrail holds", "good"


def faults(entry: Mapping[str, Any]) -> dict[str, str]:
    """For which variants a guardrail does not hold: "broken" or "in doubt", by variant."""
    if entry.get("too_early"):
        return {}
    return {key: "broken" if p > BROKEN else "in doubt" for key, p in worse(entry).items() if p > IN_DOUBT}


def doubt(entry: Mapping[str, Any], measure: Measure, variants: Sequence[Lettered]) -> str:
    """Why a guardrail is in doubt, a sentence a variant, with the figures that the doubt rests on."""
    rows = {row["variant"]: row for row in entry["variants"]}
    control = next(variant for variant in variants if variant.control)
    way = "higher" if entry.get("direction") == "lower" else "lower"
    found = worse(entry)
    doubted = [variant for variant in variants if IN_DOUBT < found.get(variant.key, 0.0) <= BROKEN]
    told = [
        f"Probably {way} with {variant.letter} ({wording.chance(found[variant.key])}):"
        f" {_seen(measure, rows[variant.key])} against {_seen(measure, rows[control.key])} as counted."
        for variant in doubted
    ]
    return " ".join((*told, "Not certain enough to stop it.")) if told else ""


def worse(entry: Mapping[str, Any]) -> dict[str, float]:
    """The chance that each variant is worse than the control, going by the data alone, as the verdict does.

    A result of former days has no such figures, and its posteriors knew no other prior.
    """
    evidence = {
        row["variant"]: (row["evidence_mean"], row["evidence_sd"])
        for row in entry["variants"]
        if row.get("evidence_mean") is not None and row.get("evidence_sd")
    }
    sign = -1 if entry.get("direction") == "lower" else 1
    found = {}
    for row in entry["comparisons"]:
        key, control = row["variant"], row["control"]
        if row.get("p_beats_control") is None:
            continue
        if key in evidence and control in evidence:
            (ours, spread), (theirs, other) = evidence[key], evidence[control]
            z = sign * (ours - theirs) / math.hypot(spread, other)
            found[key] = 0.5 * math.erfc(z / math.sqrt(2))
        else:
            found[key] = 1 - row["p_beats_control"]
    return found


def _seen(measure: Measure, row: Mapping[str, Any]) -> str:
    """A value before any prior, since it is that which a doubt rests on; two digits for a share, as they are small."""
    seen = row["mean"] if row.get("raw_mean") is None else row["raw_mean"]
    return percent(seen, 2) if measure.kind == "share" and seen is not None else measure.value(seen)
