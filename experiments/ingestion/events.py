"""Events: validation, the exposures that some of them report, and bulk insert."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlmodel import Session

from experiments.assignment.agents import is_crawler, is_named_crawler
from experiments.assignment.configuration import LiveExperiment, ProjectConfiguration
from experiments.assignment.eligibility import chosen_by_client, hash_reason, run_at
from experiments.assignment.exposure import ExposureRow, Offer, is_bot, segment_attributes
from experiments.catalogue.event_flags import BOT, EMAIL, EMAIL_CLICK, SCANNER
from experiments.catalogue.event_types import KNOWN, MAX_ID, MAX_TYPE, event_type
from experiments.catalogue.units import required_unit
from experiments.errors import InvalidError
from experiments.ingestion import postgres, sqlite
from experiments.ingestion.fields import EventLimits, check_currency, check_properties, check_time, check_value
from experiments.ingestion.rows import EventRow
from experiments.validation import required_text, shown

log = logging.getLogger(__name__)


_FIELDS = frozenset({"id", "unit", "type", "at", "value", "currency", "experiment", "properties"})


class Checked(NamedTuple):
    """The valid events of a request, their exposures, and an entry for each rejected event."""

    rows: list[EventRow]
    offers: list[Offer]
    rejected: list[dict[str, Any]]


def check_events(
    raws: Sequence[Any],
    *,
    now_us: int,
    limits: EventLimits,
    configuration: ProjectConfiguration,
    caller: str | None = None,
) -> Checked:
    """Check each event of a request separately, so that an invalid event does not affect the others.

    Parameters
    ----------
    caller
        The ``User-Agent`` header of a call from a member's own device; None for calls of a back end.
    """
    scanned = caller is not None and is_named_crawler(caller)
    rows: list[EventRow] = []
    offers: list[Offer] = []
    rejected: list[dict[str, Any]] = []
    seen: set[str] = set()
    for index, raw in enumerate(raws):
        try:
            row = check_event(raw, now_us=now_us, limits=limits, configuration=configuration, scanned=scanned)
            if row.type == "exposure" and row.experiment is not None and row.id not in seen:
                live = configuration.experiments[row.experiment]
                offers.append(_offer(row, raw.get("properties") or {}, live))
        except InvalidError as error:
            rejected.append({"index": index, "code": error.code, "detail": error.detail})
        except Exception:  # an unexpected error of one event must not affect the others
            log.exception("An event could not be checked for an unexpected reason.")
            rejected.append(unforeseen(index))
        else:
            rows.append(row)
            seen.add(row.id)
    return Checked(rows, offers, rejected)


def unforeseen(index: int) -> dict[str, Any]:
    """Return the entry of an event that failed because of an internal error."""
    detail = "An internal error occurred; the log has the details. Send this event again, with the same id."
    return {"index": index, "code": "internal", "detail": detail}


def check_event(
    raw: Any, *, now_us: int, limits: EventLimits, configuration: ProjectConfiguration, scanned: bool = False
) -> EventRow:
    """Return the row of a valid event.

    Parameters
    ----------
    raw
        The event as sent, with decimal numbers as `Decimal`.
    now_us
        The time of arrival, microseconds UTC; also the event's time if it has none.
    scanned
        Whether a crawler, previewer or scanner makes the call itself.

    Raises
    ------
    InvalidError
        With a stable code, and a detail with the value, the bound and the remedy.
    """
    if type(raw) is not dict:
        raise InvalidError(f"The event is {shown(raw)}; it must be a JSON object.", code="not_an_object")
    if not raw.keys() <= _FIELDS:
        extra = ", ".join(sorted(repr(name) for name in raw.keys() - _FIELDS))
        raise InvalidError(
            f"An event has no field {extra[:200]}; the fields are {', '.join(sorted(_FIELDS))}. "
            "Put further data into properties.",
            code="field_unknown",
        )
    event_id = required_text(
        raw.get("id"),
        "id",
        MAX_ID,
        "create one for each event, such as a UUID, and reuse it when you send the event again",
    )
    unit = required_unit(raw.get("unit"))
    name = _type(raw.get("type"))
    experiment = _experiment(raw.get("experiment"), name, configuration)
    kind = event_type(name)
    value_micro = check_value(raw.get("value"), kind.value, name)
    properties = raw.get("properties")
    stored = check_properties(properties, kind)
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
        flag_of(name, properties, scanned),
        stored,
    )


def _type(value: Any) -> str:
    name = required_text(value, "type", MAX_TYPE, "send a type such as click, or a custom name")
    if name not in KNOWN and name.lower() in KNOWN:
        raise InvalidError(
            f"The type {name!r} is not {name.lower()!r}: types are case-sensitive. Send {name.lower()!r}, or "
            "another name for a custom event.",
            code="type_misspelt",
        )
    return name


def flag_of(name: str, properties: Mapping[str, Any] | None, scanned: bool = False) -> int | None:
    """Return the flag of an event with these properties (`experiments.catalogue.event_flags`), None for most events.

    Parameters
    ----------
    scanned
        Whether a crawler, previewer or scanner made the call itself; what the properties say comes first.
    """
    if not properties:
        return SCANNER if scanned else None
    marked, agent, channel = properties.get("bot"), properties.get("user_agent"), properties.get("channel")
    if marked is True:
        return BOT
    if is_crawler(agent) if type(agent) is str else scanned and marked is not False:
        return SCANNER
    if name == "click" and type(channel) is str and channel.strip().lower().replace("-", "") == EMAIL:
        return EMAIL_CLICK
    return None


def _experiment(key: Any, name: str, configuration: ProjectConfiguration) -> LiveExperiment | None:
    if key is None:
        if name == "exposure":
            raise InvalidError("The exposure has no experiment; send its key in experiment.", code="experiment_missing")
        return None
    live = configuration.experiments.get(key) if type(key) is str else None
    if live is None:
        raise InvalidError(
            f"There is no experiment {shown(key)}; check the key, or omit experiment.", code="experiment_unknown"
        )
    if name == "exposure" and (live.run_id is None or not live.edges):
        raise InvalidError(
            f"The experiment {live.key} has not been launched; launch it first.",
            code="experiment_not_launched",
        )
    return live


def _offer(row: EventRow, properties: dict[str, Any], live: LiveExperiment) -> Offer:
    """Return the exposure of an event: the variant that the server would assign, and the one that the app showed.

    It belongs to the run of its own time: an app may report what an earlier run showed after the weights changed.
    """
    run, outside = run_at(live, row.at_us)
    reported = properties.get("variant")
    known = [variant.key for variant in run.variants]
    if reported is not None and reported not in known:
        raise InvalidError(
            f"{live.key} has no variant {shown(reported)}; its variants are {', '.join(known)}.",
            code="variant_unknown",
        )
    attributes = properties.get("attributes")
    attributes = attributes if type(attributes) is dict else {}
    named = properties.get("epoch")
    chosen = chosen_by_client(run, row.unit, reported, row.at_us, named if type(named) is int else None)
    # Without attributes the targeting cannot be checked, and counts as matched.
    targeted = not attributes or live.matches is None or live.matches(attributes)
    return Offer(
        ExposureRow(
            live.project_id,
            run.run_id or 0,
            row.unit,
            run.variants[chosen.position].key,
            row.at_us,
            row.received_us,
            "randomised",
            chosen.epoch,
            _by_bot(row, attributes),
            segment_attributes(attributes, live.segments),
        ),
        reported,
        targeted and hash_reason(live, row.unit) is None,
        row.id,
        outside,
    )


def _by_bot(row: EventRow, attributes: Mapping[str, Any]) -> bool:
    """Return whether no person was exposed; what the member's attributes say comes before the caller's header."""
    described = "bot" in attributes or "user_agent" in attributes
    return is_bot(attributes) or row.flag == BOT or (row.flag == SCANNER and not described)


def bulk_insert(session: Session, rows: Sequence[EventRow]) -> int:
    """Insert many events in the caller's transaction; existing ids are kept.

    Returns
    -------
    int
        The number of new ones.
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
