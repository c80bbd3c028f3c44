"""Operations: liveness, readiness and metrics."""

import os

from flask import Blueprint, Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from prometheus_client import REGISTRY as ONE_PROCESS
from sqlalchemy.exc import SQLAlchemyError

from web.http.services import services

blueprint = Blueprint("operations", __name__)


def register(app: Flask) -> None:
    """Serve ``/healthz``, ``/readyz`` and ``/metrics``."""
    app.register_blueprint(blueprint)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer as long as the process runs."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Answer whether the database is reachable and has the current schema."""
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
    """Return the counters of all web processes of this installation, for Prometheus."""
    registry = ONE_PROCESS
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
