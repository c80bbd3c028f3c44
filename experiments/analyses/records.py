"""Read stored analyses: the newest of a run, one by its id, and the curve over time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from experiments.analyses.scorecards import MetricEntry
from experiments.errors import NotFoundError
from experiments.lifecycle.store import runs_of
from experiments.storage.tables import Analysis, Experiment, Run
from experiments.validation import shown

MOST_POINTS = 400


class Point(NamedTuple):
    """One day of the curve over time.

    Attributes
    ----------
    at : datetime
        The cut-off, UTC.
    p_best : mapping of str to float
        Chance of being best by variant, from the figures that decide the verdict.
    members : int
    """

    at: datetime
    p_best: Mapping[str, float]
    members: int


def newest(session: Session, run: Run) -> Analysis | None:
    """Return the newest analysis of a run, without past days."""
    query = select(Analysis).where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))
    return session.scalars(query.order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc()).limit(1)).first()


def by_id(session: Session, experiment: Experiment, identity: str) -> Analysis:
    """Return an analysis of the experiment.

    Raises
    ------
    NotFoundError
        The experiment has no analysis with this id.
    """
    stored = session.get(Analysis, identity)
    if stored is None or stored.experiment_id != experiment.id or stored.history_only:
        raise NotFoundError(
            f"{experiment.key} has no analysis {shown(identity)}; GET /api/v1/experiments/{experiment.key}/analyses "
            "lists its analyses.",
            code="analysis_unknown",
        )
    return stored


def run_of(session: Session, experiment: Experiment, number: int) -> Run:
    """Return a run by its number.

    Raises
    ------
    NotFoundError
        The experiment has no such run.
    """
    runs = {run.number: run for run in runs_of(session, experiment)}
    if number not in runs:
        has = f"it has 1 to {max(runs)}" if runs else "it has not run yet"
        raise NotFoundError(f"{experiment.key} has no run {number}; {has}.", code="run_unknown")
    return runs[number]


def history(session: Session, run: Run) -> list[Point]:
    """Return the chance of being best over time, oldest first, from the newest analysis of each UTC day."""
    newest_a_day = _newest_a_day(session, run)
    # The primary metric is the first of the list, so only that part of the document is read.
    query = select(col(Analysis.cut_off_us), col(Analysis.result)["metrics"][0])
    rows = session.execute(query.where(col(Analysis.id).in_(newest_a_day)).order_by(col(Analysis.cut_off_us))).all()
    points = []
    for cut_off_us, primary in rows:
        variants = MetricEntry.from_dict(primary).deciding.variants
        chances = {row.variant: row.p_best for row in variants if row.p_best is not None}
        if chances:
            points.append(Point(_moment(cut_off_us), chances, sum(row.n for row in variants)))
    return points


def _newest_a_day(session: Session, run: Run) -> list[str]:
    """Return the ids of the analyses on the curve: the newest of each UTC day, oldest first."""
    query = (
        select(col(Analysis.id), col(Analysis.cut_off_us))
        .where(col(Analysis.run_id) == run.id)
        .order_by(col(Analysis.cut_off_us), col(Analysis.id))
    )
    days: dict[int, str] = {}
    for identity, cut_off_us in session.execute(query):
        days[cut_off_us // 86_400_000_000] = identity
    return list(days.values())[-MOST_POINTS:]


def _moment(moment_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)
