"""Experiments over HTTP: create, retrieve, update, and change their state."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request
from sqlmodel import Session

from experiments.lifecycle import editing, store, transitions
from experiments.lifecycle.document import document_of, documents_of
from experiments.storage.tables import Experiment
from experiments.validation import validated
from web.api.auth import actor, call, experiment_of, project_id, refuse_body, require_key
from web.api.schemas.experiments import (
    ExperimentDocument,
    ExperimentEdit,
    ExperimentList,
    ExperimentsQuery,
    NewExperiment,
    Shipment,
)
from web.apidocs.openapi import documented
from web.http.services import services

blueprint = Blueprint("api_experiments", __name__, url_prefix="/api/v1/experiments")

TAG = "Experiments"


@blueprint.post("")
@documented(tag=TAG, json=NewExperiment, answers={201: ExperimentDocument}, problems=(400, 409, 413, 422))
@require_key("server")
def create_experiment() -> tuple[Response, int, dict[str, str]]:
    """Create an experiment.

    The experiment is a draft until it is launched; drafts assign no members. Keys can't be reused, even after an
    experiment is archived.
    """
    definition = validated(NewExperiment, call().document(), what="The experiment")
    with services().database.write() as session:
        experiment = store.create(session, definition, actor=actor(), project_id=project_id())
        document = document_of(session, experiment)
    return jsonify(document), 201, {"Location": f"/api/v1/experiments/{definition.key}"}


@blueprint.get("")
@documented(tag=TAG, query=ExperimentsQuery, answers={200: ExperimentList}, problems=(422,))
@require_key("server")
def list_experiments() -> Response:
    """List experiments, newest first.

    Archived experiments are excluded unless you set ``state=archived``.
    """
    query = validated(ExperimentsQuery, request.args.to_dict(), what="The query")
    with services().database.read() as session:
        rows, total = store.page(
            session, state=query.state, limit=query.limit, offset=query.offset, project_id=project_id()
        )
        documents = documents_of(session, rows)
    return jsonify(experiments=documents, total=total, next=_next(query, len(rows), total))


@blueprint.get("/<experiment>")
@documented(tag=TAG, answers={200: ExperimentDocument}, problems=(404,))
@require_key("server")
def get_experiment(experiment: str) -> Response:
    """Retrieve an experiment."""
    with services().database.read() as session:
        return jsonify(document_of(session, experiment_of(session, experiment)))


@blueprint.patch("/<experiment>")
@documented(tag=TAG, json=ExperimentEdit, answers={200: ExperimentDocument}, problems=(400, 404, 409, 413, 422))
@require_key("server")
def edit_experiment(experiment: str) -> Response:
    """Update an experiment.

    Omitted fields and variants keep their values. In a draft, a new variant key adds a variant and ``"remove": true``
    removes one. Once it is running, what members see is frozen: you can change name, hypothesis, variant names and
    ends_at, and increase traffic. Changing the weights ends the run and starts a new one with a new seed.
    """
    change = validated(ExperimentEdit, call().document(), what="The edit")
    revision = change.revision
    change.model_fields_set.discard("revision")

    def edit(session: Session, row: Experiment) -> None:
        editing.patch(session, row, change, actor=actor(), revision=revision)

    return _change(experiment, edit)


@blueprint.post("/<experiment>/launch")
@documented(tag=TAG, answers={200: ExperimentDocument}, problems=(404, 409, 422))
@require_key("server")
def launch_experiment(experiment: str) -> Response:
    """Launch an experiment.

    A draft starts immediately, or at starts_at if that is in the future. A scheduled experiment starts immediately.
    """
    return _act(experiment, transitions.launch)


@blueprint.post("/<experiment>/pause")
@documented(tag=TAG, answers={200: ExperimentDocument}, problems=(404, 409, 422))
@require_key("server")
def pause_experiment(experiment: str) -> Response:
    """Pause an experiment.

    No new members are admitted until it is resumed.
    """
    return _act(experiment, transitions.pause)


@blueprint.post("/<experiment>/resume")
@documented(tag=TAG, answers={200: ExperimentDocument}, problems=(404, 409, 422))
@require_key("server")
def resume_experiment(experiment: str) -> Response:
    """Resume a paused experiment.

    The same run continues.
    """
    return _act(experiment, transitions.resume)


@blueprint.post("/<experiment>/stop")
@documented(tag=TAG, answers={200: ExperimentDocument}, problems=(404, 409, 422))
@require_key("server")
def stop_experiment(experiment: str) -> Response:
    """Stop an experiment.

    A stopped experiment can't be restarted. Its results remain available.
    """
    return _act(experiment, transitions.stop)


@blueprint.post("/<experiment>/archive")
@documented(tag=TAG, answers={200: ExperimentDocument}, problems=(404, 409, 422))
@require_key("server")
def archive_experiment(experiment: str) -> Response:
    """Archive a draft or a stopped experiment.

    Its data are kept.
    """
    return _act(experiment, transitions.archive)


@blueprint.post("/<experiment>/ship")
@documented(tag=TAG, json=Shipment, answers={200: ExperimentDocument}, problems=(400, 404, 409, 413, 422))
@require_key("server")
def ship_experiment(experiment: str) -> Response:
    """Ship a variant.

    Stops the experiment if it is still running and stores the decision with its note.
    """
    decision = validated(Shipment, call().document(), what="The decision")
    return _change(
        experiment,
        lambda session, row: transitions.ship(session, row, decision.variant, decision.note, actor=actor()),
    )


def _act(key: str, action: Callable[..., Experiment]) -> Response:
    refuse_body()
    return _change(key, lambda session, row: action(session, row, actor=actor()))


def _change(key: str, change: Callable[[Session, Experiment], Any]) -> Response:
    with services().database.write() as session:
        row = experiment_of(session, key)
        change(session, row)
        document = document_of(session, row)
    return jsonify(document)


def _next(query: ExperimentsQuery, count: int, total: int) -> str | None:
    offset = query.offset + count
    if not count or offset >= total:
        return None
    values = {"state": query.state, "limit": query.limit, "offset": offset}
    return "/api/v1/experiments?" + urlencode({name: value for name, value in values.items() if value is not None})
