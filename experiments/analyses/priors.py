"""The prior on lifts: learned from the finished experiments of this database, and fixed for each run.

The first analysis of a run chooses the prior and later ones keep it: a result never jumps because a prior was learned
again in between.
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
    """A finished experiment: what can be learned from it, or why nothing can."""

    key: str
    metric: str
    summary: TestSummary | None
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Learning:
    """What a look at the history gave.

    Attributes
    ----------
    learned : LearnedLift or NotShown
        The fit, or why there is too little to fit.
    used : tuple of Finished
        What it rests on.
    left_out : dict of str to int
        How many finished experiments were not used, by reason.
    """

    learned: LearnedLift | NotShown
    used: tuple[Finished, ...]
    left_out: dict[str, int]


def look_back(session: Session) -> Learning:
    """Fit the spread of true lifts to the finished experiments of this database."""
    found = list(finished(session))
    used = tuple(one for one in found if one.summary is not None)
    left_out = Counter(one.left_out for one in found if one.left_out)
    return Learning(learn([one.summary for one in used if one.summary]), used, dict(left_out))


def finished(session: Session) -> Iterator[Finished]:
    """Each experiment that is over, with its newest run's primary metric; simulated ones are none."""
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


def keep(session: Session, found: Learning, learned: LearnedLift) -> LearnedPrior:
    """Store a learned prior with its evidence; the newest is in force for runs that are not analysed yet."""
    evidence = learned.evidence | {
        "metrics": dict(Counter(one.metric for one in found.used)),
        "experiments": [one.key for one in found.used],
        "left_out": found.left_out,
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
    """The learned prior in force; None where nothing was learned."""
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
    """Return the prior of a name; ``auto`` is the learned one if there is one, otherwise the shipped one for content.

    So is ``learned`` as long as nothing was learned: the prior that is used is reported beside the requested name.
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
