"""What is believed of lifts beforehand: learned from this database's finished experiments, and fixed for each run.

The first analysis of a run decides which prior is in force, and those after it go by the same: an answer never jumps
because a prior was learned anew in between.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from analysis import NamedPrior, NotShown, statistics_from_dict
from analysis import priors as shipped
from analysis.learning.learn import LearnedLift, TestSummary, learn
from experiments.catalogue.metrics import metric
from experiments.lifecycle.current_prior import DEFAULT, LEARNED, notice
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


@dataclass(frozen=True, slots=True)
class InForce:
    """The lift prior of a run, with what it was learned from, and the name that the experiment asks for."""

    prior: NamedPrior
    evidence: dict[str, Any] | None
    asked: str

    @property
    def notice(self) -> str:
        """What to say where it is another than was asked for; empty where it is as asked."""
        return notice(self.asked, self.prior.name)

    def to_plan(self) -> dict[str, Any]:
        """The part of an analysis's plan that keeps it."""
        return {"prior": self.asked, "lift_prior": self.prior.to_dict(), "prior_evidence": self.evidence}


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
        reason=learned.prior.reason,
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


def in_force(session: Session, experiment: Experiment, run: Run) -> InForce:
    """The lift prior of a run: that of its first analysis, or of this one where it is the first."""
    first = (
        select(Analysis.inputs["plan"])  # type: ignore[call-overload, index]
        .where(col(Analysis.run_id) == run.id)
        .order_by(col(Analysis.id))
        .limit(1)
    )
    plan: Mapping[str, Any] | None = session.scalars(first).first()
    if plan is None:
        return choose(session, experiment.prior)
    if not plan.get("lift_prior"):
        return InForce(shipped.SCEPTICAL, None, experiment.prior)  # there was no other before
    return InForce(NamedPrior.from_dict(plan["lift_prior"]), plan.get("prior_evidence"), plan["prior"])


def choose(session: Session, asked: str) -> InForce:
    """The prior of a name; ``auto`` is the learned one where there is one, and else the shipped one for content.

    So is ``learned`` where nothing was learned yet: what is in force is told beside what was asked for.
    """
    stored = newest(session) if asked in ("auto", LEARNED) else None
    if stored is not None:
        told = {name: value for name, value in stored.evidence.items() if name not in ("experiments", "families")}
        prior = NamedPrior(stored.name, tuple(stored.parameters.items()), stored.reason)
        return InForce(prior, told | {"learned_at": stored.created_at.isoformat(timespec="seconds")}, asked)
    return InForce(shipped.named(DEFAULT if asked in ("auto", LEARNED) else asked), None, asked)


def _finished(session: Session, experiment: Experiment, run: Run) -> Finished:
    query = (
        select(Analysis.inputs, Analysis.decision)  # type: ignore[call-overload]
        .where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))
        .order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc())
        .limit(1)
    )
    row = session.execute(query).first()
    key, primary = experiment.key, experiment.primary_metric
    if row is None:
        return Finished(key, primary, None, "never analysed")
    inputs, decision = row
    if decision == "untrusted":
        return Finished(key, primary, None, "a health check failed")
    if metric(primary).kind != "proportion" or primary not in inputs["collected"]["metric_data"]:
        return Finished(key, primary, None, "the primary metric is no share of members")
    if len(inputs["plan"].get("epochs", ())) > 1:
        return Finished(key, primary, None, "shares moved while it ran")
    data = inputs["collected"]["metric_data"][primary]
    cells = [statistics_from_dict(data[variant]) for variant in inputs["collected"]["variants"] if variant in data]
    met = [cell for cell in cells if cell.n]
    if len(met) < 2:
        return Finished(key, primary, None, "fewer than two variants have members")
    members, successes = tuple(cell.n for cell in met), tuple(int(cell.total) for cell in met)
    return Finished(key, primary, TestSummary(key, members, successes))
