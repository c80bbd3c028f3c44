"""The results page as data: a stored analysis turned into what the templates print. Pure; reads no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from experiments.reporting.adjustment import deciding
from experiments.reporting.measures import name_of
from experiments.reporting.numbers import count, moment, plural
from experiments.reporting.withheld import WITHHELD, too_early
from web.pages.results import words
from web.pages.results.drawing import hills
from web.pages.results.parts import Plan, VariantFacts
from web.pages.results.sections.allocation import SharingOut, sharing_out
from web.pages.results.sections.charts import OverTime, Segment, over_time, segments
from web.pages.results.sections.counts import Counts, counts
from web.pages.results.sections.health import HealthItem, health_items
from web.pages.results.sections.net_value import spent_once
from web.pages.results.sections.provenance import provenance, set_aside
from web.pages.results.sections.purchases import Spending, spending
from web.pages.results.sections.retention import Sticks, sticks
from web.pages.results.sections.scorecard import RAW_COLUMNS, Group, scorecard
from web.pages.results.sections.total_effect import Total, total
from web.pages.results.sections.verdict import VerdictView, subject_of, verdict_of
from web.pages.results.sections.word_of_mouth import Carries, carries
from web.pages.results.variant_letters import spoken


@dataclass(frozen=True)
class Card:
    """A variant's card; `hills` is the picture where no image is given or it does not load."""

    variant: VariantFacts
    members: str
    hills: tuple[str, ...]


@dataclass(frozen=True)
class Population:
    """Whose figures the scorecard shows, where there is a choice.

    Attributes
    ----------
    mature
        Only members whose window is over are shown.
    everybody, full
        How many members each choice has, in words.
    note
        What the choice means for the verdict.
    """

    mature: bool
    everybody: str
    full: str
    note: str


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
    members_shown: Population | None = None
    sticks: Sticks | None = None
    carries: Carries | None = None
    total: Total | None = None
    spending: tuple[Spending, ...] = ()
    counts: tuple[Counts, ...] = ()
    sharing_out: SharingOut | None = None
    pooled: bool = False
    interval: str = "95 %"
    interval_kind: str = ""


def build(
    result: Mapping[str, Any],
    drawing: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    history: Sequence[Mapping[str, Any]],
    plan: Plan,
    *,
    now: datetime,
    mature: bool = False,
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
    mature
        Let the scorecard show only members whose window is over, where the result has them.
    """
    result = deciding(spoken(dict(result), variants))
    primary = next((entry for entry in result["metrics"] if entry["metric"] == plan.primary), result["metrics"][0])
    name = name_of(primary)
    subject = subject_of(result["verdict"], primary, variants)
    units = result.get("units") or {}
    withheld = too_early(result["verdict"])
    checks = [check for check in result.get("health") or () if check["check"] != "silence" or listening(plan)]
    failed = any(check["status"] == "fail" for check in checks)
    control = next(variant for variant in variants if variant.control)
    population = _population(result, units, plan, mature)
    interval = next((row["interval"] for row in primary["variants"] if row.get("interval")), None)
    return ResultsView(
        verdict=verdict_of(result, variants, primary, plan, failed=failed),
        health=health_items(checks, plan.zone, str(result.get("cut_off") or "")),
        failed=failed,
        cards=cards_of(variants, {row["variant"]: row["n"] for row in primary["variants"]}),
        control=control,
        subject=subject,
        groups=_groups(result, drawing, variants, plan, population, primary["metric"], withheld),
        raw_columns=tuple(column.format(control=control.letter) for column in RAW_COLUMNS),
        over_time=_over_time(history, variants, plan, name, now, withheld),
        metric_name=name,
        set_aside=set_aside(units.get("excluded") or {}),
        provenance=provenance(result, plan.zone),
        members=int(units.get("randomised") or 0),
        shared=int(units.get("shared") or 0),
        analysis=str(result.get("analysis") or ""),
        withheld=WITHHELD if withheld else "",
        members_shown=population,
        pooled=any(entry.get("stratified") for entry in result["metrics"]),
        interval=words.level_of(interval),
        interval_kind=words.explain_kind(interval),
        **_sections(result, variants, subject, control, plan, now),
    )


def _sections(
    result: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    subject: VariantFacts,
    control: VariantFacts,
    plan: Plan,
    now: datetime,
) -> dict[str, Any]:
    """What stands below the scorecard, each part only where the result has it."""
    span = {"started_at": plan.started_at, "zone": plan.zone, "end": plan.ended_at or now}
    return {
        "segments": segments(result.get("segments") or (), variants, subject),
        "sticks": sticks(result.get("retention"), variants, subject),
        "carries": carries(result.get("cascade"), variants, subject, control),
        "total": total(
            result.get("total"), result["metrics"], variants, control, plan.currency, growing=plan.ended_at is None
        ),
        "spending": spending(result.get("amounts"), result["metrics"], variants, plan.currency),
        "counts": counts(result.get("counts"), result["metrics"], variants),
        "sharing_out": sharing_out(result.get("allocation"), variants, **span),
    }


def _groups(
    result: Mapping[str, Any],
    drawing: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    plan: Plan,
    population: Population | None,
    primary: str,
    withheld: bool,
) -> tuple[Group, ...]:
    """The scorecard's groups, of all members or of those seen in full."""
    among = {row["variant"]: row["n"] for row in result["metrics"][0]["variants"]}
    if population and population.mature:
        result = dict(result) | {"metrics": result["mature"]["metrics"]}
        drawing = drawing.get("mature") or {}
    roles = {"primary": primary, "guardrails": plan.guardrails, "currency": plan.currency}
    entries = {entry["metric"]: entry for entry in result["metrics"]}
    groups = scorecard(result, drawing, variants, **roles, withheld=withheld)
    spent = {key: spent_once(entry, plan, variants, among) for key, entry in entries.items()}
    return tuple(replace(group, remark=f"{group.remark} {spent[group.key]}".strip()) for group in groups)


def _population(result: Mapping[str, Any], units: Mapping[str, Any], plan: Plan, mature: bool) -> Population | None:
    """The choice between all members and those seen in full; None where the result has only the former."""
    found = result.get("mature")
    if not found or not found.get("metrics"):
        return None
    everybody, full = int(units.get("randomised") or 0), sum(found["members"].values())
    window = plural(plan.window_days, "day")
    note = (
        f"Only the {count(full)} members whose {window} are over; the verdict above stays that of all members."
        if mature
        else ""
    )
    return Population(mature, count(everybody), count(full), note)


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


def cards_of(variants: Sequence[VariantFacts], members: Mapping[str, int] | None = None) -> tuple[Card, ...]:
    """The variants' cards; `members` counts who met each of them."""
    counts = members or {}
    return tuple(
        Card(variant, count(counts.get(variant.key, 0)), hills(f"{variant.key}/{variant.title}"))
        for variant in variants
    )


def sub_line(members: int | None, shared: int, length: str) -> list[str]:
    """The pieces of the line under the title that come before the time of the analysis; `length` may be ""."""
    pieces = [length[0].upper() + length[1:]] if length else []
    if members is not None:
        more = f", {count(shared)} more brought by shares" if shared else ""
        pieces.append(f"{plural(members, 'member')} randomised{more}")
    return pieces
