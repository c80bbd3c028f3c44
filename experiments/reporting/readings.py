"""Stored analyses in words: the newest, one by its id, the list of them, one line for a list of experiments."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from analysis import Verdict
from experiments.analyses import records
from experiments.lifecycle.store import current_run
from experiments.reporting.facts import line
from experiments.reporting.worded import Reading, after_the_end, wording_of
from experiments.storage.tables import Analysis, Experiment, Run
from experiments.translation import gettext


class OneLine(NamedTuple):
    """An experiment's result in a list: one sentence, its decision and how many members it rests on."""

    text: str
    decision: str
    members: int


def latest(session: Session, experiment: Experiment, run: Run | None = None, *, zone: str = "UTC") -> Reading | None:
    """Return the newest analysis of a run, by default of the newest run; None as long as there is none."""
    run = run or current_run(session, experiment)
    stored = None if run is None else records.newest(session, run)
    return None if run is None or stored is None else Reading.of(stored, zone=zone, ended=run.ended_at is not None)


def no_analysis(key: str) -> str:
    """Return the detail of the API's error for an experiment without an analysis."""
    return gettext(
        "{key} has no analysis yet. Request one with POST /api/v1/experiments/{key}/analyse and read the results when "
        "its job is done."
    ).format(key=key)


def list_analyses(
    session: Session,
    experiment: Experiment,
    *,
    limit: int = 100,
    before: str | None = None,
    run: int | None = None,
) -> list[dict[str, Any]]:
    """Return the stored analyses of an experiment in the API's shape, the newest first, past days left out.

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
        reason = wording_of(dict(called)).text(Verdict.from_dict(verdict).reason)
        rows.append(
            dict(zip(names, (identity, number, _iso_us(cut_off), _iso(created), decision, reason), strict=True))
        )
    return rows


def one_line(session: Session, experiments: Sequence[Experiment]) -> dict[int, OneLine]:
    """Return the newest result of each experiment in a sentence, by the experiment's id; in one query."""
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
        verdict = Verdict.from_dict(stored)
        verdict = after_the_end(verdict) if ended else verdict
        lines[identity] = OneLine(line(verdict, wording_of(dict(names))), verdict.decision, members or 0)
    return lines


def _iso_us(moment_us: int) -> str:
    return _iso(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
