"""What a unit did: the visible list of event types, and the check that each event passes before it is stored."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlmodel import Session

from experiments import append_postgres, append_sqlite
from experiments.configuration import Configuration, LiveExperiment
from experiments.currencies import CURRENCIES
from experiments.eligibility import hash_reason, hashed
from experiments.errors import InvalidError
from experiments.exposure import ExposureRow, Offer, is_bot, segment_attributes
from experiments.settings import Settings
from experiments.validation import shown

log = logging.getLogger(__name__)


class EventType(NamedTuple):
    """A kind of action. ``value`` says what its value means: none, money, seconds, rating or number."""

    name: str
    value: str
    description: str


EVENT_TYPES: tuple[EventType, ...] = (
    EventType("exposure", "none", "The member met a variant; needs `experiment`; `properties.variant` says which."),
    EventType("view", "number", "The member saw the content or a page."),
    EventType("click", "number", "The member followed the call to action."),
    EventType("dwell", "seconds", "How long the member stayed: 0 to 604,800 seconds."),
    EventType("share", "number", "The member passed the content on."),
    EventType("purchase", "money", "The member bought: the amount and its currency."),
    EventType("comment", "number", "The member wrote a comment."),
    EventType("review", "rating", "The member rated: 1 to 5."),
    EventType("mention", "number", "A post about the brand; `properties.reach` (people), `properties.sentiment` (-1 to 1)."),
    EventType("negative", "number", "The member hid, reported, unsubscribed or complained."),
)  # fmt: skip
"""Any other name is a custom event, whose value is a plain number or absent."""

VALUE_MEANINGS = {
    "none": "no value",
    "money": "the amount paid, 0 or more, in currency",
    "seconds": "seconds, 0 to 604,800",
    "rating": "a rating, 1 to 5",
    "number": "a number of your own, or none",
}
"""What an event's value means, by the kind that its type declares."""

VALUE_KINDS = {kind.name: kind.value for kind in EVENT_TYPES}
MAX_UNIT = 256
MAX_ID = 128
MAX_TYPE = 64
MAX_PROPERTIES_BYTES = 32_768
MAX_VALUE = 1_000_000_000
MAX_DWELL_SECONDS = 7 * 86_400

_FIELDS = frozenset({"id", "unit", "type", "at", "value", "currency", "experiment", "properties"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=float).encode


class EventRow(NamedTuple):
    """What the table holds: times in microseconds UTC, value in millionths, ``properties`` a mapping or JSON text."""

    id: str
    unit: str
    type: str
    at_us: int
    received_us: int
    value_micro: int | None = None
    currency: str | None = None
    experiment: str | None = None
    properties: Mapping[str, Any] | str | None = None


@dataclass(frozen=True, slots=True)
class EventLimits:
    """How old and how far ahead an event may be, in microseconds, and the currency where an event names none."""

    max_age_us: int
    max_ahead_us: int
    currency: str

    @classmethod
    def of(cls, settings: Settings) -> "EventLimits":
        """The limits that the settings give."""
        return cls(
            settings.event_max_age_days * 86_400_000_000,
            settings.event_max_ahead_seconds * 1_000_000,
            settings.currency,
        )


class Checked(NamedTuple):
    """The events of a call that may be stored, the exposures they carry, and one entry for each that may not."""

    rows: list[EventRow]
    offers: list[Offer]
    rejected: list[dict[str, Any]]


def check_events(raws: Sequence[Any], *, now_us: int, limits: EventLimits, configuration: Configuration) -> Checked:
    """Check each event of a call by itself: one bad event never fails the others."""
    rows: list[EventRow] = []
    offers: list[Offer] = []
    rejected: list[dict[str, Any]] = []
    seen: set[str] = set()
    for index, raw in enumerate(raws):
        try:
            row = check_event(raw, now_us=now_us, limits=limits, configuration=configuration)
            if row.type == "exposure" and row.id not in seen:
                offers.append(_offer(row, raw.get("properties") or {}, configuration.experiments[row.experiment]))  # type: ignore[index]
        except InvalidError as error:
            rejected.append({"index": index, "code": error.code, "detail": error.detail})
        except Exception:  # whatever is wrong with one event is nothing to the others
            log.exception("An event could not be checked for a reason nobody foresaw.")
            rejected.append(unforeseen(index))
        else:
            rows.append(row)
            seen.add(row.id)
    return Checked(rows, offers, rejected)


def unforeseen(index: int) -> dict[str, Any]:
    """The entry of an event that failed here though nothing is known to be wrong with it."""
    detail = "Something failed here that should not; the log has the details. Send this event again, with the same id."
    return {"index": index, "code": "internal", "detail": detail}


def check_event(raw: Any, *, now_us: int, limits: EventLimits, configuration: Configuration) -> EventRow:
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
    event_id = check_text(
        raw.get("id"),
        "id",
        MAX_ID,
        "make one for each event, such as a UUID, and repeat it when you send the event again",
    )
    unit = check_text(raw.get("unit"), "unit", MAX_UNIT, "send the key by which you know the member")
    name = check_text(raw.get("type"), "type", MAX_TYPE, "send a type such as click, or a name of your own")
    if name not in VALUE_KINDS and name.lower() in VALUE_KINDS:
        raise InvalidError(
            f"The type {name!r} is not {name.lower()!r}: types are told apart by capitals. Send {name.lower()!r}, or "
            "another name if it is an event of your own.",
            code="type_misspelt",
        )
    experiment = _experiment(raw.get("experiment"), name, configuration)
    value_micro = _value(raw.get("value"), VALUE_KINDS.get(name, "number"), name)
    return EventRow(
        event_id,
        unit,
        name,
        _time(raw.get("at"), now_us, limits),
        now_us,
        value_micro,
        _currency(raw.get("currency"), VALUE_KINDS.get(name, "number"), experiment, limits),
        experiment.key if experiment else None,
        _properties(raw.get("properties"), name),
    )


def check_text(value: Any, field: str, longest: int, remedy: str) -> str:
    """A text that is there, not too long, and that every engine can store.

    Raises
    ------
    InvalidError
        ``FIELD_missing``, ``FIELD_too_long`` or ``FIELD_invalid``.
    """
    if value is None or value == "":
        raise InvalidError(f"The {field} is missing; {remedy}.", code=f"{field}_missing")
    if type(value) is not str:
        raise InvalidError(
            f"The {field} is {shown(value)}; it must be a text, so put it in quotes.", code=f"{field}_invalid"
        )
    if len(value) > longest:
        raise InvalidError(
            f"The {field} has {len(value)} characters, the most is {longest}; {remedy}.", code=f"{field}_too_long"
        )
    if not value.isprintable() and (not value.strip() or any(_unstorable(letter) for letter in value)):
        raise InvalidError(
            f"The {field} {value[:40]!r} holds a control character or half of a character; {remedy}.",
            code=f"{field}_invalid",
        )
    if value.isspace():
        raise InvalidError(f"The {field} is blank; {remedy}.", code=f"{field}_missing")
    return value


def _unstorable(letter: str) -> bool:
    return letter < " " or letter == "\x7f" or "\ud800" <= letter <= "\udfff"


def _experiment(key: Any, name: str, configuration: Configuration) -> LiveExperiment | None:
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
            f"The experiment {live.key} has not been launched, so nobody can have met it; launch it first.",
            code="experiment_not_launched",
        )
    return live


def _time(value: Any, now_us: int, limits: EventLimits) -> int:
    if value is None:
        return now_us
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidError(
            f"The time {shown(value)} cannot be read; write it as 2026-11-23T08:00:00Z.", code="time_invalid"
        ) from None
    if moment.tzinfo is None:
        raise InvalidError(
            f"The time {value} does not say its zone; write it in UTC with a Z at its end.", code="time_without_zone"
        )
    since = moment - _EPOCH
    at_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if at_us > now_us + limits.max_ahead_us:
        raise InvalidError(
            f"The time {value} is {(at_us - now_us) / 1e6:,.0f} seconds ahead of our clock, the most is "
            f"{limits.max_ahead_us // 1_000_000}; check the clock, or leave at out to have it stamped on arrival.",
            code="time_in_future",
        )
    if at_us < now_us - limits.max_age_us:
        raise InvalidError(
            f"The time {value} is {(now_us - at_us) / 86_400e6:,.1f} days ago, the oldest accepted is "
            f"{limits.max_age_us // 86_400_000_000} days; bring older data in with `klette import`.",
            code="time_too_old",
        )
    return at_us


def to_micro(value: Any) -> int:
    """Whole millionths of a number, exactly.

    Raises
    ------
    InvalidError
        Where it is no number, is over the bound of 1,000,000,000, or has more than six decimals.
    """
    if type(value) is str:
        try:
            value = Decimal(value)
        except ArithmeticError:
            raise InvalidError(
                f"The value {shown(value)} is no number; write it as 49.90.", code="value_invalid"
            ) from None
    elif type(value) is float:
        value = Decimal(repr(value))
    if type(value) is int:
        if abs(value) <= MAX_VALUE:
            return value * 1_000_000
    elif type(value) is not Decimal or not value.is_finite():
        raise InvalidError(f"The value {shown(value)} is no number; write it as 49.90.", code="value_invalid")
    if abs(value) > MAX_VALUE:
        raise InvalidError(
            f"The value {shown(value)} is beyond {MAX_VALUE:,} either way; check its unit.", code="value_out_of_range"
        )
    micro = int(value * 1_000_000)
    if Decimal(micro).scaleb(-6) != value:
        raise InvalidError(
            f"The value {shown(value)} has more than 6 decimals; round it before you send it.", code="value_too_fine"
        )
    return micro


def _value(value: Any, kind: str, name: str) -> int | None:
    if value is None:
        if kind in ("money", "seconds", "rating"):
            raise InvalidError(f"A {name} needs a value ({VALUE_MEANINGS[kind]}); send it.", code="value_missing")
        return None
    if kind == "none":
        raise InvalidError(f"A {name} has no value, but {shown(value)} came; leave value out.", code="value_unexpected")
    micro = to_micro(value)
    if kind == "money" and micro < 0:
        raise InvalidError(
            f"The amount {value} is negative, the least is 0; send what was paid, and money given back as an event of "
            "your own, such as refund.",
            code="value_negative",
        )
    if kind == "seconds" and not 0 <= micro <= MAX_DWELL_SECONDS * 1_000_000:
        raise InvalidError(
            f"The value {value} is not within 0 to {MAX_DWELL_SECONDS:,} seconds (a week); send seconds.",
            code="value_out_of_range",
        )
    if kind == "rating" and not 1_000_000 <= micro <= 5_000_000:
        raise InvalidError(f"The rating {value} is not within 1 to 5; scale yours to that.", code="value_out_of_range")
    return micro


def _currency(value: Any, kind: str, experiment: LiveExperiment | None, limits: EventLimits) -> str | None:
    expected = experiment.currency if experiment else None
    if value is None:
        return (expected or limits.currency) if kind == "money" else None
    if type(value) is not str or value not in CURRENCIES:
        raise InvalidError(
            f"The currency {shown(value)} is none in use; write three capital letters of ISO 4217, such as EUR.",
            code="currency_invalid",
        )
    if kind == "money" and expected and value != expected:
        raise InvalidError(
            f"The currency is {value}, but the experiment {experiment.key} counts in {expected}; "  # type: ignore[union-attr]
            "convert the amount before you send it.",
            code="currency_wrong",
        )
    return value if kind in ("money", "number") else None


def _properties(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if type(value) is not dict:
        raise InvalidError(f"The properties are {shown(value)}; they must be a JSON object.", code="properties_invalid")
    if not value:
        return None
    if name == "mention":
        _check_mention(value)
    try:
        text = _encode(value)
        size = len(text.encode())
    except (ValueError, RecursionError):
        raise InvalidError(
            "The properties hold a number or a character that cannot be stored; leave it out.",
            code="properties_invalid",
        ) from None
    if size > MAX_PROPERTIES_BYTES:
        raise InvalidError(
            f"The properties have {size:,} bytes, the most is {MAX_PROPERTIES_BYTES:,}; send what is needed alone.",
            code="properties_too_large",
        )
    if "\\u0000" in text and _NUL.search(text):
        raise InvalidError("The properties hold a NUL character; leave it out.", code="properties_invalid")
    return text


def _check_mention(properties: dict[str, Any]) -> None:
    for field, low, high in (("sentiment", -1, 1), ("reach", 0, MAX_VALUE)):
        value = properties.get(field)
        if value is None:
            continue
        if type(value) not in (int, float, Decimal) or not low <= value <= high:
            raise InvalidError(
                f"The {field} of a mention is {shown(value)}; send a number from {low:,} to {high:,}, or leave it out.",
                code=f"{field}_invalid",
            )


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
    # Where the app sends no attributes, the targeting cannot be judged and is taken as met.
    fits = not attributes or live.matches is None or live.matches(attributes)
    return Offer(
        ExposureRow(
            live.run_id,  # type: ignore[arg-type]
            row.unit,
            live.variants[hashed(live, row.unit)].key,
            row.at_us,
            row.received_us,
            "randomised",
            1,
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
    raw = session.connection().connection.driver_connection
    first = {row.id: row for row in reversed(rows)}
    ordered = [first[key] for key in sorted(first)]
    if session.get_bind().dialect.name == "sqlite":
        return len(append_sqlite.insert_events(raw, ordered))
    return len(append_postgres.insert_events(raw, ordered))
