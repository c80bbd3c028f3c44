"""The results page as data: a stored analysis turned into what the templates print. Pure; reads no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from analysis.health.checks import BY_KEY
from experiments.analyses.answer import Answer
from experiments.analyses.records import Point
from experiments.reporting.measures import name_of
from experiments.reporting.numbers import count
from experiments.reporting.withheld import too_early
from experiments.reporting.worded import Reading
from experiments.translation import ngettext
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
        Randomised members, and those who came through shares.
    analysis
        Id of the stored analysis.
    mature
        The scorecard shows only members with a full window.
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
    reading: Reading,
    variants: Sequence[VariantFacts],
    history: Sequence[Point],
    plan: Plan,
    *,
    now: datetime,
    mature: bool = False,
) -> ResultsView:
    """Turn a stored analysis into the page; see `Context` for the parameters.

    Parameters
    ----------
    now
        The current time, for the line "today" of a run that has not ended.
    mature
        Let the scorecard show only members with a full window, where the result has them.
    """
    context = _context(reading, variants, history, plan, now, mature)
    sections = _sections(context)
    answer = reading.answer
    # Blocks of an import are no steps of the traffic split.
    notes = [entry.plain.stratified.note.code for entry in answer.metrics if entry.plain.stratified]
    stratified = any(not code.startswith("stratified.blocks") for code in notes)
    return ResultsView(
        sections=sections,
        variants=variants,
        control=context.control,
        subject=context.subject,
        metric_name=context.metric_name,
        members=answer.heading.units.randomised,
        shared=answer.heading.units.shared,
        analysis=answer.heading.analysis,
        mature=bool(context.population and context.population.mature),
        pooled=stratified and any(shown.section.pools_epochs for shown in sections),
    )


def _context(
    reading: Reading,
    variants: Sequence[VariantFacts],
    history: Sequence[Point],
    plan: Plan,
    now: datetime,
    mature: bool,
) -> Context:
    answer = reading.answer
    primary = answer.entry(plan.primary) or answer.primary
    checks = [check for check in answer.health if listening(plan) or not BY_KEY[check.check].live_only]
    return Context(
        reading=reading,
        variants=variants,
        control=next(variant for variant in variants if variant.control),
        subject=subject_of(answer.verdict, primary.deciding, variants),
        primary=primary,
        metric_name=name_of(primary),
        plan=plan,
        checks=checks,
        failed=any(check.status == "fail" for check in checks),
        withheld=too_early(answer.verdict),
        history=history,
        population=_population(answer, plan, mature),
        now=now,
    )


def _sections(context: Context) -> tuple[Shown, ...]:
    built = [Shown(section, section.build(context)) for section in SECTIONS]
    shown = [one for one in built if one.part or one.section.empty]
    return tuple(sorted(shown, key=lambda one: not (context.failed and one.section.warns)))


def _population(answer: Answer, plan: Plan, mature: bool) -> Population | None:
    """Return the choice between all members and those with a full window; None where the result has only the former."""
    found = answer.mature
    if found is None or not found.metrics:
        return None
    full = sum(found.members.values())
    note = ngettext(
        "Only the {members} member whose {days}-day window has ended. The verdict above is about all members.",
        "Only the {members} members whose {days}-day window has ended. The verdict above is about all members.",
        full,
    ).format(members=count(full), days=count(plan.window_days))
    return Population(mature, count(answer.heading.units.randomised), count(full), note if mature else "")


def listening(plan: Plan) -> bool:
    """Whether the run still receives events from an app: it is not over, imported or simulated."""
    return plan.ended_at is None and not (plan.simulated or plan.imported)


def sub_line(members: int | None, shared: int, length: str) -> list[str]:
    """Return the pieces of the line under the title that come before the time of the analysis; `length` may be ""."""
    pieces = [length] if length else []
    if members is None:
        return pieces
    text = ngettext("{members} member randomised", "{members} members randomised", members)
    if shared:
        text = ngettext(
            "{members} member randomised, {shared} more through shares",
            "{members} members randomised, {shared} more through shares",
            members,
        )
    return [*pieces, text.format(members=count(members), shared=count(shared))]
