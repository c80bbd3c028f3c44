"""The prior on lifts: learned from the finished experiments of this database, and fixed for each run.

The first analysis of a run chooses the prior and later ones keep it, so that a newly learned prior never changes a
result in between.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session, col

from analysis import NamedPrior, NotShown
from analysis.learning.learn import LearnedLift, TestSummary, learn
from analysis.priors import named
from experiments.analyses.plan import Inputs, LearnedFrom, LiftPrior
from experiments.catalogue.metrics import metric
from experiments.lifecycle.current_prior import DEFAULT, LEARNED
from experiments.storage.tables import Analysis, Experiment, LearnedPrior, Run, utc_now


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished experiment with its summary for learning, or why it is left out."""

    key: str
    metric: str
    summary: TestSummary | None
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Learning:
    """The outcome of learning from finished experiments.

    Attributes
    ----------
    learned : LearnedLift or NotShown
        The fit, or why there are too few data.
    used : tuple of Finished
        The experiments in the fit.
    left_out : dict of str to int
        Number of finished experiments that were not used, by reason.
    """

    learned: LearnedLift | NotShown
    used: tuple[Finished, ...]
    left_out: dict[str, int]


def learn_from_history(session: Session) -> Learning:
    """Fit the spread of true lifts to the finished experiments of this database."""
    experiments = list(finished(session))
    used = tuple(one for one in experiments if one.summary is not None)
    left_out = Counter(one.left_out for one in experiments if one.left_out)
    return Learning(learn([one.summary for one in used if one.summary]), used, dict(left_out))


def finished(session: Session) -> Iterator[Finished]:
    """Yield each finished experiment with the primary metric of its newest run, without simulated ones."""
    newest = select(func.max(Run.id)).group_by(col(Run.experiment_id))
    query = (
        select(Experiment, Run)
        .join(Run, col(Run.experiment_id) == Experiment.id)
        .where(
            col(Run.id).in_(newest),
            col(Run.ended_at).is_not(None),
            col(Experiment.state).in_(("stopped", "archived")),
            col(Experiment.simulated).is_(False),
        )
        .order_by(col(Experiment.id))
    )
    for experiment, run in session.execute(query).all():
        yield _finished(session, experiment, run)


def store(session: Session, learning: Learning, learned: LearnedLift) -> LearnedPrior:
    """Store a learned prior with its evidence; runs without an analysis use the newest."""
    evidence = learned.evidence | {
        "metrics": dict(Counter(one.metric for one in learning.used)),
        "experiments": [one.key for one in learning.used],
        "left_out": learning.left_out,
    }
    row = LearnedPrior(
        name=LEARNED,
        parameters=dict(learned.prior.parameters),
        reason=learned.prior.to_dict()["reason"],
        evidence=evidence,
        created_at=utc_now(),
    )
    session.add(row)
    session.flush()
    return row


def newest(session: Session) -> LearnedPrior | None:
    """Return the newest learned prior, if any."""
    query = select(LearnedPrior).where(col(LearnedPrior.name) == LEARNED)
    return session.scalars(query.order_by(col(LearnedPrior.id).desc()).limit(1)).first()


def of_run(session: Session, experiment: Experiment, run: Run) -> LiftPrior:
    """Return the lift prior of a run: that of its first analysis, or the experiment's own choice before it."""
    first = (
        select(col(Analysis.inputs)["plan"]["lift_prior"])
        .where(col(Analysis.run_id) == run.id)
        .order_by(col(Analysis.id))
        .limit(1)
    )
    stored = session.scalars(first).first()
    return choose(session, experiment.prior) if stored is None else LiftPrior.from_dict(stored)


def choose(session: Session, requested: str) -> LiftPrior:
    """Return the prior of a name.

    ``auto`` and ``learned`` are the learned prior if there is one, otherwise the shipped prior for content; both the
    requested name and the prior are reported.
    """
    stored = newest(session) if requested in ("auto", LEARNED) else None
    if stored is not None:
        prior = NamedPrior.from_dict({"name": stored.name, "parameters": stored.parameters, "reason": stored.reason})
        learned_at = stored.created_at.isoformat(timespec="seconds")
        return LiftPrior(requested, prior, LearnedFrom.from_dict(stored.evidence | {"learned_at": learned_at}))
    return LiftPrior(requested, named(DEFAULT if requested in ("auto", LEARNED) else requested))


def _finished(session: Session, experiment: Experiment, run: Run) -> Finished:
    query = (
        select(col(Analysis.inputs), col(Analysis.decision))
        .where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))
        .order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc())
        .limit(1)
    )
    row = session.execute(query).first()
    key, primary = experiment.key, experiment.primary_metric
    if row is None:
        return Finished(key, primary, None, "never_analysed")
    inputs, decision = Inputs.from_dict(row[0]), row[1]
    data = inputs.collected.metric_data.get(primary)
    if decision == "untrusted":
        return Finished(key, primary, None, "health_check_failed")
    if metric(primary).kind != "proportion" or data is None:
        return Finished(key, primary, None, "primary_metric_no_share")
    if len(inputs.plan.epochs) > 1:
        return Finished(key, primary, None, "shares_moved")
    exposed = [cell for cell in data.values() if cell.n]
    if len(exposed) < 2:
        return Finished(key, primary, None, "too_few_variants")
    members, successes = tuple(cell.n for cell in exposed), tuple(int(cell.total) for cell in exposed)
    return Finished(key, primary, TestSummary(key, members, successes))
