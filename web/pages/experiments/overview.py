"""The list of experiments, the page of a draft, and previews."""

import hashlib
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlmodel import Session

from experiments.definition.fields import BUCKETS
from experiments.errors import NotFoundError
from experiments.lifecycle import store
from experiments.lifecycle.document import document_of, documents_of
from experiments.lifecycle.namespaces import free_places, overlaps
from experiments.lifecycle.states import STATES
from experiments.lifecycle.transitions import checklist
from experiments.reporting import readings
from experiments.reporting.definition.description import described
from experiments.reporting.numbers import plain_percent, when
from experiments.storage.tables import Experiment, utc_now
from experiments.translation import gettext, quoted
from web.http.services import services
from web.pages.common import labels
from web.pages.common.access import htmx
from web.pages.experiments import actions
from web.pages.experiments.row import NO_FIGURES, entry, figures

blueprint = Blueprint("experiments", __name__)

PAGE = 50
"""Experiments on one page of the list."""


@blueprint.get("/experiments")
def index() -> Any:
    """Show the list; a refresh gets the rows only, and 204 if nothing has changed."""
    context = _rows()
    if not htmx:
        return render_template("experiments/overview.html", **context, states=labels.state_filters())
    if context["seen"] == request.args.get("seen"):
        return Response(status=204)
    return render_template("experiments/rows.html", **context)


@blueprint.get("/experiments/<key>/preview/<variant>")
def preview(key: str, variant: str) -> str:
    """Show one variant as members see it."""
    with services().database.read() as session:
        experiment = store.get(session, key)
        document = document_of(session, experiment)
    keys = [entry["key"] for entry in document["variants"]]
    if variant not in keys:
        raise NotFoundError(
            gettext("{name} has no variant {key}. Its variants: {keys}.").format(
                name=experiment.name, key=repr(variant[:64]), keys=", ".join(keys)
            )
        )
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
    """Return the page of a draft or scheduled experiment: its definition and its launch checklist."""
    return render_template(
        "experiments/draft.html",
        **context_of(session, experiment),
        actions=actions.buttons(experiment.state),
        checks=checklist(session, experiment),
        details=checklist_details(session, experiment),
        starts_at=experiment.starts_at,
    )


def context_of(session: Session, experiment: Experiment) -> dict[str, Any]:
    """Return what the pages of an experiment print: its document and its description."""
    document = document_of(session, experiment)
    return {"experiment": document, "description": described(document, services().settings.time_zone)}


def checklist_details(session: Session, experiment: Experiment) -> dict[str, str]:
    """Return the details of checks that name a time or a share, in the project's time zone and in per cent."""
    details = {"schedule": _schedule_detail(experiment)}
    others = overlaps(session, experiment)
    if others:
        held = "; ".join(f"{quoted(other.name)} {_place(other.namespace_from, other.namespace_to)}" for other in others)
        free = ", ".join(_place(start, end) for start, end in free_places(session, experiment))
        own = _place(experiment.namespace_from, experiment.namespace_to)
        taken = gettext("This test needs {own} of the namespace “{namespace}”, but part of it is taken: {held}.")
        remedy = gettext("Free: {places}.") if free else gettext("Stop another test or choose another namespace.")
        details["namespace"] = " ".join(
            (taken.format(own=own, namespace=experiment.namespace_key, held=held), remedy.format(places=free))
        )
    return details


def _schedule_detail(experiment: Experiment) -> str:
    zone, now = services().settings.time_zone, utc_now()
    starts, ends = experiment.starts_at, experiment.ends_at
    if ends and ends <= now:
        return gettext("The end ({time}) has passed. Choose a later end, or none.").format(time=when(ends, zone))
    if starts and starts > now:
        first = gettext("Starts on {time}.").format(time=when(starts, zone))
    elif starts:
        first = gettext("The planned start ({time}) has passed, so it starts immediately.").format(
            time=when(starts, zone)
        )
    else:
        first = gettext("Starts immediately.")
    if ends:
        end = gettext("Stops automatically on {time}.").format(time=when(ends, zone))
    else:
        end = gettext("Runs until you stop it.")
    return f"{first} {end}"


def _place(start: int, end: int) -> str:
    return gettext("{start} to {end}").format(start=plain_percent(start / BUCKETS), end=plain_percent(end / BUCKETS))


def _rows() -> dict[str, Any]:
    wanted = request.args.get("state")
    state = wanted if wanted in STATES else None
    number = max(1, request.args.get("page", 1, type=int))
    with services().database.read() as session:
        found, total = store.page(session, state=state, limit=PAGE, offset=(min(number, 10_000) - 1) * PAGE)
        documents = documents_of(session, found)
        answers = readings.one_line(session, found)
        counts = figures(session, found)
        empty = total == 0 and (state is not None) and store.page(session, limit=1)[1] == 0
    now = utc_now()
    zone = services().settings.time_zone
    entries = [
        entry(document, answers.get(row.id or 0), counts.get(row.id or 0, NO_FIGURES), zone, now)
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
