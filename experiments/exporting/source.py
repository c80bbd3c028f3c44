"""The newest stored analysis of an experiment, with everything that an exported file is made of."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from experiments.analyses import records
from experiments.analyses.answer import Answer
from experiments.analyses.plan import Inputs
from experiments.collect.collected import Collected
from experiments.definition import variant_names
from experiments.errors import NotFoundError
from experiments.lifecycle.document import document_of
from experiments.lifecycle.store import current_run, get, variants_of
from experiments.reporting.definition.analysis_settings import Line
from experiments.reporting.definition.description import described
from experiments.reporting.worded import Reading
from experiments.translation import gettext


@dataclass(frozen=True, slots=True)
class VariantName:
    """A variant by its letter and its headline."""

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
    reading : Reading
        The result with the words for its messages.
    inputs : Inputs
    history : list of Point
        The chance of being best by day.
    started_at : datetime
        Of the run.
    planned_days : int or None
    currency : str
        ISO 4217 code of the experiment's money.
    simulated : bool
        Its members are simulated.
    definition : tuple of Line
        The definition, as on the experiment's page.
    """

    name: str
    hypothesis: str
    primary: str
    variants: tuple[VariantName, ...]
    reading: Reading
    inputs: Inputs
    history: list[records.Point]
    started_at: datetime
    planned_days: int | None
    currency: str = "EUR"
    simulated: bool = False
    definition: tuple[Line, ...] = ()

    @property
    def answer(self) -> Answer:
        """The result."""
        return self.reading.answer

    @property
    def collected(self) -> Collected:
        """The sufficient statistics behind the result."""
        return self.inputs.collected


def newest(session: Session, key: str, *, zone: str = "UTC") -> Stored:
    """Return the newest analysis of an experiment's newest run, with times in `zone`.

    Raises
    ------
    NotFoundError
        There is no such experiment, or it has no analysis yet.
    """
    experiment = get(session, key)
    run = current_run(session, experiment)
    stored = None if run is None else records.newest(session, run)
    if run is None or stored is None:
        message = gettext("{key} has no analysis yet. Run `klette analyse {key}` first.")
        raise NotFoundError(message.format(key=key), code="no_analysis")
    reading = Reading.of(stored, zone=zone, ended=run.ended_at is not None)
    variants = variants_of(session, experiment)
    names = tuple(
        VariantName(
            variant.key,
            variant_names.letter(place),
            variant_names.called(variant.name, variant.content),
            bool(variant.control),
        )
        for place, variant in enumerate(variants)
    )
    return Stored(
        experiment.name,
        experiment.hypothesis,
        experiment.primary_metric,
        names,
        reading,
        Inputs.from_dict(stored.inputs),
        records.history(session, run),
        run.started_at,
        experiment.planned_days,
        experiment.currency,
        experiment.simulated,
        described(document_of(session, experiment), zone).lines,
    )
