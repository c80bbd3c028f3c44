"""Assignment over HTTP: return the variant of a unit and record its first exposure."""

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
from experiments.catalogue.units import MAX_UNIT
from experiments.errors import InvalidError, NotFoundError
from experiments.validation import shown
from web.apidocs.openapi import documented
from web.http.exchange import CORS_HEADERS, JSON_HEADERS, Call, answer, check_fields, parse_object
from web.http.services import services

blueprint = Blueprint("assign", __name__)

_FIELDS = frozenset({"unit", "attributes", "experiments", "expose", "share", "preview"})
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class AssignRequest(BaseModel):
    """The member to assign, their attributes, and the experiments to assign them to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"unit": "u-123", "attributes": {"country": "DE", "age": 34}, "experiments": ["spring-headline"]},
                {"unit": "u-123", "expose": False},
            ]
        },
    )
    unit: str = Field(min_length=1, max_length=MAX_UNIT, description="Your app's identifier for the member.")
    attributes: dict[str, Any] = Field({}, description="The member's attributes, for targeting rules and segments.")
    experiments: list[str] | None = Field(None, description="Keys of experiments. Defaults to all running experiments.")
    expose: bool = Field(True, description="Whether to record an exposure. Set to false to prefetch content.")
    share: str | None = Field(None, description="Token of the followed share link; currently ignored.")
    preview: str | None = Field(
        None, description="A signed preview token. Returns its variant without recording an exposure."
    )


class Assignment(BaseModel):
    """The assigned variant, or null with the reason."""

    variant: str | None
    content: dict[str, Any] | None
    reason: str = Field(description=f"One of {', '.join(REASONS)}; see “Reasons of an assignment”.")
    origin: str | None = Field(description="randomised, shared or preview; null if the member was not assigned.")
    run: int | None = Field(description="The number of the run.")
    exposed: bool = Field(description="Whether the member's exposure is recorded.")


class AssignAnswer(BaseModel):
    """The assignments by experiment key. ``unknown`` lists keys that match no experiment."""

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
    """The member to assign, as query parameters."""

    unit: str = Field(min_length=1, max_length=MAX_UNIT, description="Your app's identifier for the member.")
    attributes: str | None = Field(None, description='Attributes as a JSON object, such as {"country": "DE"}.')
    preview: str | None = Field(None, description="A signed preview token. Returns its variant.")


class OneAssignment(Assignment):
    """The assignment for one experiment."""

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
        caller=call.member_agent(),
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

    Returns the unit's variant in each requested experiment. Unless ``expose`` is false, the first exposure is recorded
    before the response is sent.
    """
    return Response(answer(services(), request.environ, post_assign), headers=JSON_HEADERS + CORS_HEADERS)


@blueprint.get("/api/v1/assign/<experiment>")
@documented(tag="Apps", query=AssignQuery, answers={200: OneAssignment}, problems=(400, 404, 422), key="client")
def assign_one_view(experiment: str) -> Response:
    """Get the assignment for one experiment.

    Never records an exposure.
    """
    return Response(answer(services(), request.environ, get_assign), headers=JSON_HEADERS + CORS_HEADERS)
