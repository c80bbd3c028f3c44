"""The figures that a plan uses of an analysed experiment: base, pace and traffic split."""

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
from experiments.translation import gettext

DEFAULT_WINDOW: int = ExperimentDefinition.model_fields["window_days"].default
MOST_OFFERED = 100
"""The most experiments that the planning form offers to copy from."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plan uses of an experiment.

    Attributes
    ----------
    key, name : str
        Of the experiment.
    metric : str
        Key of the primary metric.
    mean : float
        The control's mean per member so far, before any prior.
    sd : float or None
        Standard deviation of one member's value; None for a proportion.
    higher : bool
        Whether more is better.
    members_a_day : float or None
        Pace so far; None for an experiment that was imported without dates.
    weights : tuple of float
        Planned traffic split, the control first.
    minimum_members : int
    caring : float
    prior : str
        As the experiment requests it.
    window_days : int
        Days for which a member's actions count.
    """

    key: str
    name: str
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
        """Return the audience to plan with, at the pace so far or a given one.

        Raises
        ------
        ConflictError
            Neither is known.
        """
        pace = members_a_day or self.members_a_day
        if pace is None:
            message = gettext("{key} was imported without dates, so its pace is not known. Enter the members a day.")
            raise ConflictError(message.format(key=self.key))
        return Audience(self.mean, max(pace, 1.0), self.weights, self.sd, self.higher)


def figures(session: Session, key: str) -> Figures:
    """Return the figures of the newest analysis of an experiment.

    Raises
    ------
    NotFoundError
        There is no such experiment.
    ConflictError
        It was never analysed, or its control has no mean to plan with yet.
    """
    experiment = get(session, key)
    run = current_run(session, experiment)
    stored = None if run is None else records.newest(session, run)
    if stored is None:
        message = gettext("{key} has no analysis yet. Launch it and wait for the first, or enter its figures.")
        raise ConflictError(message.format(key=key))
    answer = Answer.from_dict(stored.result)
    variants = sorted(variants_of(session, experiment), key=lambda variant: not variant.control)
    primary, plain = metric(experiment.primary_metric), answer.primary.plain
    control = next((row for row in plain.variants if row.variant == variants[0].key), None)
    if control is None or not control.raw_mean or control.raw_mean <= 0 or control.sd is None:
        message = gettext("The control of {key} has no {metric} above 0 yet. Enter the figures.")
        raise ConflictError(message.format(key=key, metric=gettext(primary.noun)))
    weights = [variant.weight for variant in variants if variant.weight > 0 or variant.control]
    if len(weights) < 2 or not all(weights):
        weights = [1.0] * max(len(weights), 2)
    return Figures(
        experiment.key,
        experiment.name,
        primary.key,
        control.raw_mean,
        None if plain.kind == "proportion" else control.sd * math.sqrt(control.n),
        primary.direction == "up",
        answer.summary.members_per_day,
        tuple(weight / sum(weights) for weight in weights),
        experiment.minimum_members,
        experiment.threshold_of_caring,
        experiment.prior,
        experiment.window_days,
    )


def metric_of(session: Session, key: str) -> str | None:
    """Return the primary metric of an experiment; None if there is no such experiment."""
    return session.scalar(select(col(Experiment.primary_metric)).where(col(Experiment.key) == key)) if key else None


def analysed(session: Session) -> list[tuple[str, str]]:
    """Return key and name of the experiments with an analysis, newest first."""
    having = select(col(Analysis.experiment_id)).where(col(Analysis.history_only).is_(False))
    query = select(col(Experiment.key), col(Experiment.name)).where(col(Experiment.id).in_(having))
    return [(key, name) for key, name in session.execute(query.order_by(col(Experiment.id).desc()).limit(MOST_OFFERED))]
