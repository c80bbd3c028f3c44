"""The fields of an event: checks that each value is valid and storable in every database."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from experiments.assignment.configuration import LiveExperiment
from experiments.catalogue.currencies import read_code
from experiments.catalogue.event_types import MAX_PROPERTIES_BYTES, EventType, Property
from experiments.catalogue.event_values import MAX_VALUE, Value
from experiments.errors import InvalidError
from experiments.settings import Settings
from experiments.validation import shown

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_LEAP_SECOND = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}):60((?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?)"
)
_NUMBER = re.compile(r"\s*[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?\s*")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=float).encode


@dataclass(frozen=True, slots=True)
class EventLimits:
    """The maximum age and clock lead of an event in microseconds, and the default currency."""

    max_age_us: int
    max_ahead_us: int
    currency: str

    @classmethod
    def of(cls, settings: Settings) -> "EventLimits":
        """Return the limits of the settings."""
        return cls(
            settings.event_max_age_days * 86_400_000_000,
            settings.event_max_ahead_seconds * 1_000_000,
            settings.currency,
        )


def check_time(value: Any, now_us: int, limits: EventLimits) -> int:
    """Return an event's time in microseconds UTC; the current time if it has none."""
    if value is None:
        return now_us
    try:
        moment = read_time(value)
    except (TypeError, ValueError):
        raise InvalidError(
            f"The time {shown(value)} is not valid; write it as 2026-11-23T08:00:00Z.", code="time_invalid"
        ) from None
    if moment.tzinfo is None:
        raise InvalidError(
            f"The time {value} has no time zone; write it in UTC with a final Z.", code="time_without_zone"
        )
    since = moment - _EPOCH
    at_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if at_us > now_us + limits.max_ahead_us:
        raise InvalidError(
            f"The time {value} is {(at_us - now_us) / 1e6:,.0f} seconds ahead of the server's clock, the "
            f"maximum is {limits.max_ahead_us // 1_000_000}; check the clock, or omit at to use the time of arrival.",
            code="time_in_future",
        )
    if at_us < now_us - limits.max_age_us:
        raise InvalidError(
            f"The time {value} is {(now_us - at_us) / 86_400e6:,.1f} days ago, the maximum is "
            f"{limits.max_age_us // 86_400_000_000} days; import older data with `klette import`.",
            code="time_too_old",
        )
    return at_us


def read_time(text: str) -> datetime:
    """Return a time of RFC 3339 or ISO 8601, with or without a zone.

    A ``t`` or ``z`` may be small. A leap second, ``23:59:60``, is the first second of the next minute, as in Unix time.

    Raises
    ------
    TypeError, ValueError
        It is no text, or no such time.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        leap = _LEAP_SECOND.fullmatch(text)
        if leap:
            return datetime.fromisoformat(f"{leap[1]}:59{leap[2]}".upper()) + timedelta(seconds=1)
        return datetime.fromisoformat(text.upper())


def decimal_of(text: str) -> Decimal:
    """Return a number written with ASCII digits; raise `ArithmeticError` for anything else.

    `Decimal` reads ``1_000`` and the digits of every script, which other systems do not.
    """
    if not _NUMBER.fullmatch(text):
        raise InvalidOperation(text)
    return Decimal(text)


def to_micro(value: Any) -> int:
    """Return a number in millionths, exactly.

    Raises
    ------
    InvalidError
        The value is not a number, is beyond ±1,000,000,000, or has more than six decimals.
    """
    if type(value) is str:
        try:
            value = decimal_of(value)
        except ArithmeticError:
            raise InvalidError(
                f"The value {shown(value)} is not a number; write it as 49.90.", code="value_invalid"
            ) from None
    elif type(value) is float:
        value = Decimal(repr(value))
    if type(value) is int:
        if abs(value) <= MAX_VALUE:
            return value * 1_000_000
    elif type(value) is not Decimal or not value.is_finite():
        raise InvalidError(f"The value {shown(value)} is not a number; write it as 49.90.", code="value_invalid")
    if abs(value) > MAX_VALUE:
        raise InvalidError(
            f"The value {shown(value)} is beyond ±{MAX_VALUE:,}; check its unit.", code="value_out_of_range"
        )
    micro = int(value * 1_000_000)
    if Decimal(micro).scaleb(-6) != value:
        raise InvalidError(f"The value {shown(value)} has more than 6 decimals; round it.", code="value_too_fine")
    return micro


def check_value(value: Any, meaning: Value, name: str) -> int | None:
    """Return an event's value in millionths; `meaning` is its type's, `name` the type.

    Raises
    ------
    InvalidError
        The value is out of bounds, unexpected, or missing for a type that needs one.
    """
    if value is None:
        if meaning.required:
            raise InvalidError(f"A {name} needs a value ({meaning.meaning}); send it.", code="value_missing")
        return None
    if meaning.key == "none":
        raise InvalidError(f"A {name} has no value, but value is {shown(value)}; omit it.", code="value_unexpected")
    micro = to_micro(value)
    meaning.check(micro, value)
    return micro


def check_currency(value: Any, meaning: Value, experiment: LiveExperiment | None, limits: EventLimits) -> str | None:
    """Return an amount's currency: its own, the experiment's or the default; None without an amount."""
    expected = experiment.currency if experiment else None
    if value is None:
        return (expected or limits.currency) if meaning.key == "money" else None
    if type(value) is not str or (code := read_code(value)) is None:
        raise InvalidError(
            f"The currency {shown(value)} is not an ISO 4217 code; write its three letters, such as EUR.",
            code="currency_invalid",
        )
    if meaning.key == "money" and experiment is not None and expected and code != expected:
        raise InvalidError(
            f"The currency is {code}, but the experiment {experiment.key} uses {expected}; convert the amount.",
            code="currency_wrong",
        )
    return code if meaning.key in ("money", "number") else None


def check_properties(value: Any, event_type: EventType) -> str | None:
    """Return an event's properties as JSON text; None if empty."""
    if value is None:
        return None
    if type(value) is not dict:
        raise InvalidError(f"The properties are {shown(value)}; they must be a JSON object.", code="properties_invalid")
    if not value:
        return None
    for known in event_type.properties:
        if known.high is not None:
            _check_number(value.get(known.name), known, event_type)
    try:
        text = _encode(value)
        size = len(text.encode())
    except (ValueError, RecursionError):
        raise InvalidError(
            "The properties contain a number or a character that cannot be stored; remove it.",
            code="properties_invalid",
        ) from None
    if size > MAX_PROPERTIES_BYTES:
        raise InvalidError(
            f"The properties have {size:,} bytes, the maximum is {MAX_PROPERTIES_BYTES:,}; send only what is needed.",
            code="properties_too_large",
        )
    if "\\u0000" in text and _NUL.search(text):
        raise InvalidError("The properties contain a NUL character; remove it.", code="properties_invalid")
    return text


def _check_number(value: Any, known: Property, event_type: EventType) -> None:
    if value is None:
        return
    low, high = known.low, known.high
    if type(value) not in (int, float, Decimal) or not low <= value <= high:
        field = known.name
        raise InvalidError(
            f"The {field} of a {event_type.key} is {shown(value)}; send a number from {low:,} to {high:,}, or omit it.",
            code=f"{field}_invalid",
        )
