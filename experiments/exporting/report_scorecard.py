"""The scorecard of a report: a block a metric, with the figures that the verdict rests on, told as on the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.exporting.source import Stored, VariantName
from experiments.reporting import adjustment, guardrails, lift_notes, phrases
from experiments.reporting.measures import Measure, name_of
from experiments.reporting.numbers import NOTHING, count, signed_percent
from experiments.reporting.withheld import no_member_did


@dataclass(frozen=True, slots=True)
class Line:
    """One variant of one metric; every field is text."""

    variant: VariantName
    position: int
    members: str
    mean: str
    interval: str
    lift: str
    best: str
    beats: str


@dataclass(frozen=True, slots=True)
class Block:
    """One metric.

    Attributes
    ----------
    tag, tone : str
        Whether it decides, or whether the guardrail holds; the tone is decides, good, calm, warn or bad.
    chances : bool
        Whether it has chances of beating the control and of being best: a guardrail is to hold, not to be won.
    compared : str
        What it is compared by: lift or difference.
    missing : str
        Why there are no figures, where there are none.
    adjusted, why : str
        What the members' history has brought, where a covariate was declared (CUPED), and what that means.
    """

    name: str
    hint: str
    tag: str
    tone: str
    unit: str
    compared: str
    chances: bool
    lines: tuple[Line, ...]
    missing: str = ""
    remark: str = ""
    adjusted: str = ""
    why: str = ""


def blocks(stored: Stored, result: Mapping[str, Any]) -> list[Block]:
    """Return the metrics, the deciding one first and the guardrails last, as on the page.

    Parameters
    ----------
    result
        The stored one with the figures that decide, and without chances where it is too early for them.
    """
    rank = {stored.primary: 0} | {key: 2 for key in stored.guardrails if key != stored.primary}
    return [_block(stored, entry) for entry in sorted(result["metrics"], key=lambda row: rank.get(row["metric"], 1))]


def relative(entry: Mapping[str, Any], measure: Measure) -> bool:
    """Whether a metric is compared in per cent: not where it may be below 0, as on the page."""
    return measure.relative and any(row["lift"] for row in entry["comparisons"])


def _block(stored: Stored, entry: Mapping[str, Any]) -> Block:
    measure, key = Measure.of(entry, stored.currency), entry["metric"]
    guarded = key in stored.guardrails and key != stored.primary
    nobody, not_shown = no_member_did(entry), entry["not_shown"]
    history = None if nobody else adjustment.adjustment_line(entry, measure, stored.variants)
    tag, tone = ("decides", "decides") if key == stored.primary else ("", "")
    if guarded:
        tag, tone = guardrails.tag(stored.result["verdict"], key, stored.variants)
    if guarded and nobody:
        tag, tone = "nothing so far", "calm"
    return Block(
        name_of(entry),
        str(entry.get("hint") or ""),
        tag,
        tone,
        entry["unit_of_measure"],
        "lift" if relative(entry, measure) else "difference",
        not guarded,
        () if nobody or not_shown else tuple(_lines(stored, entry, measure)),
        _nobody(stored, entry) if nobody else str(not_shown["reason"]) if not_shown else "",
        _remark(stored, entry, measure, guarded) if not nobody else "",
        *(history or ()),
    )


def _remark(stored: Stored, entry: Mapping[str, Any], measure: Measure, guarded: bool) -> str:
    """Why a guardrail is in doubt, or why a lift differs from the ratio of the estimates."""
    if guarded:
        return guardrails.doubt(stored.result["verdict"], entry, measure, stored.variants)
    return lift_notes.ratio_note(entry, measure, stored.variants)


def _nobody(stored: Stored, entry: Mapping[str, Any]) -> str:
    """What stands in the place of figures that would be the prior alone: ``Nobody yet: A 0 of 14, B 0 of 12.``"""
    members = {row["variant"]: row["n"] for row in entry["variants"]}
    told = [f"{v.letter} 0 of {count(members[v.key])}" for v in stored.variants if v.key in members]
    return f"Nobody yet: {', '.join(told)}."


def _lines(stored: Stored, entry: Mapping[str, Any], measure: Measure) -> list[Line]:
    in_percent = relative(entry, measure)
    rows = {row["variant"]: row for row in entry["variants"]}
    comparisons = {row["variant"]: row for row in entry["comparisons"]}
    return [
        _line(measure, in_percent, variant, position, rows[variant.key], comparisons.get(variant.key))
        for position, variant in enumerate(stored.variants)
        if variant.key in rows
    ]


def _line(
    measure: Measure,
    in_percent: bool,
    variant: VariantName,
    position: int,
    row: Mapping[str, Any],
    compared: Mapping[str, Any] | None,
) -> Line:
    spread = row["interval"]
    return Line(
        variant,
        position,
        count(row["n"]),
        measure.value(row["mean"]),
        _range(measure.value(spread["low"]), measure.value(spread["high"])) if spread else "",
        _compared(compared, measure, in_percent),
        NOTHING if row["p_best"] is None else phrases.chance(row["p_best"]),
        "" if compared is None or compared["p_beats_control"] is None else phrases.chance(compared["p_beats_control"]),
    )


def _compared(row: Mapping[str, Any] | None, measure: Measure, in_percent: bool) -> str:
    """The lift with its interval; the difference where a lift means nothing; the control has neither."""
    if row is None:
        return "control"
    found = row["lift"] if in_percent else row["difference"]
    if not found:
        return NOTHING
    mean, interval = found["mean"], found["interval"]
    write = signed_percent if in_percent else measure.difference
    told = write(mean) if in_percent else _more(mean, measure)
    return f"{told} ({_range(write(interval['low']), write(interval['high']))})"


def _more(difference: float, measure: Measure) -> str:
    """A difference in words: ``1.40 less`` and never ``−1.40 more``."""
    size = measure.size(abs(difference))
    if size == measure.size(0.0):
        return size
    fewer = "fewer" if measure.kind == "share" else "less"
    return f"{size} {'more' if difference > 0 else fewer}"


def _range(low: str, high: str) -> str:
    return f"{low} to {high}"
