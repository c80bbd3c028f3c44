"""The newest stored analysis of an experiment with all that a file made of it may need, read in one go."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from experiments import results, wording
from experiments.collected import Collected
from experiments.errors import NotFoundError
from experiments.experiment import current_run, get, variants_of
from experiments.tables import Analysis


@dataclass(frozen=True, slots=True)
class VariantName:
    """A variant as a reader knows it: by its letter and its headline."""

    key: str
    letter: str
    called: str
    control: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored analysis, free of any session.

    Attributes
    ----------
    name, hypothesis : str
        Of the experiment.
    primary : str
        The metric that decides.
    variants : tuple of VariantName
        By position.
    result, inputs, drawing : dict
        As they are stored.
    history : list of dict
        The chance of being best by day, as `results.history` gives it.
    started_at : datetime
        Of the run.
    planned_days : int or None
    """

    name: str
    hypothesis: str
    primary: str
    variants: tuple[VariantName, ...]
    result: dict[str, Any]
    inputs: dict[str, Any]
    drawing: dict[str, Any]
    history: list[dict[str, Any]]
    started_at: Any
    planned_days: int | None

    @property
    def collected(self) -> Collected:
        """What was counted: the sufficient statistics that the answer rests on."""
        return Collected.from_dict(self.inputs["collected"])


def newest(session: Session, key: str) -> Stored:
    """Read the newest analysis of an experiment's newest run.

    Raises
    ------
    NotFoundError
        Where there is no such experiment, or nothing was analysed yet.
    """
    experiment = get(session, key)
    run = current_run(session, experiment)
    stored = None
    if run is not None:
        query = select(Analysis).where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))
        stored = session.scalars(query.order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc())).first()
    if run is None or stored is None:
        raise NotFoundError(f"{key} has no analysis yet; run `klette analyse {key}` first.", code="no_analysis")
    names = tuple(
        VariantName(
            variant.key, wording.letter(place), wording.called(variant.name, variant.content), bool(variant.control)
        )
        for place, variant in enumerate(variants_of(session, experiment))
    )
    return Stored(
        experiment.name,
        experiment.hypothesis,
        experiment.primary_metric,
        names,
        stored.result,
        stored.inputs,
        stored.drawing or {},
        results.history(session, experiment, run),
        run.started_at,
        experiment.planned_days,
    )
