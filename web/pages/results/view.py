"""The results page as data: a stored analysis turned into what the templates print. Pure; reads no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from experiments.reporting.adjustment import deciding
from experiments.reporting.measures import name_of
from experiments.reporting.numbers import count, plural
from experiments.reporting.withheld import too_early
from web.pages.results.context import Context, Population
from web.pages.results.parts import Plan, VariantFacts
from web.pages.results.sections import SECTIONS, Section
from web.pages.results.sections.verdict import subject_of


@dataclass(frozen=True)
class Shown:
    """A section that the page shows; `part` is what its template prints."""

    section: Section
    part: Any


@dataclass(frozen=True)
class ResultsView:
    """The sections of the page, and what they have in common.

    Attributes
    ----------
    members, shared
        Randomised members, and those brought by shares.
    analysis
        Id of the stored analysis.
    mature
        The scorecard shows only members whose window is over.
    pooled
        The traffic split changed, and a section that is shown does not allow for that.
    """

    sections: tuple[Shown, ...]
    variants: Sequence[VariantFacts]
    control: VariantFacts
    subject: VariantFacts
    metric_name: str
    members: int = 0
    shared: int = 0
    analysis: str = ""
    mature: bool = False
    pooled: bool = False

    def at(self, place: Literal["top", "grid", "bottom"]) -> tuple[Shown, ...]:
        """Return the sections of one place, in order."""
        return tuple(shown for shown in self.sections if shown.section.place == place)

    def part(self, key: str) -> Any:
        """Return what a section prints; None where it is not shown."""
        return next((shown.part for shown in self.sections if shown.section.key == key), None)

    @property
    def charted(self) -> bool:
        """Whether a section of the grid has a tall chart, which the others are stretched to."""
        over_time = self.part("over_time")
        return bool(self.part("retention") or (over_time and over_time.spec))


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
    """Turn a stored analysis into the page; see `Context` for the parameters.

    Parameters
    ----------
    now
        The present moment, for the line "today" of a run that has not ended.
    mature
        Let the scorecard show only members whose window is over, where the result has them.
    """
    context = _context(result, drawing, variants, history, plan, now, mature)
    sections = _sections(context)
    units = context.result.get("units") or {}
    stratified = any(entry.get("stratified") for entry in context.result["metrics"])
    return ResultsView(
        sections=sections,
        variants=variants,
        control=context.control,
        subject=context.subject,
        metric_name=context.metric_name,
        members=int(units.get("randomised") or 0),
        shared=int(units.get("shared") or 0),
        analysis=str(context.result.get("analysis") or ""),
        mature=bool(context.population and context.population.mature),
        pooled=stratified and any(shown.section.pools_epochs for shown in sections),
    )


def _context(
    result: Mapping[str, Any],
    drawing: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    history: Sequence[Mapping[str, Any]],
    plan: Plan,
    now: datetime,
    mature: bool,
) -> Context:
    result = deciding(result)
    primary = next((entry for entry in result["metrics"] if entry["metric"] == plan.primary), result["metrics"][0])
    checks = [check for check in result.get("health") or () if check["check"] != "silence" or listening(plan)]
    return Context(
        result=result,
        drawing=drawing,
        variants=variants,
        control=next(variant for variant in variants if variant.control),
        subject=subject_of(result["verdict"], primary, variants),
        primary=primary,
        metric_name=name_of(primary),
        plan=plan,
        checks=checks,
        failed=any(check["status"] == "fail" for check in checks),
        withheld=too_early(result["verdict"]),
        history=history,
        population=_population(result, plan, mature),
        now=now,
    )


def _sections(context: Context) -> tuple[Shown, ...]:
    built = [Shown(section, section.build(context)) for section in SECTIONS]
    shown = [one for one in built if one.part or one.section.empty]
    return tuple(sorted(shown, key=lambda one: not (context.failed and one.section.warns)))


def _population(result: Mapping[str, Any], plan: Plan, mature: bool) -> Population | None:
    """The choice between all members and those whose window is over; None where the result has only the former."""
    found = result.get("mature")
    if not found or not found.get("metrics"):
        return None
    everybody, full = int((result.get("units") or {}).get("randomised") or 0), sum(found["members"].values())
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


def sub_line(members: int | None, shared: int, length: str) -> list[str]:
    """The pieces of the line under the title that come before the time of the analysis; `length` may be ""."""
    pieces = [length[0].upper() + length[1:]] if length else []
    if members is not None:
        more = f", {count(shared)} more brought by shares" if shared else ""
        pieces.append(f"{plural(members, 'member')} randomised{more}")
    return pieces
