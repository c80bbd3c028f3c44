"""The list of experiments with their one-line answers, and the page of a draft."""

import hashlib
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlmodel import Session

from experiments.analyses import records
from experiments.catalogue import metrics
from experiments.definition import variant_names
from experiments.definition.fields import BUCKETS
from experiments.errors import NotFoundError
from experiments.lifecycle import store
from experiments.lifecycle.document import document_of, documents_of
from experiments.lifecycle.namespaces import free_places, overlaps
from experiments.lifecycle.states import STATES
from experiments.lifecycle.transitions import checklist
from experiments.reporting.numbers import plain_percent, plural, when
from experiments.storage.tables import Experiment, utc_now
from web.http.services import services
from web.pages.common import durations
from web.pages.common.access import htmx
from web.pages.experiments import analysis_words
from web.pages.experiments.row import NOBODY, entry, figures

blueprint = Blueprint("experiments", __name__)

PAGE = 50
"""Experiments on one page of the list."""


@blueprint.get("/experiments")
def index():
    """The list; its refresh gets the rows alone, and 204 where nothing has changed, so that nothing moves."""
    context = _rows()
    if not htmx:
        return render_template("experiments/overview.html", **context, states=STATES)
    if context["seen"] == request.args.get("seen"):
        return Response(status=204)
    return render_template("experiments/rows.html", **context)


@blueprint.get("/experiments/<key>/preview/<variant>")
def preview(key: str, variant: str):
    """One variant as a member meets it."""
    with services().database.read() as session:
        experiment = store.get(session, key)
        document = document_of(session, experiment)
    keys = [entry["key"] for entry in document["variants"]]
    if variant not in keys:
        raise NotFoundError(f"{experiment.name} has no variant {variant[:64]!r}; it has {', '.join(keys)}.")
    token = services().assigner.previews.token(experiment.project_id, key, variant)
    body = f'{{"unit": "me", "experiments": ["{key}"], "preview": "{token}"}}'
    return render_template(
        "experiments/preview.html",
        experiment=document,
        position=keys.index(variant),
        variant=document["variants"][keys.index(variant)],
        body=body,
    )


def draft_page(session: Session, experiment: Experiment) -> str:
    """What a draft or scheduled experiment says, and what stands between it and its launch."""
    return render_template(
        "experiments/draft.html",
        **words_of(document_of(session, experiment)),
        checks=checklist(session, experiment),
        details=checklist_details(session, experiment),
        starts_at=experiment.starts_at,
    )


def in_words(session: Session, experiment: Experiment) -> dict[str, Any]:
    """The definition in words, for ``{% include "experiments/description.html" %}``, which reads it as ``in_words``."""
    return words_of(document_of(session, experiment))["in_words"]


def words_of(document: dict[str, Any]) -> dict[str, Any]:
    """A document with the sentences that its page needs."""
    dated = durations.dates_known(document)
    named = {key: metrics.metric(key) for key in _metric_keys(document)}
    hints = {key: _hint(metric, document["window_days"] if dated else None) for key, metric in named.items()}
    return {
        "experiment": document,
        "audience": variant_names.audience(document["targeting"], document["traffic"]),
        "metric_hints": hints,
        "metric_names": {key: metric.name for key, metric in named.items()},
        "in_words": {
            "experiment": document,
            "audience": variant_names.audience(document["targeting"], document["traffic"]),
            "names": {key: metric.name for key, metric in named.items()},
            "hint": hints[document["primary_metric"]],
            "window_days": document["window_days"] if dated else None,
            "schedule": schedule_sentences(document),
            "answer": analysis_words.told(document),
            "variants": [
                {
                    "key": variant["key"],
                    "position": position,
                    "called": variant_names.called(variant["name"], variant["content"]),
                    "control": variant["control"],
                    "weight": variant["weight"],
                }
                for position, variant in enumerate(document["variants"])
            ],
        },
    }


def _hint(metric: metrics.Metric, window: int | None) -> str:
    """What a metric counts; without a window where totals were counted elsewhere, within one that nobody told."""
    said = metric.hint if window is not None else metric.hint.replace(" within {window} days", "")
    return said.format(window=window)


def schedule_sentences(document: dict[str, Any]) -> str:
    """When it begins, how long it is meant to run, and what happens then, in the project's time."""
    zone, now = services().settings.time_zone, utc_now()
    if not durations.dates_known(document):
        return "When it began and when it ended was not given with its counts."
    run, starts, ends = document["run"], _moment(document["starts_at"]), _moment(document["ends_at"])
    told = []
    if run and document["runs"] == 1:
        told.append(f"It began on {when(_moment(run['started_at']), zone)}.")
    elif run:
        told.append(f"Its run {run['number']} began on {when(_moment(run['started_at']), zone)}.")
    elif starts and starts > now:
        told.append(f"It starts by itself on {when(starts, zone)}.")
    if run and run["ended_at"]:
        return " ".join([*told, f"It ended on {when(_moment(run['ended_at']), zone)}."])
    planned = document["planned_days"]
    told.append(f"{plural(planned, 'day')} {'is' if planned == 1 else 'are'} planned." if planned else "")
    if ends:
        told.append(f"It stops by itself on {when(ends, zone)}.")
    elif planned:
        told.append(f"After day {planned} it goes on until somebody stops it.")
    else:
        told.append("No length is planned; it goes on until somebody stops it.")
    return " ".join(filter(None, told))


def checklist_details(session: Session, experiment: Experiment) -> dict[str, str]:
    """The sentences of checks that name a time or a place, as a page tells them: in the project's time and per cent."""
    details = {"schedule": _schedule_detail(experiment)}
    others = overlaps(session, experiment)
    if others:
        held = "; ".join(f"“{other.name}” has {_place(other.namespace_from, other.namespace_to)}" for other in others)
        free = ", ".join(_place(start, end) for start, end in free_places(session, experiment))
        own = _place(experiment.namespace_from, experiment.namespace_to)
        remedy = f"Free: {free}." if free else "Nothing is free: stop another test there, or choose another namespace."
        details["namespace"] = f"It wants {own} of the members of “{experiment.namespace_key}”, and {held}. {remedy}"
    return details


def _schedule_detail(experiment: Experiment) -> str:
    zone, now = services().settings.time_zone, utc_now()
    starts, ends = experiment.starts_at, experiment.ends_at
    if ends and ends <= now:
        return f"It was to stop on {when(ends, zone)}, which has passed. Choose a later end, or none."
    end = f"stops by itself on {when(ends, zone)}" if ends else "goes on until somebody stops it"
    if starts and starts > now:
        return f"It starts on {when(starts, zone)} and {end}."
    passed = f"It was to start on {when(starts, zone)}. Launched now, it" if starts else "It"
    return f"{passed} starts at once and {end}."


def _place(start: int, end: int) -> str:
    return f"{plain_percent(start / BUCKETS)} to {plain_percent(end / BUCKETS)}"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _metric_keys(document: dict[str, Any]) -> set[str]:
    return {document["primary_metric"], *document["metrics"], *document["guardrails"]}


def _rows() -> dict[str, Any]:
    asked = request.args.get("state")
    state = asked if asked in STATES else None
    number = max(1, request.args.get("page", 1, type=int))
    with services().database.read() as session:
        found, total = store.page(session, state=state, limit=PAGE, offset=(min(number, 10_000) - 1) * PAGE)
        documents = documents_of(session, found)
        answers = records.one_line(session, found)
        counts = figures(session, found)
        empty = total == 0 and (state is not None) and store.page(session, limit=1)[1] == 0
    now = utc_now()
    zone = services().settings.time_zone
    entries = [
        entry(document, answers.get(row.id or 0), counts.get(row.id or 0, NOBODY), zone, now)
        for row, document in zip(found, documents, strict=True)
    ]
    return {
        "rows": entries,
        "state": state,
        "total": total,
        "page": number,
        "pages": -(-total // PAGE),
        "nothing_at_all": empty or (state is None and total == 0),
        "seen": hashlib.sha256(repr(entries).encode()).hexdigest()[:16],
    }
