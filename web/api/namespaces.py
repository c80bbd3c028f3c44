"""Namespaces over HTTP: the ranges that experiments use, and the holdout."""

from typing import Any

from flask import Blueprint, Response, jsonify
from sqlmodel import Session

from experiments.definition.fields import BUCKETS
from experiments.lifecycle import namespaces
from experiments.storage.tables import Namespace
from experiments.validation import validated
from web.api.auth import actor, call, project_id, require_key
from web.api.schemas.experiments import HoldoutRequest, NamespaceDocument, NamespaceKey, NamespaceList
from web.apidocs.openapi import documented
from web.http.services import services

blueprint = Blueprint("api_namespaces", __name__, url_prefix="/api/v1/namespaces")

TAG = "Namespaces"


@blueprint.get("")
@documented(tag=TAG, answers={200: NamespaceList})
@require_key("server")
def list_namespaces() -> Response:
    """List namespaces with their live experiments."""
    with services().database.read() as session:
        return jsonify(namespaces=[_document(session, row) for row in namespaces.listing(session, project_id())])


@blueprint.get("/<namespace>")
@documented(tag=TAG, answers={200: NamespaceDocument}, problems=(404,))
@require_key("server")
def get_namespace(namespace: str) -> Response:
    """Retrieve a namespace."""
    with services().database.read() as session:
        return jsonify(_document(session, namespaces.get(session, namespace, project_id())))


@blueprint.put("/<namespace>")
@documented(tag=TAG, json=HoldoutRequest, answers={200: NamespaceDocument}, problems=(400, 409, 413, 422))
@require_key("server")
def put_namespace(namespace: str) -> Response:
    """Set the holdout of a namespace.

    Creates the namespace if it doesn't exist. The holdout can't change in a range that a live experiment uses, because
    members would move between the holdout and the experiment.
    """
    key = validated(NamespaceKey, {"key": namespace}, what="The namespace").key
    wanted = validated(HoldoutRequest, call().document(), what="The holdout")
    with services().database.write() as session:
        row = namespaces.set_holdout(session, key, wanted.holdout, actor=actor(), project_id=project_id())
        document = _document(session, row)
    return jsonify(document)


def _document(session: Session, row: Namespace) -> dict[str, Any]:
    return {
        "key": row.key,
        "seed": row.seed,
        "holdout": row.holdout_buckets / BUCKETS,
        "experiments": [
            {
                "experiment": other.key,
                "state": other.state,
                "from": other.namespace_from / BUCKETS,
                "to": other.namespace_to / BUCKETS,
            }
            for other in namespaces.occupants(session, row.key, row.project_id)
        ],
    }
