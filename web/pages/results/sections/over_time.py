"""The chance of being best at each analysis of the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from analysis import charts
from experiments.analyses.records import Point
from experiments.reporting import phrases
from experiments.reporting.charts import line_of_today, translated
from experiments.reporting.numbers import count, day, moment
from experiments.translation import gettext
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.parts import VariantFacts

HALF_A_DAY = timedelta(hours=12)


@dataclass(frozen=True)
class OverTime:
    """The chart over time: its definition, the same figures as a table, and its description for a screen reader."""

    title: str
    spec: dict[str, Any] | None
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    alternative: str
    note: str = ""


def build(context: Context) -> OverTime:
    """Return the section."""
    plan = context.plan
    none = ""
    if plan.counts_only:
        none = gettext("Totals were imported without days, so there is no curve.")
    elif context.withheld and plan.ended_at:
        none = gettext("There is not enough data for a curve.")
    elif context.withheld:
        none = gettext("The curve begins once there is enough data.")
    today = None if plan.ended_at else (moment(context.now) - moment(plan.started_at)).total_seconds() / 86_400
    return over_time(
        context.history,
        context.variants,
        title=explanations.title_of_chance(plan.primary, context.metric_name),
        started_at=plan.started_at,
        zone=plan.zone,
        planned_days=None if plan.imported else plan.planned_days,
        today=today,
        ended_at=plan.ended_at,
        none=none,
    )


def over_time(
    history: Sequence[Point],
    variants: Sequence[VariantFacts],
    *,
    title: str,
    started_at: datetime,
    zone: str,
    planned_days: float | None,
    today: float | None,
    ended_at: datetime | None = None,
    none: str = "",
) -> OverTime:
    """The chance of being best at each stored analysis.

    Parameters
    ----------
    history
        Oldest first.
    started_at
        Beginning of the run; days are counted from it.
    planned_days, today
        In days since `started_at`; None where nothing is planned or the run has ended.
    ended_at
        End of the run; analyses after it are about the end, not a later day.
    none
        Why there is no curve, where there is none.
    """
    rows = _until(ended_at, [] if none else list(history))
    columns = (gettext("analysed"), *(variant.letter for variant in variants))
    table = tuple(
        (day(row.at, zone), *(phrases.chance(row.p_best.get(variant.key)) for variant in variants)) for row in rows
    )
    if len(rows) < 2:
        alone = gettext("The curve begins with the second analysis.")
        if ended_at:
            alone = gettext("The test was analysed only at its end, so there is no curve.")
        return OverTime(title, None, columns, table, none or alone)
    over, line = ended_at is not None, _days(started_at, ended_at) if ended_at else today
    spec = charts.posterior_over_time(
        _points(rows, variants, started_at),
        [variant.key for variant in variants],
        planned_days=planned_days,
        today=line,
        over=over,
        now_label=line_of_today(line, planned_days, over=over),
        labels={variant.key: variant.letter for variant in variants},
    )
    note = gettext("At each analysis of the test.")
    if not ended_at:
        note = gettext("At each analysis so far. While lines still swing, wait before you decide.")
    return OverTime(title, translated(spec), columns, table, _alternative(title, rows, variants), note)


def _points(rows: Sequence[Point], variants: Sequence[VariantFacts], started_at: datetime) -> list[dict[str, Any]]:
    return [
        {"day": round(_days(started_at, row.at), 4), "variant": variant.key, "p_best": row.p_best[variant.key]}
        for row in rows
        for variant in variants
        if variant.key in row.p_best
    ]


def _alternative(title: str, rows: Sequence[Point], variants: Sequence[VariantFacts]) -> str:
    """Return the chart's description for a screen reader."""
    last = rows[-1].p_best
    latest = ", ".join(f"{v.letter} {phrases.chance(last[v.key])}" for v in variants if v.key in last)
    text = gettext("{title}, {number} analyses. Latest: {chances}.")
    return text.format(title=title, number=count(len(rows)), chances=latest)


def _until(ended_at: datetime | None, rows: list[Point]) -> list[Point]:
    """The points up to the end of the run: the last one of those after it is put at the end."""
    if ended_at is None:
        return rows
    end = moment(ended_at)
    after = [row for row in rows if row.at >= end]
    last = end - HALF_A_DAY if after else end  # two points on one spot would draw an upright line
    during = [row for row in rows if row.at < last]
    return [*during, *(row._replace(at=end) for row in after[-1:])]


def _days(started_at: datetime, at: datetime) -> float:
    return (moment(at) - moment(started_at)).total_seconds() / 86_400
