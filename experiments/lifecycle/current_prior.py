"""Which prior on lifts a run goes by, and what to say where it is another than was asked for.

It imports no statistics, so that an experiment's document costs nothing more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from experiments.storage.tables import Analysis, Experiment, LearnedPrior, Run

LEARNED, DEFAULT = "learned", "content"


def notice(asked: str, in_force: str) -> str:
    """What to say where the learned prior was asked for and another is in force; empty where it is as asked."""
    if asked != LEARNED or in_force == LEARNED:
        return ""
    return (
        f"Nothing was learned from your own finished tests yet, so what is believed of lifts is the prior “{in_force}” "
        "instead of “learned”. From 20 finished tests on, the command klette prior learn fits one; a run keeps "
        "the prior of its first analysis."
    )


def in_force(
    session: Session, experiments: Sequence[Experiment], runs: Mapping[int | None, Sequence[Run]]
) -> dict[int | None, dict[str, Any]]:
    """The prior's name and the notice for each experiment, by its id.

    Parameters
    ----------
    runs
        Of each experiment, in their order: a run keeps the prior of its first analysis.
    """
    newest = {experiment.id: runs[experiment.id][-1].id for experiment in experiments if runs.get(experiment.id)}
    kept = _kept(session, list(newest.values()))
    learned = session.scalar(select(func.count()).select_from(LearnedPrior).where(col(LearnedPrior.name) == LEARNED))
    told = {}
    for experiment in experiments:
        asked = experiment.prior
        upcoming = (LEARNED if learned else DEFAULT) if asked in ("auto", LEARNED) else asked
        name = kept.get(newest.get(experiment.id)) or upcoming
        told[experiment.id] = {"name": name, "notice": notice(asked, name) or None}
    return told


def _kept(session: Session, runs: Sequence[int | None]) -> dict[int | None, str]:
    """The prior of each run that was analysed already."""
    if not runs:
        return {}
    first = select(func.min(Analysis.id)).where(col(Analysis.run_id).in_(runs)).group_by(col(Analysis.run_id))
    name = col(Analysis.inputs)["plan"]["lift_prior"]["name"].as_string()
    query = select(col(Analysis.run_id), name).where(col(Analysis.id).in_(first))
    return {run: str(prior) for run, prior in session.execute(query)}
