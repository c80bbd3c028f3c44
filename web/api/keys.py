"""API keys over HTTP: list, create, revoke."""

from typing import Any

from flask import Blueprint, Response, jsonify

from experiments.lifecycle.document import timestamp
from experiments.people import api_keys
from experiments.storage.tables import ApiKey
from experiments.validation import validated
from web.api.auth import actor, call, project_id, refuse_body, require_key
from web.api.schemas.experiments import KeyCreated, KeyDocument, KeyList, NewKey
from web.apidocs.openapi import documented
from web.http.services import services

blueprint = Blueprint("api_keys", __name__, url_prefix="/api/v1/keys")

TAG = "Keys"


@blueprint.get("")
@documented(tag=TAG, answers={200: KeyList})
@require_key("server")
def list_keys() -> Response:
    """List API keys, newest first.

    Includes revoked keys. Secrets are not returned.
    """
    with services().database.read() as session:
        return jsonify(keys=[_document(row) for row in api_keys.list_keys(session, project_id())])


@blueprint.post("")
@documented(tag=TAG, json=NewKey, answers={201: KeyCreated}, problems=(400, 413, 422))
@require_key("server")
def create_key() -> tuple[Response, int, dict[str, str]]:
    """Create an API key.

    The response is the only time the key is shown; Klette stores only its hash.
    """
    wanted = validated(NewKey, call().document(), what="The key")
    with services().database.write() as session:
        plain = api_keys.create_key(session, kind=wanted.kind, name=wanted.name, actor=actor(), project_id=project_id())
        row = api_keys.find_plain(session, plain)
        assert row is not None
        document = {**_document(row), "key": plain}
    return jsonify(document), 201, {"Cache-Control": "no-store"}


@blueprint.post("/<int:key_id>/revoke")
@documented(tag=TAG, answers={200: KeyDocument}, problems=(404, 422))
@require_key("server")
def revoke_key(key_id: int) -> Response:
    """Revoke an API key.

    Every process rejects the key within a second. Revoking it again has no effect.
    """
    refuse_body()
    with services().database.write() as session:
        document = _document(api_keys.revoke_key(session, key_id, actor=actor(), project_id=project_id()))
    return jsonify(document)


def _document(row: ApiKey) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "prefix": row.prefix,
        "created_at": timestamp(row.created_at),
        "created_by": row.created_by,
        "revoked_at": timestamp(row.revoked_at),
    }
