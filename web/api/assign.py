"""Assignment over HTTP: which variant a unit gets, and the first exposure put on record."""

import json
import time
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field

from experiments.assignment.assign import REASONS, Assigned, assign, chosen, may_change
from experiments.assignment.configuration import LiveExperiment
from experiments.catalogue.event_types import MAX_UNIT
from experiments.errors import InvalidError, NotFoundError
from experiments.validation import required_text, shown
from web.apidocs.openapi import documented
from web.http.exchange import CORS_HEADERS, JSON_HEADERS, Call, answer, check_fields, parse_object
from web.http.services import services

blueprint = Blueprint("assign", __name__)

MAX_EXPERIMENTS = 200
MAX_ATTRIBUTES = 100

_FIELDS = frozenset({"unit", "attributes", "experiments", "expose", "share", "preview"})
_REMEDY = "send the key by which you know the member"
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
    exposed: bool = Field(description="Whether the member's exposure stands on record.")


class AssignAnswer(BaseModel):
    """One assignment an experiment; keys that name none stand under unknown."""

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
    unit = required_text(document.get("unit"), "unit", MAX_UNIT, _REMEDY)
    lives, unknown = _chosen(call, _keys(document.get("experiments")))
    attributes = _attributes(document.get("attributes"))
    expose = document.get("expose", True)
    if type(expose) is not bool:
        raise InvalidError(f"expose is {shown(expose)}; send true or false.", code="expose_invalid")
    _check_share(document.get("share"))
    found = _assign(call, lives, unit, attributes, expose, document.get("preview"))
    listed = {live.key: _document(assigned) for live, assigned in found}
    return _encode({"assignments": listed, "unknown": unknown} if unknown else {"assignments": listed}).encode()


def get_assign(call: Call) -> bytes:
    """Answer ``GET /api/v1/assign/{experiment}``: the form for the simplest apps, which never records anything."""
    key = call.environ["PATH_INFO"].rsplit("/", 1)[1]
    parameters = call.parameters()
    unit = required_text(parameters.get("unit"), "unit", MAX_UNIT, _REMEDY)
    (live,) = _chosen(call, [key])[0] or (None,)
    if live is None:
        raise NotFoundError(f"There is no experiment {key[:64]!r}; check the key.", code="experiment_unknown")
    given = parameters.get("attributes")
    attributes = _attributes(parse_object(given, what="The parameter attributes") if given else None)
    ((_, assigned),) = _assign(call, [live], unit, attributes, False, parameters.get("preview"), only=True)
    return _encode({"experiment": key, **_document(assigned)}).encode()


def _chosen(call: Call, keys: list[str] | None) -> tuple[list[LiveExperiment], list[str]]:
    """The experiments asked for; where one is unknown or not running, look whether that has just changed."""
    lives, unknown = chosen(call.services.configuration.current(), keys)
    if keys is not None and (unknown or any(may_change(live) for live in lives)):
        return chosen(call.services.configuration.latest(), keys)
    return lives, unknown


def _assign(
    call: Call,
    lives: list[LiveExperiment],
    unit: str,
    attributes: Mapping[str, Any],
    expose: bool,
    token: Any,
    *,
    only: bool = False,
) -> list[tuple[LiveExperiment, Assigned]]:
    previews: dict[str, str] = {}
    if token is not None:
        if type(token) is not str:
            raise InvalidError(f"preview is {shown(token)}; send the token as a text.", code="preview")
        key, variant = call.services.read_preview(token)
        previews[key] = variant
        live = call.services.configuration.current().experiments.get(key)
        if live is not None and live not in lives and not only:
            lives = [*lives, live]
    now_us = time.time_ns() // 1000
    found = assign(lives, unit, attributes, now_us, writer=call.services.writer, expose=expose, previews=previews)
    return list(zip(lives, found, strict=True))


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


def _keys(given: Any) -> list[str] | None:
    if given is None:
        return None
    if type(given) is not list or not all(type(key) is str for key in given):
        raise InvalidError(
            f"experiments is {shown(given)}; send a list of keys, or leave it out for all that run.",
            code="experiments_invalid",
        )
    if len(given) > MAX_EXPERIMENTS:
        raise InvalidError(
            f"{len(given):,} experiments were asked for, the most is {MAX_EXPERIMENTS}; ask in parts.",
            code="experiments_too_many",
        )
    return list(dict.fromkeys(given))


def _attributes(given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}
    if type(given) is not dict:
        raise InvalidError(
            f"attributes is {shown(given)}; send an object of names and values.", code="attributes_invalid"
        )
    if len(given) > MAX_ATTRIBUTES:
        raise InvalidError(
            f"{len(given):,} attributes came, the most is {MAX_ATTRIBUTES}; send those that rules and segments use.",
            code="attributes_too_many",
        )
    return given


def _check_share(share: Any) -> None:
    if share is not None and type(share) is not str:
        raise InvalidError(f"share is {shown(share)}; send the token of the share link, or null.", code="share_invalid")


@blueprint.post("/api/v1/assign")
@documented(tag="Apps", json=AssignRequest, answers={200: AssignAnswer}, problems=(400, 413, 422), key="client")
def assign_view() -> Response:
    """Assign a unit to variants.

    Answers with the variant of each experiment asked for and, unless ``expose`` is false, records the first exposure
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
