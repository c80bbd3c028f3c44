"""What a unit did: the check that each event passes before it is stored, the exposure it carries, and its insertion."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlmodel import Session

from experiments.assignment.configuration import LiveExperiment, ProjectConfiguration
from experiments.assignment.eligibility import chosen_by_client, hash_reason
from experiments.assignment.exposure import ExposureRow, Offer, is_bot, segment_attributes
from experiments.catalogue.event_types import KNOWN, MAX_ID, MAX_TYPE, MAX_UNIT, event_type
from experiments.errors import InvalidError
from experiments.ingestion import postgres, sqlite
from experiments.ingestion.fields import EventLimits, check_currency, check_properties, check_time, check_value
from experiments.ingestion.rows import EventRow
from experiments.validation import required_text, shown

log = logging.getLogger(__name__)


_FIELDS = frozenset({"id", "unit", "type", "at", "value", "currency", "experiment", "properties"})


class Checked(NamedTuple):
    """The events of a call that may be stored, the exposures they carry, and one entry for each that may not."""

    rows: list[EventRow]
    offers: list[Offer]
    rejected: list[dict[str, Any]]


def check_events(
    raws: Sequence[Any], *, now_us: int, limits: EventLimits, configuration: ProjectConfiguration
) -> Checked:
    """Check each event of a call alone: one bad event never fails the others."""
    rows: list[EventRow] = []
    offers: list[Offer] = []
    rejected: list[dict[str, Any]] = []
    seen: set[str] = set()
    for index, raw in enumerate(raws):
        try:
            row = check_event(raw, now_us=now_us, limits=limits, configuration=configuration)
            if row.type == "exposure" and row.experiment is not None and row.id not in seen:
                offers.append(_offer(row, raw.get("properties") or {}, configuration.experiments[row.experiment]))
        except InvalidError as error:
            rejected.append({"index": index, "code": error.code, "detail": error.detail})
        except Exception:  # whatever is wrong with one event is nothing to the others
            log.exception("An event could not be checked for an unexpected reason.")
            rejected.append(unforeseen(index))
        else:
            rows.append(row)
            seen.add(row.id)
    return Checked(rows, offers, rejected)


def unforeseen(index: int) -> dict[str, Any]:
    """The entry of an event that failed here though nothing is known to be wrong with it."""
    detail = "Something failed here that should not; the log has the details. Send this event again, with the same id."
    return {"index": index, "code": "internal", "detail": detail}


def check_event(raw: Any, *, now_us: int, limits: EventLimits, configuration: ProjectConfiguration) -> EventRow:
    """Make a row of an event, or say what is wrong with it.

    Parameters
    ----------
    raw
        The event as it came, numbers with a decimal point as `Decimal`.
    now_us
        The moment of arrival, microseconds UTC; also the event's time where it names none.

    Raises
    ------
    InvalidError
        With a stable code, and a detail that names the value, the bound and the remedy.
    """
    if type(raw) is not dict:
        raise InvalidError(f"The event is {shown(raw)}; it must be a JSON object.", code="not_an_object")
    if not raw.keys() <= _FIELDS:
        extra = ", ".join(sorted(repr(name) for name in raw.keys() - _FIELDS))
        raise InvalidError(
            f"An event has no field {extra[:200]}; the fields are {', '.join(sorted(_FIELDS))}. "
            "Put whatever else you know into properties.",
            code="field_unknown",
        )
    event_id = required_text(
        raw.get("id"),
        "id",
        MAX_ID,
        "make one for each event, such as a UUID, and repeat it when you send the event again",
    )
    unit = required_text(raw.get("unit"), "unit", MAX_UNIT, "send the key by which you know the member")
    name = required_text(raw.get("type"), "type", MAX_TYPE, "send a type such as click, or a name of your own")
    if name not in KNOWN and name.lower() in KNOWN:
        raise InvalidError(
            f"The type {name!r} is not {name.lower()!r}: types are case-sensitive. Send {name.lower()!r}, or "
            "another name if it is an event of your own.",
            code="type_misspelt",
        )
    experiment = _experiment(raw.get("experiment"), name, configuration)
    kind = event_type(name)
    value_micro = check_value(raw.get("value"), kind.value, name)
    return EventRow(
        configuration.project_id,
        event_id,
        unit,
        name,
        check_time(raw.get("at"), now_us, limits),
        now_us,
        value_micro,
        check_currency(raw.get("currency"), kind.value, experiment, limits),
        experiment.key if experiment else None,
        check_properties(raw.get("properties"), kind),
    )


def _experiment(key: Any, name: str, configuration: ProjectConfiguration) -> LiveExperiment | None:
    if key is None:
        if name == "exposure":
            raise InvalidError(
                "An exposure names no experiment; send its key in experiment.", code="experiment_missing"
            )
        return None
    live = configuration.experiments.get(key) if type(key) is str else None
    if live is None:
        raise InvalidError(
            f"There is no experiment {shown(key)}; check the key, or leave experiment out.", code="experiment_unknown"
        )
    if name == "exposure" and live.state == "archived":
        raise InvalidError(
            f"The experiment {live.key} is archived, so exposures to it are no longer taken; make a new experiment.",
            code="experiment_archived",
        )
    if name == "exposure" and (live.run_id is None or not live.edges):
        raise InvalidError(
            f"The experiment {live.key} has not been launched, so it has no exposures yet; launch it first.",
            code="experiment_not_launched",
        )
    return live


def _offer(row: EventRow, properties: dict[str, Any], live: LiveExperiment) -> Offer:
    """The exposure that an event of type exposure carries: what the server would assign, and what the app has shown."""
    reported = properties.get("variant")
    if reported is not None and (type(reported) is not str or reported not in live.variant_of):
        raise InvalidError(
            f"The variant {shown(reported)} is none of {live.key}; it has {', '.join(live.variant_of)}.",
            code="variant_unknown",
        )
    attributes = properties.get("attributes")
    attributes = attributes if type(attributes) is dict else {}
    named = properties.get("epoch")
    chosen = chosen_by_client(live, row.unit, reported, row.at_us, named if type(named) is int else None)
    # Where the app sends no attributes, the targeting cannot be checked and counts as fulfilled.
    fits = not attributes or live.matches is None or live.matches(attributes)
    return Offer(
        ExposureRow(
            live.project_id,
            live.run_id or 0,
            row.unit,
            live.variants[chosen.position].key,
            row.at_us,
            row.received_us,
            "randomised",
            chosen.epoch,
            is_bot(attributes) or is_bot(properties),
            segment_attributes(attributes, live.segments),
        ),
        reported,
        fits and hash_reason(live, row.unit) is None,
        row.id,
    )


def bulk_insert(session: Session, rows: Sequence[EventRow]) -> int:
    """Insert many events inside the caller's transaction; ids that exist stay as they are.

    Returns
    -------
    int
        How many were new.
    """
    if not rows:
        return 0
    session.flush()
    raw: Any = session.connection().connection.driver_connection
    first = {row[:2]: row for row in reversed(rows)}
    ordered = [first[key] for key in sorted(first)]
    if session.get_bind().dialect.name == "sqlite":
        return len(sqlite.insert_events(raw, ordered))
    return len(postgres.insert_events(raw, ordered))
