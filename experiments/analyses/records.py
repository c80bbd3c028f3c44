"""Reading stored analyses, in words: the newest, the ones before it, the curve over time, one line for a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from experiments.errors import NotFoundError
from experiments.lifecycle.store import current_run, runs_of
from experiments.reporting.facts import line
from experiments.reporting.worded import worded
from experiments.storage.tables import Analysis, Experiment, Run
from experiments.validation import shown

MOST_POINTS = 400


@dataclass(frozen=True, slots=True)
class OneLine:
    """An experiment's answer in a list: one sentence, its decision and how many members it rests on."""

    text: str
    decision: str
    members: int


def in_words(stored: Analysis, *, zone: str = "UTC", ended: bool = False) -> dict[str, Any]:
    """Return the result of a stored analysis with sentences in place of its messages.

    Parameters
    ----------
    zone
        The time zone in which moments are written.
    ended
        Whether its run is over by now.
    """
    return worded(stored.result, stored.inputs["plan"]["names"], zone=zone, ended=ended)


def latest(
    session: Session, experiment: Experiment, run: Run | None = None, *, zone: str = "UTC"
) -> dict[str, Any] | None:
    """Return the newest analysis of a run (the newest run by default) in the API's shape, with "drawing" beside it."""
    run = run or current_run(session, experiment)
    if run is None:
        return None
    query = _answers(run).order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc()).limit(1)
    stored = session.scalars(query).first()
    if stored is None:
        return None
    return in_words(stored, zone=zone, ended=run.ended_at is not None) | {"drawing": stored.drawing}


def stored_analysis(session: Session, experiment: Experiment, identity: str) -> dict[str, Any]:
    """One stored analysis of the experiment in the API's shape.

    Raises
    ------
    NotFoundError
        Where the experiment has none of this id.
    """
    stored = session.get(Analysis, identity)
    if stored is None or stored.experiment_id != experiment.id or stored.history_only:
        raise NotFoundError(
            f"{experiment.key} has no analysis {shown(identity)}; GET /api/v1/experiments/{experiment.key}/analyses "
            "lists those it has.",
            code="analysis_unknown",
        )
    return in_words(stored)


def run_of(session: Session, experiment: Experiment, number: int) -> Run:
    """A run by its number.

    Raises
    ------
    NotFoundError
        Where the experiment has no such run.
    """
    runs = {run.number: run for run in runs_of(session, experiment)}
    if number not in runs:
        has = f"it has 1 to {max(runs)}" if runs else "it has not run yet"
        raise NotFoundError(f"{experiment.key} has no run {number}; {has}.", code="run_unknown")
    return runs[number]


def list_analyses(
    session: Session,
    experiment: Experiment,
    *,
    limit: int = 100,
    before: str | None = None,
    run: int | None = None,
) -> list[dict[str, Any]]:
    """The stored analyses of an experiment, the newest first, past days left out.

    Parameters
    ----------
    before
        Only those older than the analysis of this id: the last one of the page before.
    run
        Only those of the run of this number.
    """
    query = (
        select(
            col(Analysis.id),
            col(Run.number),
            col(Analysis.cut_off_us),
            col(Analysis.created_at),
            col(Analysis.decision),
            col(Analysis.result)["verdict"],
            col(Analysis.inputs)["plan"]["names"],
        )
        .join(Run, col(Run.id) == Analysis.run_id)
        .where(col(Analysis.experiment_id) == experiment.id, col(Analysis.history_only).is_(False))
        .order_by(col(Analysis.id).desc())
        .limit(limit)
    )
    if before:
        query = query.where(col(Analysis.id) < before)
    if run:
        query = query.where(col(Run.number) == run)
    names = ("analysis", "run", "cut_off", "created_at", "decision", "reason")
    rows = []
    for identity, number, cut_off, created, decision, verdict, called in session.execute(query):
        reason = worded({"verdict": verdict}, called)["verdict"]["reason"]
        rows.append(
            dict(zip(names, (identity, number, _iso_us(cut_off), _iso(created), decision, reason), strict=True))
        )
    return rows


def history(session: Session, experiment: Experiment, run: Run | None = None) -> list[dict[str, Any]]:
    """The chance of being best over time: one point a past day and the newest ones, the oldest first.

    Each point is ``{"at": datetime, "p_best": {variant: chance}, "members": n}``. Of each day but the last the newest
    analysis is taken. Where a covariate was declared, the chances are those that the verdict goes by.
    """
    run = run or current_run(session, experiment)
    if run is None:
        return []
    newest = _newest_a_day(session, run)
    # Every analysis lists the primary metric first; only that part of it is read.
    query = select(col(Analysis.cut_off_us), col(Analysis.result)["metrics"][0])
    found = session.execute(query.where(col(Analysis.id).in_(newest)).order_by(col(Analysis.cut_off_us))).all()
    points = []
    for cut_off_us, primary in found:
        adjusted = ((primary or {}).get("adjusted") or {}).get("variants")
        rows = adjusted or (primary or {}).get("variants", [])
        chances = {row["variant"]: row["p_best"] for row in rows if row["p_best"] is not None}
        if chances:
            points.append({"at": _moment(cut_off_us), "p_best": chances, "members": sum(row["n"] for row in rows)})
    return points


def one_line(session: Session, experiments: Sequence[Experiment]) -> dict[int, OneLine]:
    """The newest answer of each experiment in a sentence, by the experiment's id; in one query."""
    wanted = [experiment.id for experiment in experiments]
    if not wanted:
        return {}
    newest = (
        select(func.max(Analysis.id))
        .where(col(Analysis.experiment_id).in_(wanted), col(Analysis.history_only).is_(False))
        .group_by(col(Analysis.experiment_id))
    )
    query = (
        select(
            col(Analysis.experiment_id),
            col(Analysis.result)["verdict"],
            col(Analysis.result)["units"]["randomised"].as_integer(),
            col(Analysis.inputs)["plan"]["names"],
            col(Run.ended_at).is_not(None),
        )
        .join(Run, col(Run.id) == Analysis.run_id)
        .where(col(Analysis.id).in_(newest))
    )
    lines = {}
    for identity, stored, members, names, ended in session.execute(query):
        verdict = worded({"verdict": stored}, names, ended=bool(ended))["verdict"]
        lines[identity] = OneLine(line(verdict), verdict["decision"], members or 0)
    return lines


def mature_only(result: dict[str, Any]) -> dict[str, Any]:
    """A result whose metrics are those of the members whose window is over; of a test without any, there are none.

    What came as totals has no windows to wait for: everybody is mature there.
    """
    mature = result.get("mature")
    return result if mature is None else {**result, "metrics": mature["metrics"]}


def _answers(run: Run) -> Any:
    return select(Analysis).where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))


def _newest_a_day(session: Session, run: Run) -> list[str]:
    """Ids of the analyses that make the curve: the newest of each UTC day, oldest first."""
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


def _iso_us(moment_us: int) -> str:
    return _iso(_moment(moment_us))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
