"""The newest stored analysis of an experiment with all that a file made of it may need, read in one go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from experiments.analyses import records
from experiments.analyses.answer import Answer
from experiments.analyses.plan import Inputs
from experiments.catalogue.metrics import metric
from experiments.collect.collected import Collected
from experiments.definition import variant_names
from experiments.errors import NotFoundError
from experiments.lifecycle.store import current_run, get, variants_of
from experiments.reporting import numbers
from experiments.reporting.worded import Reading
from experiments.storage.tables import Experiment, Variant


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
        Its members were made up.
    in_words : tuple of (str, str)
        What was decided beforehand: labels with a sentence each.
    guardrails : tuple of str
        The metrics that must not worsen.
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
    in_words: tuple[tuple[str, str], ...] = ()
    guardrails: tuple[str, ...] = ()

    @property
    def answer(self) -> Answer:
        """The result."""
        return self.reading.answer

    @property
    def collected(self) -> Collected:
        """The sufficient statistics that the result rests on."""
        return self.inputs.collected


def newest(session: Session, key: str, *, zone: str = "UTC") -> Stored:
    """Read the newest analysis of an experiment's newest run; its sentences give moments in `zone`.

    Raises
    ------
    NotFoundError
        Where there is no such experiment, or nothing was analysed yet.
    """
    experiment = get(session, key)
    run = current_run(session, experiment)
    stored = None if run is None else records.newest(session, run)
    if run is None or stored is None:
        raise NotFoundError(f"{key} has no analysis yet; run `klette analyse {key}` first.", code="no_analysis")
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
        _in_words(experiment, variants),
        tuple(experiment.guardrails),
    )


def _in_words(experiment: Experiment, variants: Sequence[Variant]) -> tuple[tuple[str, str], ...]:
    """The definition as a reader of the report needs it, in the order of the experiment's own page."""
    decides, window = metric(experiment.primary_metric), experiment.window_days
    # Totals that came without dates were counted elsewhere, within a window that nobody told.
    dated = not (experiment.imported and experiment.planned_days is None)
    hint = (decides.hint if dated else decides.hint.replace(" within {window} days", "")).format(window=window)
    hint = hint.rstrip(".")
    counts = f"What a member does in the {numbers.plural(window, 'day')} after first seeing a variant."
    planned = None if experiment.imported else experiment.planned_days
    also = [metric(key).name for key in experiment.metrics if key != experiment.primary_metric]
    share = experiment.traffic_buckets / 10_000
    told = (
        ("Hypothesis", experiment.hypothesis),
        ("Audience", "" if experiment.imported else variant_names.audience(experiment.targeting, share)),
        ("What decides", f"{decides.name}: {hint[:1].lower()}{hint[1:]}."),
        ("Also measured", ", ".join(also)),
        ("Must not worsen", ", ".join(metric(key).name for key in experiment.guardrails)),
        ("Planned", numbers.plural(planned, "day") if planned else ""),
        ("What counts", counts if dated else ""),
        ("Split by", ", ".join(experiment.segments)),
        ("Costs", _costs(variants, experiment.currency)),
    )
    return tuple((label, sentence) for label, sentence in told if sentence)


def _costs(variants: Sequence[Variant], currency: str) -> str:
    """What each variant costs; nothing where none costs anything."""
    told = []
    for place, variant in enumerate(variants):
        fixed, per = (float((variant.cost or {}).get(part) or 0) for part in ("fixed", "per_thousand"))
        parts = [f"{numbers.price(fixed, currency)} once"] if fixed else []
        parts += [f"{numbers.price(per, currency)} per 1,000 members"] if per else []
        told.append((variant_names.letter(place), " and ".join(parts)))
    if not any(cost for _, cost in told):
        return ""
    return " ".join(f"{letter} {cost or 'nothing'}." for letter, cost in told)
