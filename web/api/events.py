"""Events over HTTP: store what members did before acknowledging it, each id once."""

import json
import time
from typing import Any, Literal

from flask import Blueprint, Response, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from experiments.catalogue.event_types import COMMON, EVENT_TYPES, MAX_ID, MAX_TYPE
from experiments.catalogue.units import MAX_UNIT
from experiments.errors import InvalidError, UnavailableError
from experiments.ingestion.events import Checked, check_events, unforeseen
from experiments.ingestion.fields import EventLimits
from experiments.ingestion.warnings import warnings_of
from web.apidocs.openapi import documented
from web.http.counters import observe_events
from web.http.exchange import CORS_HEADERS, JSON_HEADERS, Call, answer, check_fields
from web.http.services import services

blueprint = Blueprint("events", __name__)

_FIELDS = frozenset({"events"})
_TYPES = ", ".join(kind.key for kind in EVENT_TYPES)
_PERHAPS_NEW = ("experiment_unknown", "experiment_not_launched")
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


EventProperties: type[BaseModel] = create_model(
    "EventProperties",
    __config__=ConfigDict(extra="allow"),
    __doc__="Additional data, up to 32 KB. Any name is accepted; the names below have a meaning for some event types.",
    **{  # type: ignore[call-overload]  # pydantic types the fields one by one
        found.name: (
            found.type | None,
            Field(None, ge=found.low, le=found.high, description=f"For {kind.key} events: {found.meaning}."),
        )
        for kind in EVENT_TYPES
        for found in kind.properties
    },
    **{
        found.name: (found.type | None, Field(None, description=f"For any event: {found.meaning}.")) for found in COMMON
    },
)


class Event(BaseModel):
    """One action of one member."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(
        max_length=MAX_ID, description="Unique id of the event. Use the same id when you retry; duplicates are ignored."
    )
    unit: str = Field(min_length=1, max_length=MAX_UNIT, description="Your app's identifier for the member.")
    type: str = Field(
        max_length=MAX_TYPE, description=f"{', '.join(kind.key for kind in EVENT_TYPES)}, or a custom name."
    )
    at: AwareDatetime | None = Field(
        None,
        description="When the event happened. Defaults to the time of receipt; set it for events sent later.",
    )
    value: float | str | None = Field(
        None, description="A number with at most 6 decimal places; its meaning depends on the event type."
    )
    currency: str | None = Field(
        None, pattern="^[A-Z]{3}$", description="Currency of the value, an ISO 4217 code such as EUR."
    )
    experiment: str | None = Field(None, description="Key of the experiment. Required for exposures.")
    properties: EventProperties | None = Field(  # type: ignore[valid-type]  # a model made of EVENT_TYPES
        None, description="Additional data, up to 32 KB."
    )


class EventsRequest(BaseModel):
    """A batch of up to 2,500 events and 1 MiB."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {"id": "3f6c1c1e-click", "unit": "u-123", "type": "click"},
                        {
                            "id": "3f6c1c1e-order",
                            "unit": "u-123",
                            "type": "purchase",
                            "at": "2026-11-23T08:04:00Z",
                            "value": 49.90,
                            "currency": "EUR",
                            "properties": {"sku": "A1"},
                        },
                        {
                            "id": "3f6c1c1e-post",
                            "unit": "u-123",
                            "type": "mention",
                            "properties": {"reach": 1200, "sentiment": 0.6},
                        },
                    ]
                }
            ]
        },
    )
    events: list[Event]


class RejectedEvent(BaseModel):
    """An event that was not stored; ``index`` is its position in the request, from 0."""

    index: int
    code: str
    detail: str


class EventWarning(BaseModel):
    """An event that was stored but changes no figure; ``index`` is its position in the request, from 0."""

    index: int
    code: Literal["type_counted_by_nothing", "unit_not_exposed"]
    detail: str


class EventsAnswer(BaseModel):
    """The outcome of a batch. Accepted events are committed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"accepted": 3, "duplicates": 0, "rejected": [], "warnings": []},
                {
                    "accepted": 1,
                    "duplicates": 0,
                    "rejected": [
                        {"index": 1, "code": "value_negative", "detail": "A purchase's value must be 0 or more."}
                    ],
                    "warnings": [
                        {
                            "index": 0,
                            "code": "type_counted_by_nothing",
                            "detail": "No metric counts events of the type 'unsubscribe'. Did you mean 'negative'?",
                        }
                    ],
                },
            ]
        }
    )
    accepted: int
    duplicates: int
    rejected: list[RejectedEvent]
    warnings: list[EventWarning]


def post_events(call: Call) -> bytes:
    """Answer ``POST /api/v1/events``."""
    document = call.document(exact=True)
    check_fields(document, _FIELDS)
    raws = document.get("events")
    most = call.services.settings.max_batch_events
    if type(raws) is not list:
        raise InvalidError('The body has no list of events; send {"events": [...]}.', code="events_missing")
    if len(raws) > most:
        raise InvalidError(
            f"The call has {len(raws):,} events, the most is {most:,}; send them in parts.", code="events_too_many"
        )
    checked = _checked(call, raws)
    appended = call.services.writer.append_events(checked.rows, checked.offers)
    rejected = checked.rejected
    if appended.failed:
        places = [place for place, raw in enumerate(raws) if _id(raw) in appended.failed]
        taken = {entry["index"] for entry in rejected}
        rejected = sorted(
            [*rejected, *(unforeseen(place) for place in places if place not in taken)],
            key=lambda entry: entry["index"],
        )
    observe_events(appended.accepted, appended.duplicates, rejected)
    counts = {"accepted": appended.accepted, "duplicates": appended.duplicates}
    warnings = _warnings(call, raws, {entry["index"] for entry in rejected})
    return _encode(counts | {"rejected": rejected, "warnings": warnings}).encode()


def _warnings(call: Call, raws: list[Any], rejected: set[int]) -> list[dict[str, Any]]:
    configuration = call.services.configuration.current().of(call.identity.project_id)
    try:
        warned = warnings_of(raws, rejected, configuration, call.services.writer.recorded)
    except UnavailableError:  # the events are stored, which a warning must not deny
        return []
    return [{"index": entry.place, "code": entry.code, "detail": entry.detail} for entry in warned]


def _id(raw: Any) -> str | None:
    return raw["id"] if type(raw) is dict and type(raw.get("id")) is str else None


def _checked(call: Call, raws: list[Any]) -> Checked:
    """Check the events; if one names an experiment that is not in the snapshot, check again with the latest one."""
    now_us, limits = time.time_ns() // 1000, EventLimits.of(call.services.settings)
    project_id = call.identity.project_id
    configuration = call.services.configuration.current()
    caller = call.member_agent()
    checked = check_events(
        raws, now_us=now_us, limits=limits, configuration=configuration.of(project_id), caller=caller
    )
    if any(entry["code"] in _PERHAPS_NEW for entry in checked.rejected):
        latest = call.services.configuration.latest()
        if latest is not configuration:
            checked = check_events(
                raws, now_us=now_us, limits=limits, configuration=latest.of(project_id), caller=caller
            )
    return checked


@blueprint.post("/api/v1/events")
@documented(tag="Apps", json=EventsRequest, answers={200: EventsAnswer}, problems=(400, 413, 422), key="client")
def events_view() -> Response:
    """Log events.

    An invalid event does not affect the others in the batch. Events whose id is already stored count as duplicates.
    Events that are stored but that nothing counts, and those that name an experiment their unit was never exposed to,
    get a warning.
    """
    return Response(answer(services(), request.environ, post_events), headers=JSON_HEADERS + CORS_HEADERS)
