"""A definition as labels and sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from experiments.catalogue.metrics import metric
from experiments.definition import variant_names
from experiments.definition.documents import NamespaceDocument
from experiments.lifecycle.document import ExperimentDocument, document_of
from experiments.reporting.definition import analysis_settings
from experiments.reporting.definition.analysis_settings import Line
from experiments.reporting.measures import hint
from experiments.reporting.numbers import when
from experiments.reporting.phrases import days
from experiments.storage.tables import Experiment, utc_now
from experiments.translation import gettext


@dataclass(frozen=True)
class NamedVariant:
    """A variant with what it is called beside its letter."""

    key: str
    position: int
    called: str
    control: bool
    weight: float


@dataclass(frozen=True)
class NamedMetric:
    """A metric with the sentence on what it counts."""

    name: str
    hint: str


@dataclass(frozen=True)
class Description:
    """What is shown of a definition.

    Attributes
    ----------
    experiment : ExperimentDocument
        The API's document.
    primary : NamedMetric
        The metric that decides.
    analysis : tuple of Line
        Settings of the analysis that differ from the default.
    lines : tuple of Line
        Everything but hypothesis and variants, in reading order.
    """

    experiment: ExperimentDocument
    variants: tuple[NamedVariant, ...]
    audience: str
    primary: NamedMetric
    analysis: tuple[Line, ...]
    lines: tuple[Line, ...]


def describe(session: Session, experiment: Experiment, zone: str) -> Description:
    """Return the description of a stored experiment, with times in `zone`."""
    return described(document_of(session, experiment), zone)


def described(document: ExperimentDocument, zone: str) -> Description:
    """Return the description of an experiment's document."""
    found = metric(document["primary_metric"])
    window = document["window_days"] if dates_known(document) else None
    primary = NamedMetric(gettext(found.name), hint(found, window, document["currency"]))
    audience = variant_names.audience(document["targeting"], document["traffic"])
    analysis = tuple(analysis_settings.lines(document))
    lines = (
        Line("audience", gettext("Audience"), " ".join(filter(None, (audience, _namespace(document["namespace"]))))),
        Line("primary", gettext("Primary metric"), primary.hint, primary.name),
        Line("others", gettext("Other metrics"), _names(key for key in document["metrics"] if key != found.key)),
        Line("guardrails", gettext("Guardrails"), _names(document["guardrails"])),
        Line("schedule", gettext("Schedule"), schedule(document, zone)),
        Line("window", gettext("Window"), _window(window)),
        Line("segments", gettext("Segments"), ", ".join(document["segments"])),
        *analysis,
    )
    return Description(
        experiment=document,
        variants=tuple(
            NamedVariant(
                variant["key"],
                position,
                variant_names.called(variant["name"], variant["content"]),
                variant["control"],
                variant["weight"],
            )
            for position, variant in enumerate(document["variants"])
        ),
        audience=audience,
        primary=primary,
        analysis=analysis,
        lines=tuple(line for line in lines if line.sentence),
    )


def dates_known(document: ExperimentDocument) -> bool:
    """Whether a run's times are its own: those of totals without dates are the times of the import."""
    return not (document["imported"] and document["planned_days"] is None)


def _names(keys: Iterable[str]) -> str:
    return ", ".join(gettext(metric(key).name) for key in keys)


def _namespace(namespace: NamespaceDocument | None) -> str:
    if not namespace:
        return ""
    template = gettext("Never shares a member with another test in the namespace “{namespace}”.")
    return template.format(namespace=namespace["key"])


def _window(window: int | None) -> str:
    if window is None:
        return ""
    return gettext("Actions count for {days} after a member first sees a variant.").format(days=days(window))


def schedule(document: ExperimentDocument, zone: str) -> str:
    """Return when it begins and ends, in `zone`."""
    if not dates_known(document):
        return gettext("Imported as totals without dates.")
    run, starts, ends = document["run"], moment(document["starts_at"]), moment(document["ends_at"])
    parts = []
    if run:
        started = when(moment(run["started_at"]), zone)
        template = gettext("Began on {time}.") if document["runs"] == 1 else gettext("Run {number} began on {time}.")
        parts.append(template.format(number=run["number"], time=started))
    elif starts and starts > utc_now():
        parts.append(gettext("Starts automatically on {time}.").format(time=when(starts, zone)))
    if run and run["ended_at"]:
        ended = when(moment(run["ended_at"]), zone)
        return " ".join([*parts, gettext("Ended on {time}.").format(time=ended)])
    if planned := document["planned_days"]:
        parts.append(gettext("Planned for {days}.").format(days=days(planned)))
    if ends:
        parts.append(gettext("Stops automatically on {time}.").format(time=when(ends, zone)))
    else:
        parts.append(gettext("Runs until you stop it."))
    return " ".join(parts)


def moment(text: str | None) -> datetime | None:
    """Return a time of the document; None where it has none."""
    return datetime.fromisoformat(text) if text else None
