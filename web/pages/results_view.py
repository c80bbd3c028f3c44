"""The results page as data: a stored analysis turned into what the templates print. Pure; reads no database."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from web.formatting import count, decimal, moment, plural, when
from web.pages import results_words as words
from web.pages.results_charts import OverTime, Segment, over_time, segments
from web.pages.results_drawing import hills
from web.pages.results_health import HealthItem, health_items
from web.pages.results_scorecard import RAW_COLUMNS, Group, Number, VariantFacts, scorecard

TONES = {
    "ship": "burr",
    "keep_running": "burr",
    "no_difference": "calm",
    "not_enough_data": "calm",
    "stop_harm": "bad",
    "untrusted": "bad",
}
HEADLINES = {
    "keep_running": "Keep running.",
    "no_difference": "No difference worth having.",
    "stop_harm": "Stop: it does harm.",
    "not_enough_data": "Not enough data yet.",
    "untrusted": "Do not trust these numbers yet.",
}
WITHHELD = (
    "Chances and losses are left out until there is enough data: so early they would be little more than a guess."
)
NO_FACTS = ("untrusted",)
"""Beside these answers no figure stands: it would be read as one."""

NAMED = re.compile(r"(\b[A-Z] “[^”]*”|\b[B-HJ-Z]\b)")
"""A variant in a sentence; A and I alone are words of their own."""

EXCLUDED = {
    "multi_exposed": "met more than one variant",
    "bots": "looked like bots",
    "immature": "are still inside their window",
    "preview": "were previews",
}


@dataclass(frozen=True)
class Plan:
    """What the page knows of the experiment and its run beside the result."""

    primary: str
    guardrails: Sequence[str]
    currency: str
    zone: str
    started_at: datetime
    ended_at: datetime | None = None
    planned_days: int | None = None
    imported: bool = False
    simulated: bool = False
    counts_only: bool = False


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; `colour` where it names a variant."""

    text: str
    colour: str = ""


@dataclass(frozen=True)
class VerdictView:
    decision: str
    tone: str
    headline: str
    reason: tuple[Part, ...]
    facts: tuple[tuple[str, Number], ...]


@dataclass(frozen=True)
class Card:
    """A variant's card; `hills` is the picture where no image is given or it does not load."""

    variant: VariantFacts
    members: str
    hills: tuple[str, ...]


@dataclass(frozen=True)
class ResultsView:
    """Everything the sections of the page print."""

    verdict: VerdictView
    health: tuple[HealthItem, ...]
    failed: bool
    cards: tuple[Card, ...]
    control: VariantFacts
    subject: VariantFacts
    groups: tuple[Group, ...]
    raw_columns: tuple[str, ...]
    over_time: OverTime
    segments: tuple[Segment, ...]
    metric_name: str
    set_aside: str
    provenance: tuple[tuple[str, str], ...]
    members: int = 0
    shared: int = 0
    analysis: str = ""
    withheld: str = ""


def build(
    result: Mapping[str, Any],
    drawing: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    history: Sequence[Mapping[str, Any]],
    plan: Plan,
    *,
    now: datetime,
) -> ResultsView:
    """Turn a stored analysis into the page.

    Parameters
    ----------
    result
        API.md's shape with the keys that the analysing room adds (names, facts, segments).
    drawing
        The stored densities of the lifts.
    variants
        All variants in order of position, exactly one of them the control.
    history
        Earlier analyses of the same run, oldest first: ``{"at", "p_best"}``.
    now
        The present moment, for the line "today" of a run that has not ended.
    """
    primary = next((entry for entry in result["metrics"] if entry["metric"] == plan.primary), result["metrics"][0])
    name = words.name_of(primary)
    subject = _subject(result["verdict"], primary, variants)
    units = result.get("units") or {}
    withheld = too_early(result["verdict"])
    checks = [check for check in result.get("health") or () if check["check"] != "silence" or listening(plan)]
    failed = any(check["status"] == "fail" for check in checks)
    control = next(variant for variant in variants if variant.control)
    return ResultsView(
        verdict=_verdict(result, variants, primary, plan, failed=failed),
        health=health_items(checks, plan.zone, str(result.get("cut_off") or "")),
        failed=failed,
        cards=cards_of(variants, {row["variant"]: row["n"] for row in primary["variants"]}),
        control=control,
        subject=subject,
        groups=scorecard(
            result,
            drawing,
            variants,
            primary=primary["metric"],
            guardrails=plan.guardrails,
            currency=plan.currency,
            withheld=withheld,
        ),
        raw_columns=tuple(column.format(control=control.letter) for column in RAW_COLUMNS),
        over_time=_over_time(history, variants, plan, name, now, withheld),
        segments=segments(result.get("segments") or (), variants, subject),
        metric_name=name,
        set_aside=set_aside(units.get("excluded") or {}),
        provenance=provenance(result, plan.zone),
        members=int(units.get("randomised") or 0),
        shared=int(units.get("shared") or 0),
        analysis=str(result.get("analysis") or ""),
        withheld=WITHHELD if withheld else "",
    )


def too_early(verdict: Mapping[str, Any]) -> bool:
    """Whether there is too little data for chances and losses: they would be the prior's, near one half."""
    return verdict["decision"] == "not_enough_data" and not verdict.get("variant")


def listening(plan: Plan) -> bool:
    """Whether silence would mean anything: a run that is over or made up gets no more events."""
    return plan.ended_at is None and not (plan.simulated or plan.imported)


def _over_time(
    history: Sequence[Mapping[str, Any]],
    variants: Sequence[VariantFacts],
    plan: Plan,
    name: str,
    now: datetime,
    withheld: bool,
) -> OverTime:
    none = ""
    if plan.counts_only:
        none = "Counts were imported without days, so there is no curve."
    elif withheld:
        none = "There is no curve: not enough data." if plan.ended_at else "The curve begins once there is enough data."
    today = None if plan.ended_at else (moment(now) - moment(plan.started_at)).total_seconds() / 86_400
    return over_time(
        history,
        variants,
        title=words.title_of_chance(plan.primary, name),
        started_at=plan.started_at,
        zone=plan.zone,
        planned_days=None if plan.imported else plan.planned_days,
        today=today,
        ended_at=plan.ended_at,
        none=none,
    )


def _subject(verdict: Mapping[str, Any], primary: Mapping[str, Any], variants: Sequence[VariantFacts]) -> VariantFacts:
    """The variant that the page speaks of: the verdict's, else the likeliest best of those that are not the control."""
    others = [variant for variant in variants if not variant.control]
    named = next((variant for variant in others if variant.key == verdict.get("variant")), None)
    chances = {row["variant"]: row.get("p_best") or 0.0 for row in primary["variants"]}
    return named or max(others, key=lambda variant: chances.get(variant.key, 0.0))


def _verdict(
    result: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    primary: Mapping[str, Any],
    plan: Plan,
    *,
    failed: bool,
) -> VerdictView:
    verdict = result["verdict"]
    decision = verdict["decision"]
    headline = verdict.get("headline") or result.get("headline") or _headline(verdict, variants)
    facts = _facts(primary, _told_of(verdict, primary, variants), plan)
    if failed and decision != "untrusted":
        decision, headline = "untrusted", HEADLINES["untrusted"]
    if decision in NO_FACTS or too_early(verdict):
        facts = ()
    return VerdictView(decision, TONES[decision], headline, coloured(verdict["reason"], variants), facts)


def _headline(verdict: Mapping[str, Any], variants: Sequence[VariantFacts]) -> str:
    if verdict["decision"] == "ship":
        letter = next((v.letter for v in variants if v.key == verdict.get("variant")), "it")
        return f"Ship {letter}."
    return HEADLINES[verdict["decision"]]


def _told_of(verdict: Mapping[str, Any], primary: Mapping[str, Any], variants: Sequence[VariantFacts]) -> VariantFacts:
    """Whom the figures beside the sentence are about: the verdict's variant, else the likeliest best of all."""
    chances = {row["variant"]: row.get("p_best") or 0.0 for row in primary["variants"]}
    named = next((variant for variant in variants if variant.key == verdict.get("variant")), None)
    return named or max(variants, key=lambda variant: chances.get(variant.key, 0.0))


def _facts(primary: Mapping[str, Any], subject: VariantFacts, plan: Plan) -> tuple[tuple[str, Number], ...]:
    """The figures beside the sentence, written as the scorecard writes them."""
    row = next((row for row in primary["variants"] if row["variant"] == subject.key), None)
    if row is None or row.get("p_best") is None:
        return ()
    measure = words.Measure.of(primary, plan.currency)
    members = " members" if measure.kind == "share" else ""
    best = words.explain_best(subject.letter, measure.name, primary.get("direction") == "lower")
    lost = row.get("loss_if_wrong")
    loss = words.explain_loss(measure, subject.letter, lost)
    return (
        (f"Chance that {subject.letter} is best", Number(words.chance(row["p_best"]), best, "fact-best")),
        (
            f"If we ship {subject.letter} and are wrong, we lose",
            Number("next to nothing" if lost is None else measure.loss(lost) + members, loss, "fact-loss"),
        ),
    )


def coloured(sentence: str, variants: Sequence[VariantFacts]) -> tuple[Part, ...]:
    """Cut a sentence so that each variant in it, as ``B “Headline”`` or as a bare letter, wears its colour."""
    colours = {variant.letter: variant.colour for variant in variants}
    pieces = NAMED.split(sentence)
    # A split with one group gives text and names in turn.
    return tuple(Part(piece, colours.get(piece[0], "") if at % 2 else "") for at, piece in enumerate(pieces) if piece)


def cards_of(variants: Sequence[VariantFacts], members: Mapping[str, int] | None = None) -> tuple[Card, ...]:
    """The variants' cards; `members` counts who met each of them."""
    counts = members or {}
    return tuple(
        Card(variant, count(counts.get(variant.key, 0)), hills(f"{variant.key}/{variant.title}"))
        for variant in variants
    )


@dataclass(frozen=True)
class Choice:
    """A variant in the "Decide…" dialog; none is chosen already, and the one that the verdict advises says so."""

    variant: VariantFacts
    chance: str
    advised: bool


def choices(variants: Sequence[VariantFacts], result: Mapping[str, Any] | None, primary: str) -> tuple[Choice, ...]:
    """What can be shipped, with each one's chance of being best where there is an answer."""
    if result is None:
        return tuple(Choice(variant, "", False) for variant in variants)
    deciding = next((entry for entry in result["metrics"] if entry["metric"] == primary), result["metrics"][0])
    chances = {row["variant"]: row.get("p_best") for row in deciding["variants"]}
    verdict = result["verdict"]
    if too_early(verdict):
        chances = {}
    advised = verdict.get("variant") if verdict["decision"] == "ship" else None
    return tuple(
        Choice(
            variant,
            words.chance(chances[variant.key]) if chances.get(variant.key) is not None else "",
            variant.key == advised,
        )
        for variant in variants
    )


def set_aside(excluded: Mapping[str, int]) -> str:
    """One sentence on the members that do not count, or nothing where all do."""
    parts = [
        f"{count(number)} {EXCLUDED.get(reason, reason.replace('_', ' '))}"
        for reason, number in excluded.items()
        if isinstance(number, int) and number
    ]
    if not parts:
        return ""
    listed = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"Set aside and not counted: {listed}."


def provenance(result: Mapping[str, Any], zone: str = "UTC") -> tuple[tuple[str, str], ...]:
    """What is needed to repeat the analysis, as labels and values; times are told in `zone`."""
    stored = result.get("provenance") or {}
    cut_off = result.get("cut_off")
    rows = [("Analysis", str(result.get("analysis") or ""))]
    rows += [("Data up to", when(datetime.fromisoformat(str(cut_off)), zone))] if cut_off else []
    rows += [("Seed", str(stored["seed"]))] if "seed" in stored else []
    rows += [("Split", check["figures"]) for check in result.get("health") or () if check.get("figures")]
    rows += [("Prior", prior) for prior in _priors(stored.get("priors") or {}, result["metrics"])]
    rows += [(f"Fit by {entry['segment']}", _fit(entry)) for entry in result.get("segments") or ()]
    versions = stored.get("versions") or {}
    rows += [("Versions", ", ".join(f"{key} {value}" for key, value in versions.items()))] if versions else []
    return tuple(row for row in rows if row[1])


def _fit(entry: Mapping[str, Any]) -> str:
    """How well a sampled fit went: what the gate let through."""
    found = entry.get("diagnostics")
    if not found:
        return ""
    drawn = f"R-hat {decimal(found['rhat_max'], 3)}, {count(int(found['ess_min']))} effective draws"
    return f"{drawn}, {plural(found['divergences'], 'divergence')}; {entry['engine']}, seed {entry['seed']}"


def _priors(priors: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each prior once, with the metrics that it stands before."""
    names = {entry["metric"]: words.name_of(entry) for entry in metrics} | {
        "lift": "every lift, for the verdict",
        "segments": "the segments",
    }
    used: dict[str, list[str]] = {}
    for key, prior in priors.items():
        used.setdefault(_prior(prior), []).append(names.get(key, key))
    return [f"{prior} For: {', '.join(of)}." for prior, of in used.items()]


def _prior(prior: Any) -> str:
    if not isinstance(prior, Mapping):
        return str(prior)
    name, reason = str(prior.get("name", "")), str(prior.get("reason", ""))
    return f"{name}: {reason}" if name and reason else name or reason or ", ".join(f"{k} {v}" for k, v in prior.items())


def sub_line(
    members: int | None, shared: int, *, day_number: int | None, ended: bool, planned_days: int | None
) -> list[str]:
    """The pieces of the line under the title that come before the time of the analysis."""
    pieces = []
    if day_number is not None and ended:
        pieces.append(f"Ran {plural(day_number, 'day')}")
    elif day_number is not None:
        late = planned_days is not None and day_number > planned_days
        plan = f", {planned_days} were planned" if late else f" of {planned_days}" if planned_days else ""
        pieces.append(f"Day {day_number}{plan}")
    if members is not None:
        more = f", {count(shared)} more brought by shares" if shared else ""
        pieces.append(f"{plural(members, 'member')} randomised{more}")
    return pieces
