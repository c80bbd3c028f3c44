"""Whether a guardrail holds, in words: the verdict's own statuses, written alike on page, report, terminal and list."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.definition.variant_names import Lettered
from experiments.reporting import phrases
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import listed, percent
from experiments.reporting.withheld import too_early
from experiments.translation import gettext


def statuses(verdict: Mapping[str, Any], metric: str) -> dict[str, Mapping[str, Any]]:
    """Return the statuses of one guardrail in a stored verdict, by variant."""
    return {row["variant"]: row for row in verdict["guardrails"] if row["metric"] == metric}


def tag(verdict: Mapping[str, Any], metric: str, variants: Sequence[Lettered]) -> tuple[str, str]:
    """Return whether a guardrail holds, and for which variants not, with its tone: good, calm, warn or bad."""
    letters = {variant.key: variant.letter for variant in variants}
    found = statuses(verdict, metric)
    broken, doubted = (_with(found, status, letters) for status in ("broken", "in_doubt"))
    if broken and doubted:
        text = gettext("guardrail broken by {broken}, in doubt for {doubted}")
        return text.format(broken=broken, doubted=doubted), "bad"
    if broken:
        return gettext("guardrail broken by {variants}").format(variants=broken), "bad"
    if doubted:
        return gettext("guardrail in doubt for {variants}").format(variants=doubted), "warn"
    if any(row["status"] == "held" for row in found.values()):
        return gettext("guardrail holds"), "good"
    if too_early(verdict):
        return gettext("too early to tell"), "calm"
    return gettext("guardrail not known yet"), "warn"


def fault(verdict: Mapping[str, Any], metric: str, variant: str) -> str:
    """Return "broken" or "in doubt" where a guardrail does not hold for a variant; nothing where it does."""
    status = statuses(verdict, metric).get(variant, {}).get("status")
    return {"broken": gettext("broken"), "in_doubt": gettext("in doubt")}.get(str(status), "")


def doubt(verdict: Mapping[str, Any], entry: Mapping[str, Any], measure: Measure, variants: Sequence[Lettered]) -> str:
    """Return why a guardrail is in doubt, a sentence a variant, with the figures that the doubt rests on.

    Parameters
    ----------
    entry
        The guardrail's entry of "metrics", of all members: those that the verdict judged.
    """
    found, rows = statuses(verdict, entry["metric"]), {row["variant"]: row for row in entry["variants"]}
    control = next(variant for variant in variants if variant.control)
    text = gettext("Probably lower with {variant} ({chance}): {value} against {control} as counted.")
    if entry.get("direction") == "lower":
        text = gettext("Probably higher with {variant} ({chance}): {value} against {control} as counted.")
    sentences = [
        text.format(
            variant=variant.letter,
            chance=phrases.chance(found[variant.key]["p_worse"]),
            value=_counted(measure, rows[variant.key]),
            control=_counted(measure, rows[control.key]),
        )
        for variant in variants
        if found.get(variant.key, {}).get("status") == "in_doubt"
    ]
    return " ".join((*sentences, gettext("Not certain enough to stop it."))) if sentences else ""


def lines(result: Mapping[str, Any]) -> list[str]:
    """Return a line for each guardrail that does not hold, with variants by their keys, for a terminal."""
    names = {entry["metric"]: entry["name"].lower() for entry in result["metrics"]}
    texts = {
        "broken": gettext("Guardrail {metric} is broken by {variant}."),
        "in_doubt": gettext("Guardrail {metric} is in doubt for {variant}."),
    }
    return [
        texts[row["status"]].format(metric=names.get(row["metric"], row["metric"]), variant=row["variant"])
        for row in result["verdict"]["guardrails"]
        if row["status"] in texts
    ]


def _with(found: Mapping[str, Mapping[str, Any]], status: str, letters: Mapping[str, str]) -> str:
    return listed([letter for key, letter in letters.items() if found.get(key, {}).get("status") == status])


def _counted(measure: Measure, row: Mapping[str, Any]) -> str:
    """Return a value before any prior, which a doubt rests on; two digits for a share, as they are small."""
    seen = row["mean"] if row.get("raw_mean") is None else row["raw_mean"]
    return percent(seen, 2) if measure.kind == "share" and seen is not None else measure.value(seen)
