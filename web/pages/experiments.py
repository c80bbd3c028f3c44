"""The list of experiments with their one-line answers, and the page of a draft."""

import hashlib
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlmodel import Session

from experiments import experiment as stored
from experiments import metrics, results
from experiments.definition import BUCKETS
from experiments.errors import NotFoundError
from experiments.tables import Experiment, utc_now
from experiments.transitions import checklist
from web.formatting import plain_percent, when
from web.pages import audience_form
from web.pages.access import htmx
from web.services import services

blueprint = Blueprint("experiments", __name__)

PAGE = 50
"""Experiments on one page of the list."""


@blueprint.get("/experiments")
def index():
    """The list; its refresh gets the rows alone, and 204 where nothing has changed, so that nothing moves."""
    context = _rows()
    if not htmx:
        return render_template("experiments/index.html", **context, states=stored.STATES)
    if context["seen"] == request.args.get("seen"):
        return Response(status=204)
    return render_template("experiments/rows.html", **context)


@blueprint.get("/experiments/<key>/preview/<variant>")
def preview(key: str, variant: str):
    """One variant as a member meets it."""
    with services().database.read() as session:
        experiment = stored.get(session, key)
        document = stored.document(session, experiment)
    keys = [entry["key"] for entry in document["variants"]]
    if variant not in keys:
        raise NotFoundError(f"{experiment.name} has no variant {variant[:64]!r}; it has {', '.join(keys)}.")
    token = services().preview_token(key, variant)
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
    document = stored.document(session, experiment)
    return render_template(
        "experiments/draft.html",
        **words_of(document),
        checks=checklist(session, experiment),
        details=checklist_details(experiment),
        starts_at=experiment.starts_at,
    )


def words_of(document: dict[str, Any]) -> dict[str, Any]:
    """A document with the sentences that its page needs."""
    window = document["window_days"]
    named = {key: metrics.metric(key) for key in _metric_keys(document)}
    return {
        "experiment": document,
        "audience": audience_form.sentence(document["targeting"]),
        "metric_names": {key: metric.name for key, metric in named.items()},
        "metric_hints": {key: metric.hint.format(window=window) for key, metric in named.items()},
    }


def checklist_details(experiment: Experiment) -> dict[str, str]:
    """The sentences of checks that name a time or a share, as a page tells them: in the project's time and per cent."""
    zone = services().settings.time_zone
    start = when(experiment.starts_at, zone) if experiment.starts_at and experiment.starts_at > utc_now() else ""
    details = {}
    if experiment.ends_at is None or experiment.ends_at > utc_now():
        begins = f"It starts on {start}" if start else "It starts at once"
        ends = f"stops on {when(experiment.ends_at, zone)}" if experiment.ends_at else "runs until somebody stops it"
        details["schedule"] = f"{begins} and {ends}."
    if experiment.traffic_buckets:
        share = experiment.traffic_buckets / BUCKETS
        admitted = "All eligible members" if share == 1 else f"{plain_percent(share)} of the eligible members"
        details["traffic"] = f"{admitted} are admitted."
    return details


def _metric_keys(document: dict[str, Any]) -> set[str]:
    return {document["primary_metric"], *document["metrics"], *document["guardrails"]}


def _rows() -> dict[str, Any]:
    asked = request.args.get("state")
    state = asked if asked in stored.STATES else None
    number = max(1, request.args.get("page", 1, type=int))
    with services().database.read() as session:
        found, total = stored.page(session, state=state, limit=PAGE, offset=(min(number, 10_000) - 1) * PAGE)
        documents = stored.documents(session, found)
        answers = results.one_line(session, found)
        empty = total == 0 and (state is not None) and stored.page(session, limit=1)[1] == 0
    now = utc_now()
    entries = [
        {"experiment": document, "answer": answers.get(row.id), "age": age(document, now)}
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


def age(document: dict[str, Any], now: datetime) -> str:
    """How long it has been on: ``day 9 of 14``, ``ran 14 days``, or when it will start."""
    run = document["run"]
    if run is None:
        return "starts later" if document["state"] == "scheduled" else "not started"
    started = datetime.fromisoformat(run["started_at"])
    if run["ended_at"]:
        days = max(1, round((datetime.fromisoformat(run["ended_at"]) - started).total_seconds() / 86_400))
        return f"ran {days} day{'' if days == 1 else 's'}"
    day = max(1, (now - started).days + 1)
    planned = document["planned_days"]
    return f"day {day} of {planned}" if planned else f"day {day}"
