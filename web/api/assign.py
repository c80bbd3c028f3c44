"""Assignment over HTTP: which variant a unit gets, and the first exposure put on record."""

import json
from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field

from experiments.assignment.assign import Assigned
from experiments.assignment.decision import REASONS
from experiments.assignment.request import (
    AssignmentRequest,
    read_attributes,
    read_experiments,
    read_expose,
    read_preview,
    read_unit,
)
from experiments.catalogue.event_types import MAX_UNIT
from experiments.errors import InvalidError, NotFoundError
from experiments.validation import shown
from web.apidocs.openapi import documented
from web.http.exchange import CORS_HEADERS, JSON_HEADERS, Call, answer, check_fields, parse_object
from web.http.services import services

blueprint = Blueprint("assign", __name__)

_FIELDS = frozenset({"unit", "attributes", "experiments", "expose", "share", "preview"})
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class AssignRequest(BaseModel):
    """Who is there, what is known about the member, and for which experiments."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"unit": "u-123", "attributes": {"country": "DE", "age": 34}, "experiments": ["spring-headline"]},
                {"unit": "u-123", "expose": False},
            ]
        },
    )
    unit: str = Field(min_length=1, max_length=MAX_UNIT, description="The key by which the app knows the member.")
    attributes: dict[str, Any] = Field({}, description="What targeting rules and segments may look at.")
    experiments: list[str] | None = Field(None, description="Keys of experiments; absent for all that run.")
    expose: bool = Field(True, description="The member will see the content now; false for a prefetch.")
    share: str | None = Field(
        None,
        description="The token of the share link by which the member came; ignored until share links exist.",
    )
    preview: str | None = Field(None, description="A signed preview token: answers its variant, records nothing.")


class Assignment(BaseModel):
    """A variant, or null with the reason."""

    variant: str | None
    content: dict[str, Any] | None
    reason: str = Field(description=f"One of {', '.join(REASONS)}; see Reasons of an assignment.")
    origin: str | None = Field(description="randomised, shared or preview; null without a randomised variant.")
    run: int | None = Field(description="The number of the run.")
    exposed: bool = Field(description="Whether the member's exposure is recorded.")


class AssignAnswer(BaseModel):
    """One assignment an experiment; keys that name none are listed under unknown."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "assignments": {
                        "spring-headline": {
                            "variant": "b",
                            "content": {"headline": "Twelve things that bloom"},
                            "reason": "SPLIT",
                            "origin": "randomised",
                            "run": 1,
                            "exposed": True,
                        }
                    }
                },
                {
                    "assignments": {
                        "spring-headline": {
                            "variant": None,
                            "content": None,
                            "reason": "TARGETING",
                            "origin": None,
                            "run": 1,
                            "exposed": False,
                        }
                    },
                    "unknown": ["autumn-headline"],
                },
            ]
        }
    )
    assignments: dict[str, Assignment]
    unknown: list[str] = []


class AssignQuery(BaseModel):
    """The same in a query string."""

    unit: str = Field(min_length=1, max_length=MAX_UNIT, description="The key by which the app knows the member.")
    attributes: str | None = Field(None, description='A JSON object, such as {"country": "DE"}.')
    preview: str | None = Field(None, description="A signed preview token: answers its variant.")


class OneAssignment(Assignment):
    """The form for one experiment."""

    experiment: str


def post_assign(call: Call) -> bytes:
    """Answer ``POST /api/v1/assign``."""
    document = call.document()
    check_fields(document, _FIELDS)
    wanted = AssignmentRequest(
        unit=read_unit(document.get("unit")),
        experiments=read_experiments(document.get("experiments")),
        attributes=read_attributes(document.get("attributes")),
        expose=read_expose(document.get("expose", True)),
        preview=read_preview(document.get("preview")),
    )
    _check_share(document.get("share"))
    answered = call.services.assigner.assign(call.identity.project_id, wanted)
    body: dict[str, Any] = {"assignments": {each.experiment: _document(each) for each in answered.assigned}}
    if answered.unknown:
        body["unknown"] = answered.unknown
    return _encode(body).encode()


def get_assign(call: Call) -> bytes:
    """Answer ``GET /api/v1/assign/{experiment}``: the form for the simplest apps, which never records anything."""
    key = call.environ["PATH_INFO"].rsplit("/", 1)[1]
    parameters = call.parameters()
    attributes = parameters.get("attributes")
    wanted = AssignmentRequest(
        unit=read_unit(parameters.get("unit")),
        experiments=[key],
        attributes=read_attributes(parse_object(attributes, what="The parameter attributes") if attributes else None),
        expose=False,
        preview=parameters.get("preview"),
    )
    answered = call.services.assigner.assign(call.identity.project_id, wanted)
    if answered.unknown:
        raise NotFoundError(f"There is no experiment {key[:64]!r}; check the key.", code="experiment_unknown")
    # A preview of another experiment adds that one after the one of the address.
    return _encode({"experiment": key, **_document(answered.assigned[0])}).encode()


def _document(assigned: Assigned) -> dict[str, Any]:
    decision = assigned.decision
    variant = decision.variant
    return {
        "variant": variant.key if variant else None,
        "content": variant.content if variant else None,
        "reason": decision.reason,
        "origin": decision.origin,
        "run": assigned.run,
        "exposed": assigned.exposed,
    }


def _check_share(share: Any) -> None:
    if share is not None and type(share) is not str:
        raise InvalidError(f"share is {shown(share)}; send the token of the share link, or null.", code="share_invalid")


@blueprint.post("/api/v1/assign")
@documented(tag="Apps", json=AssignRequest, answers={200: AssignAnswer}, problems=(400, 413, 422), key="client")
def assign_view() -> Response:
    """Assign a unit to variants.

    Answers with the variant of each requested experiment and, unless ``expose`` is false, records the first exposure
    before it answers.
    """
    return Response(answer(services(), request.environ, post_assign), headers=JSON_HEADERS + CORS_HEADERS)


@blueprint.get("/api/v1/assign/<experiment>")
@documented(tag="Apps", query=AssignQuery, answers={200: OneAssignment}, problems=(400, 404, 422), key="client")
def assign_one_view(experiment: str) -> Response:
    """Ask for one experiment.

    Records nothing, ever; ``attributes`` is a JSON object.
    """
    return Response(answer(services(), request.environ, get_assign), headers=JSON_HEADERS + CORS_HEADERS)
