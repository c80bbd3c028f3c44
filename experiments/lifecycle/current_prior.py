"""The prior of lifts that a run uses, and a notice if it differs from the requested one.

It imports no statistics, so that building an experiment's document stays cheap.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from sqlalchemy import func, select
from sqlmodel import Session, col

from experiments.storage.tables import Analysis, Experiment, LearnedPrior, Run
from experiments.translation import gettext

LEARNED, DEFAULT = "learned", "content"


class PriorDocument(TypedDict):
    """The prior of lifts that a run uses; the notice is None where it is the requested one."""

    name: str
    notice: str | None


def notice(requested: str, used: str) -> str:
    """Return a notice if the learned prior was requested and another one is used; empty otherwise."""
    if requested != LEARNED or used == LEARNED:
        return ""
    text = gettext(
        "No prior has been learned from your finished tests yet, so the prior “{prior}” is used instead of “learned”. "
        "With 20 finished tests, the command klette prior learn fits one. A run keeps the prior of its first analysis."
    )
    return text.format(prior=used)


def current_priors(
    session: Session, experiments: Sequence[Experiment], runs: Mapping[int | None, Sequence[Run]]
) -> dict[int | None, PriorDocument]:
    """Return the name of the prior and the notice of each experiment, by its id.

    Parameters
    ----------
    runs
        The runs of each experiment, in order: a run keeps the prior of its first analysis.
    """
    newest = {experiment.id: runs[experiment.id][-1].id for experiment in experiments if runs.get(experiment.id)}
    analysed = _analysed(session, list(newest.values()))
    learned = session.scalar(select(func.count()).select_from(LearnedPrior).where(col(LearnedPrior.name) == LEARNED))
    priors: dict[int | None, PriorDocument] = {}
    for experiment in experiments:
        requested = experiment.prior
        upcoming = (LEARNED if learned else DEFAULT) if requested in ("auto", LEARNED) else requested
        name = analysed.get(newest.get(experiment.id)) or upcoming
        priors[experiment.id] = {"name": name, "notice": notice(requested, name) or None}
    return priors


def _analysed(session: Session, runs: Sequence[int | None]) -> dict[int | None, str]:
    """Return the prior of each run that has an analysis."""
    if not runs:
        return {}
    first = select(func.min(Analysis.id)).where(col(Analysis.run_id).in_(runs)).group_by(col(Analysis.run_id))
    name = col(Analysis.inputs)["plan"]["lift_prior"]["name"].as_string()
    query = select(col(Analysis.run_id), name).where(col(Analysis.id).in_(first))
    return {run: str(prior) for run, prior in session.execute(query)}
