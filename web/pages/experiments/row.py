"""One row of the list: what an experiment has found, how many members it rests on, and for how long it has run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from experiments.analyses.records import OneLine
from experiments.definition.variant_names import called, letter
from experiments.reporting.numbers import clock, when
from experiments.storage.tables import Analysis, Experiment, Exposure, Run
from web.pages.common import durations

MOST_COUNTED = 100_000
"""Members that are counted for a test without an analysis; beyond it the list says so."""


@dataclass(frozen=True)
class Figures:
    """Whether the newest analysis is of the newest run, up to when it looked, and who was met without one."""

    analysed_us: int | None = None
    met: int = 0


NOBODY = Figures()


def figures(session: Session, experiments: Sequence[Experiment]) -> dict[int, Figures]:
    """The figures of each experiment that has run, by its id; members are counted only where no analysis has."""
    ids = [experiment.id for experiment in experiments]
    last = select(func.max(Run.id)).where(col(Run.experiment_id).in_(ids)).group_by(col(Run.experiment_id))
    runs = dict(session.execute(select(Run.experiment_id, Run.id).where(col(Run.id).in_(last))).all())  # type: ignore[call-overload]
    looked = (
        select(Analysis.run_id, func.max(Analysis.cut_off_us))  # type: ignore[call-overload]
        .where(col(Analysis.run_id).in_(runs.values()), col(Analysis.history_only).is_(False))
        .group_by(col(Analysis.run_id))
    )
    cut_offs = dict(session.execute(looked).all())
    return {
        experiment: Figures(cut_offs[run]) if run in cut_offs else Figures(None, _met(session, run))
        for experiment, run in runs.items()
    }


def entry(document: dict[str, Any], answer: OneLine | None, found: Figures, zone: str, now: datetime) -> dict[str, Any]:
    """What the template prints of one experiment."""
    answer = answer if found.analysed_us is not None else None
    members = answer.members if answer else min(found.met, MOST_COUNTED)
    live = document["state"] in ("running", "paused")
    return {
        "experiment": document,
        "line": line(document, answer, members, zone),
        "shipped": _shipped_letter(document),
        "members": members,
        "more": not answer and found.met > MOST_COUNTED,
        "as_of": clock(found.analysed_us, zone) if answer and live else "",
        "age": age(document, members, now),
    }


def line(document: dict[str, Any], answer: OneLine | None, members: int, zone: str) -> str:
    """The answer in one sentence, or why there is none."""
    state = document["state"]
    if document["shipped"]:
        variant = _shipped(document)
        return f"{letter(variant[0])} {called(variant[1]['name'], variant[1]['content'])} was shipped."
    if answer and answer.text:
        return answer.text
    if state == "draft":
        return "A draft. Look it over and launch it."
    if state == "scheduled":
        starts = document["starts_at"]
        return f"Starts on {when(datetime.fromisoformat(starts), zone)}." if starts else "Waiting for its start."
    if document["run"] is None:
        return "It was put away before it ran." if state == "archived" else "It has not run."
    if not members:
        over = state in ("stopped", "archived")
        return "It ended before anybody met it." if over else "Nobody has met it yet; the first answer follows then."
    if state == "archived":
        return "It was put away without an answer."
    return "The first answer is on its way."


def age(document: dict[str, Any], members: int, now: datetime) -> str:
    """How long it has been on: ``day 9 of 14``, ``ran 14 days``, ``dates not given``, or when it will start."""
    run = document["run"]
    if run is None:
        return {"scheduled": "starts later", "draft": "not started"}.get(document["state"], "never ran")
    started = datetime.fromisoformat(run["started_at"])
    if run["ended_at"] and members and not durations.dates_known(document):
        return durations.UNDATED
    if run["ended_at"]:
        return durations.over(datetime.fromisoformat(run["ended_at"]) - started) if members else "met nobody"
    return durations.running(now - started, document["planned_days"])


def _met(session: Session, run: int) -> int:
    some = select(col(Exposure.unit)).where(col(Exposure.run_id) == run).limit(MOST_COUNTED + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _shipped(document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    key = document["shipped"]["variant"]
    return next((at, variant) for at, variant in enumerate(document["variants"]) if variant["key"] == key)


def _shipped_letter(document: dict[str, Any]) -> str:
    return letter(_shipped(document)[0]) if document["shipped"] else ""
