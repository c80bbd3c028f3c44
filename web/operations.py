"""For those who run it: does the process live, can it serve, and what has it counted."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client import REGISTRY as ONE_PROCESS
from sqlalchemy.exc import SQLAlchemyError

from web.http.services import services

blueprint = Blueprint("operations", __name__)

REQUESTS = Counter("klette_api_requests_total", "Calls of apps, by what they asked for and status.", ["call", "status"])
SECONDS = Histogram(
    "klette_api_seconds",
    "Time to answer a call of an app, in seconds.",
    ["call"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
EVENTS = Counter("klette_events_total", "Events by what became of them: accepted, duplicate or rejected.", ["outcome"])
REJECTED = Counter("klette_events_rejected_total", "Events that were not stored, by code.", ["code"])
GROUPS = Counter("klette_commits_total", "Group commits of exposures and events.")
GROUPED = Counter("klette_commit_requests_total", "Requests that shared those commits.")

_children: dict = {}


def observe(call: str, status: int, seconds: float) -> None:
    """Count one call; labels hold neither units nor keys."""
    held = _children.get((call, status))
    if held is None:
        held = _children[call, status] = (REQUESTS.labels(call, str(status)), SECONDS.labels(call))
    held[0].inc()
    held[1].observe(seconds)


def observe_events(accepted: int, duplicates: int, rejected: Sequence[Mapping[str, Any]]) -> None:
    """Count the events of one call; ``rejected`` holds an entry with a ``code`` for each that was not stored."""
    for outcome, number in (("accepted", accepted), ("duplicate", duplicates), ("rejected", len(rejected))):
        if number:
            EVENTS.labels(outcome).inc(number)
    for entry in rejected:
        REJECTED.labels(entry["code"]).inc()


def observe_commit(requests: int) -> None:
    """Count one group commit and the requests in it."""
    GROUPS.inc()
    GROUPED.inc(requests)


def register(app: Flask) -> None:
    """Serve ``/healthz``, ``/readyz`` and ``/metrics``."""
    app.register_blueprint(blueprint)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process lives."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """It can serve: the database is reachable and stands at the newest revision."""
    from experiments.storage.schema import is_current

    try:
        current = is_current(services().database)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        return jsonify(status="unavailable", detail=f"The database cannot be reached ({reason})."), 503
    if not current:
        return jsonify(status="unavailable", detail="The database is not migrated; run `klette migrate`."), 503
    return jsonify(status="ok"), 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """What all web processes of this copy have counted, for Prometheus."""
    registry = ONE_PROCESS
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
