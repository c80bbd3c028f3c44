"""The definition of an experiment in words, for its page, its launch and its results."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from experiments.catalogue.metrics import metric
from experiments.definition import variant_names
from experiments.lifecycle.document import document_of
from experiments.reporting.measures import hint
from experiments.reporting.numbers import when
from experiments.reporting.phrases import days
from experiments.storage.tables import Experiment, utc_now
from experiments.translation import gettext
from web.pages.common import durations
from web.pages.experiments import analysis_settings


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
    """What the templates print of a definition; `experiment` is the API's document."""

    experiment: dict[str, Any]
    variants: tuple[NamedVariant, ...]
    audience: str
    primary: NamedMetric
    others: tuple[str, ...]
    guardrails: tuple[str, ...]
    schedule: str
    window: str
    analysis: list[analysis_settings.Line]


def describe(session: Session, experiment: Experiment, zone: str) -> Description:
    """Return the description of a stored experiment, with times in `zone`."""
    return described(document_of(session, experiment), zone)


def described(document: dict[str, Any], zone: str) -> Description:
    """Return the description of an experiment's document."""
    dated = durations.dates_known(document)
    primary = metric(document["primary_metric"])
    window = document["window_days"] if dated else None
    counts = gettext("Actions count for {days} after a member first sees a variant.")
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
        audience=variant_names.audience(document["targeting"], document["traffic"]),
        primary=NamedMetric(gettext(primary.name), hint(primary, window, document["currency"])),
        others=tuple(gettext(metric(key).name) for key in document["metrics"] if key != primary.key),
        guardrails=tuple(gettext(metric(key).name) for key in document["guardrails"]),
        schedule=schedule(document, zone),
        window=counts.format(days=days(window)) if window else "",
        analysis=analysis_settings.lines(document),
    )


def schedule(document: dict[str, Any], zone: str) -> str:
    """Return when it begins and ends, in `zone`."""
    if not durations.dates_known(document):
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
