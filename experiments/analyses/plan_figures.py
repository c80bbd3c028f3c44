"""Planning from what is known here: the base, the pace and the split of an experiment that was analysed."""

import math
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session, col

from analysis import Audience
from experiments.analyses import records
from experiments.analyses.answer import Answer
from experiments.catalogue.metrics import metric
from experiments.definition.model import ExperimentDefinition
from experiments.errors import ConflictError
from experiments.lifecycle.store import current_run, get, variants_of
from experiments.storage.tables import Analysis, Experiment

USUAL_WINDOW: int = ExperimentDefinition.model_fields["window_days"].default
OFFERED = 100
"""Experiments that a form offers to copy from."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What planning takes from an experiment.

    Attributes
    ----------
    key, name : str
        Whose figures they are.
    metric_key, metric : str
        The deciding metric, and what people call it.
    mean : float
        The control's mean per member so far, before any prior.
    sd : float or None
        Standard deviation of one member's value; None where the mean is a share of members.
    higher : bool
        Whether more is better.
    members_a_day : float or None
        Pace so far; None where the experiment came without dates.
    weights : tuple of float
        Planned shares, the control first.
    minimum_members : int
    caring : float
    prior : str
        As the experiment asks for it.
    window_days : int
        For how long a member's actions count.
    """

    key: str
    name: str
    metric_key: str
    metric: str
    mean: float
    sd: float | None
    higher: bool
    members_a_day: float | None
    weights: tuple[float, ...]
    minimum_members: int
    caring: float
    prior: str
    window_days: int

    def audience(self, members_a_day: float | None = None) -> Audience:
        """The audience to plan with, at the pace so far or a given one.

        Raises
        ------
        ConflictError
            Where neither is known.
        """
        pace = members_a_day or self.members_a_day
        if pace is None:
            raise ConflictError(f"{self.key} came without dates, so its pace is not known; say how many members a day.")
        return Audience(self.mean, max(pace, 1.0), self.weights, self.sd, self.higher)


def figures(session: Session, key: str) -> Figures:
    """Read the figures off the newest analysis of an experiment.

    Raises
    ------
    NotFoundError
        Where there is no such experiment.
    ConflictError
        Where it was never analysed, or has no mean to plan with yet.
    """
    experiment = get(session, key)
    run = current_run(session, experiment)
    stored = None if run is None else records.newest(session, run)
    if stored is None:
        raise ConflictError(f"{key} has no analysis yet; launch it and wait for the first, or type its figures.")
    answer = Answer.from_dict(stored.result)
    variants = sorted(variants_of(session, experiment), key=lambda variant: not variant.control)
    found, plain = metric(experiment.primary_metric), answer.primary.plain
    control = next((row for row in plain.variants if row.variant == variants[0].key), None)
    if control is None or not control.raw_mean or control.raw_mean <= 0 or control.sd is None:
        raise ConflictError(f"The control of {key} has no {found.name.lower()} to plan with yet; type the figures.")
    weights = [variant.weight for variant in variants if variant.weight > 0 or variant.control]
    if len(weights) < 2 or not all(weights):
        weights = [1.0] * max(len(weights), 2)
    return Figures(
        experiment.key,
        experiment.name,
        found.key,
        found.name,
        control.raw_mean,
        None if plain.kind == "proportion" else control.sd * math.sqrt(control.n),
        found.direction == "up",
        answer.summary.members_per_day,
        tuple(weight / sum(weights) for weight in weights),
        experiment.minimum_members,
        experiment.threshold_of_caring,
        experiment.prior,
        experiment.window_days,
    )


def metric_of(session: Session, key: str) -> str | None:
    """The deciding metric of an experiment; None where there is no such experiment."""
    return session.scalar(select(col(Experiment.primary_metric)).where(col(Experiment.key) == key)) if key else None


def analysed(session: Session) -> list[tuple[str, str]]:
    """Key and name of the experiments that can be planned from, the newest first."""
    having = select(col(Analysis.experiment_id)).where(col(Analysis.history_only).is_(False))
    query = select(col(Experiment.key), col(Experiment.name)).where(col(Experiment.id).in_(having))
    return [(key, name) for key, name in session.execute(query.order_by(col(Experiment.id).desc()).limit(OFFERED))]
