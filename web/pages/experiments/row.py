"""One row of the list: the answer of an experiment, its members, and for how long it has run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from experiments.definition.documents import VariantDocument
from experiments.definition.variant_names import called, letter
from experiments.lifecycle.document import ExperimentDocument
from experiments.reporting.definition.description import dates_known
from experiments.reporting.numbers import clock, when
from experiments.reporting.readings import OneLine
from experiments.storage.tables import Analysis, Experiment, Exposure, Run
from experiments.translation import gettext
from web.pages.common import durations

MOST_COUNTED = 100_000
"""Members that are counted for a test without an analysis; beyond it the list shows a lower bound."""


@dataclass(frozen=True)
class Figures:
    """The cut-off of the newest run's analysis; without one, how many members were exposed."""

    analysed_us: int | None = None
    exposed: int = 0


NO_FIGURES = Figures()


@dataclass(frozen=True)
class Entry:
    """What the list prints of an experiment.

    Attributes
    ----------
    line
        The answer in one sentence.
    shipped
        Letter of the shipped variant; empty without one.
    more
        There are more members than `members`.
    as_of
        Up to when the answer looked, while the test runs.
    """

    experiment: ExperimentDocument
    line: str
    shipped: str
    members: int
    more: bool
    as_of: str
    age: str


def figures(session: Session, experiments: Sequence[Experiment]) -> dict[int, Figures]:
    """Return the figures of each experiment that has run, by its id; members are counted only without an analysis."""
    ids = [experiment.id for experiment in experiments]
    last = select(func.max(Run.id)).where(col(Run.experiment_id).in_(ids)).group_by(col(Run.experiment_id))
    runs: dict[int, int] = dict(session.execute(select(Run.experiment_id, Run.id).where(col(Run.id).in_(last))).all())  # type: ignore[call-overload]
    looked = (
        select(Analysis.run_id, func.max(Analysis.cut_off_us))  # type: ignore[call-overload]
        .where(col(Analysis.run_id).in_(runs.values()), col(Analysis.history_only).is_(False))
        .group_by(col(Analysis.run_id))
    )
    cut_offs = dict(session.execute(looked).all())
    return {
        experiment: Figures(cut_offs[run]) if run in cut_offs else Figures(None, _exposed(session, run))
        for experiment, run in runs.items()
    }


def entry(document: ExperimentDocument, answer: OneLine | None, found: Figures, zone: str, now: datetime) -> Entry:
    """Return what the template prints of one experiment."""
    answer = answer if found.analysed_us is not None else None
    members = answer.members if answer else min(found.exposed, MOST_COUNTED)
    live = document["state"] in ("running", "paused")
    return Entry(
        document,
        line(document, answer, members, zone),
        _shipped_letter(document),
        members,
        not answer and found.exposed > MOST_COUNTED,
        clock(found.analysed_us, zone) if answer and live else "",
        age(document, members, now),
    )


def line(document: ExperimentDocument, answer: OneLine | None, members: int, zone: str) -> str:
    """Return the answer in one sentence, or why there is none."""
    state = document["state"]
    if shipped := _shipped(document):
        name = called(shipped[1]["name"], shipped[1]["content"])
        return gettext("Shipped {letter} {name}.").format(letter=shipped[0], name=name)
    if answer and answer.text:
        return answer.text
    if state == "draft":
        return gettext("Not launched.")
    if state == "scheduled":
        starts = document["starts_at"]
        time = when(datetime.fromisoformat(starts), zone) if starts else ""
        return gettext("Starts on {time}.").format(time=time) if starts else gettext("Not started.")
    if document["run"] is None:
        return gettext("Never ran.")
    if not members:
        over = state in ("stopped", "archived")
        return gettext("Ended without members.") if over else gettext("No members yet.")
    if state == "archived":
        return gettext("Archived without a result.")
    return gettext("First analysis pending.")


def age(document: ExperimentDocument, members: int, now: datetime) -> str:
    """Return how long it has run: ``day 9 of 14``, ``ran 14 days``, ``no dates``, or that it has not."""
    run = document["run"]
    if run is None:
        return gettext("not started") if document["state"] in ("draft", "scheduled") else gettext("never ran")
    started = datetime.fromisoformat(run["started_at"])
    if run["ended_at"] and members and not dates_known(document):
        return gettext(durations.UNDATED)
    if run["ended_at"]:
        return durations.over(datetime.fromisoformat(run["ended_at"]) - started) if members else gettext("no members")
    return durations.running(now - started, document["planned_days"])


def _exposed(session: Session, run: int) -> int:
    some = select(col(Exposure.unit)).where(col(Exposure.run_id) == run).limit(MOST_COUNTED + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _shipped(document: ExperimentDocument) -> tuple[str, VariantDocument] | None:
    """Return the shipped variant and its letter; None without one."""
    shipped = document["shipped"]
    found = ((letter(at), variant) for at, variant in enumerate(document["variants"]))
    return next(pair for pair in found if pair[1]["key"] == shipped["variant"]) if shipped else None


def _shipped_letter(document: ExperimentDocument) -> str:
    shipped = _shipped(document)
    return shipped[0] if shipped else ""
