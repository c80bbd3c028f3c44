"""The fields of an experiment: their types, bounds and error messages."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from experiments.catalogue.currencies import read_code
from experiments.catalogue.event_types import EVENT_TYPES, MONEY_TYPES, meant
from experiments.catalogue.metrics import METRICS, find
from experiments.definition import targeting
from experiments.errors import InvalidError
from experiments.translation import gettext
from experiments.validation import bad, check_text, field_errors, shown

BUCKETS = 10_000
MAX_VARIANTS = 20
MAX_SEGMENTS = 8
MAX_CUSTOM_BYTES = 16_384

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TAKEN = frozenset({"new"})
_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_LINK_SCHEMES = ("https", "http", "mailto", "tel")
_IMAGE_SCHEMES = ("https", "http")


def _check_key(value: str) -> str:
    if not _KEY.fullmatch(value):
        message = gettext(
            "{value} is not a valid key; use 1 to 64 lower-case letters, digits, dots, hyphens or underscores, "
            "starting with a letter or digit, such as spring-headline."
        )
        raise bad(message.format(value=shown(value)))
    return value


def _check_experiment_key(value: str) -> str:
    if value in _TAKEN:
        message = gettext("{value} is reserved; choose another key, such as {example}.")
        raise bad(message.format(value=shown(value), example=f"{value}-headline"))
    return _check_key(value)


def _check_attribute(value: str) -> str:
    if not _ATTRIBUTE.fullmatch(value):
        message = gettext(
            "{value} is not a valid attribute name; use 1 to 64 letters, digits, hyphens or underscores, "
            "starting with a letter, such as country."
        )
        raise bad(message.format(value=shown(value)))
    return value


def _check_name(value: str) -> str:
    value = check_text(value).strip()
    if not value:
        raise bad(gettext("The name is empty; enter one."))
    return value


def _check_metric(value: str) -> str:
    if find(value) is None:
        known = tuple(metric.key for metric in METRICS)
        message = gettext("{value} is not a metric; choose one of {metrics}.")
        raise bad(message.format(value=shown(value), metrics=", ".join(known)))
    return value


def _check_currency(value: str) -> str:
    code = read_code(value)
    if code is None:
        message = gettext("{value} is not a currency; write its three letters (ISO 4217), such as EUR.")
        raise bad(message.format(value=shown(value)))
    return code


def _check_event_type(value: str) -> str:
    if value in MONEY_TYPES:
        raise bad(gettext("A purchase counts with its revenue already; set margin to the share that is earned."))
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9 ._-]{0,63}", value) or value == "exposure":
        message = gettext("{value} is not an event type that can have a value; write one such as share or comment.")
        raise bad(message.format(value=shown(value)))
    if known := meant(value):
        types = ", ".join(kind.key for kind in EVENT_TYPES if kind.weighable)
        message = (
            gettext(
                "{value} resembles the event type {known}. Set margin to value purchases, or give a custom event a "
                "distinct name. The built-in types are {types}."
            )
            if known in MONEY_TYPES
            else gettext(
                "{value} resembles the event type {known}. Write {known}, or give a custom event a distinct name. "
                "The built-in types are {types}."
            )
        )
        raise bad(message.format(value=shown(value), known=known, types=types))
    return value


_FILE_NAME = re.compile(r"[\w-]{1,60}\.(?:avif|gif|jpe?g|png|svg|webp|html?|pdf)", re.IGNORECASE | re.ASCII)
"""A bare file name, which would otherwise be read as a host with an impossible ending."""


def _check_link(value: str) -> str:
    return _check_url(value, _LINK_SCHEMES)


def _check_image(value: str) -> str:
    return _check_url(value, _IMAGE_SCHEMES)


def _check_url(value: str, schemes: Sequence[str]) -> str:
    value = check_text(value).strip()
    if not value or re.match(r"/(?![/\\])", value) and not re.search(r"\s", value):
        return value
    scheme = _SCHEME.match(value)
    allowed = ", ".join(f"{name}:" for name in schemes)
    if _FILE_NAME.fullmatch(value):
        path, address = f"/pictures/{value}", f"https://shop.example/pictures/{value}"
        message = gettext("{value} is only a file name; write its path, such as {path}, or its address: {address}.")
        raise bad(message.format(value=shown(value), path=path, address=address))
    if not scheme or scheme[1].lower() not in schemes:
        raise bad(_unsafe_address(value, allowed))
    web = scheme[1].lower() in ("http", "https")
    if re.search(r"\s", value) or (web and not re.match(r"https?://[^/?#\\@]+([/?#]|$)", value, re.IGNORECASE)):
        message = gettext("{value} is not a complete address; write it without spaces, such as {example}.")
        raise bad(message.format(value=shown(value), example="https://shop.example/spring"))
    return value


def _unsafe_address(value: str, allowed: str) -> str:
    """Return the error of an address; it suggests the same address with a scheme if only that is missing."""
    if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+([/?#]\S*)?", value) and len(value) <= 100:
        message = gettext("{value} is not a safe address; write https://{plain}, or start it with / for the same site.")
        return message.format(value=shown(value), plain=value)
    message = gettext(
        "{value} is not a safe address; start it with {schemes}, or with / for the same site, such as {example}."
    )
    return message.format(value=shown(value), schemes=allowed, example="https://example.org/c")


def plain_number(value: object) -> object:
    """Refuse infinite numbers and booleans, which Python accepts as numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        raise bad(gettext("{value} is not finite; write an ordinary number.").format(value=value))
    if isinstance(value, bool):
        raise bad(gettext("{value} is not a number; write one, without quotes.").format(value=shown(value)))
    return value


def _no_timestamp(value: object) -> object:
    if isinstance(value, bool | int | float):
        raise bad(gettext("{value} is not a time; write it as 2026-11-23T08:00:00Z.").format(value=shown(value)))
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        message = gettext("{value} is out of range; write a time such as 2026-11-23T08:00:00Z.")
        raise bad(message.format(value=shown(str(value)))) from None


def _many_lines(value: str) -> str:
    return check_text(value, lines=True)


Key = Annotated[str, AfterValidator(_check_key)]
ExperimentKey = Annotated[str, AfterValidator(_check_experiment_key)]
Name = Annotated[str, Field(max_length=120), AfterValidator(_check_name)]
Line = Annotated[str, AfterValidator(check_text)]
Lines = Annotated[str, AfterValidator(_many_lines)]
Link = Annotated[str, Field(max_length=2048), AfterValidator(_check_link)]
Image = Annotated[str, Field(max_length=2048), AfterValidator(_check_image)]
MetricKey = Annotated[
    str, AfterValidator(_check_metric), Field(json_schema_extra={"enum": [metric.key for metric in METRICS]})
]
Currency = Annotated[str, AfterValidator(_check_currency)]
AttributeName = Annotated[str, AfterValidator(_check_attribute)]
Share = Annotated[float, BeforeValidator(plain_number), Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, BeforeValidator(plain_number), Field(ge=1 / BUCKETS, le=1, allow_inf_nan=False)]
Amount = Annotated[
    Decimal, BeforeValidator(plain_number), Field(ge=0, le=1_000_000_000, decimal_places=6, allow_inf_nan=False)
]
Days = Annotated[int, BeforeValidator(plain_number)]
Moment = Annotated[AwareDatetime, BeforeValidator(_no_timestamp), AfterValidator(_in_utc)]


def _check_targeting(value: dict[str, object] | None) -> dict[str, object] | None:
    if value is None:
        return None
    try:
        return targeting.as_json(targeting.parse(value))
    except InvalidError as error:
        raise field_errors(error.fields) from None


def _check_traffic(value: float) -> float:
    if 0 < value < 1 / BUCKETS:
        raise bad(gettext("{value} is too small; use at least 0.0001, or 0 for no members.").format(value=value))
    return value


def _check_unique(values: list[str]) -> list[str]:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise bad(gettext("{value} is listed twice; list each once.").format(value=shown(twice[0])))
    return values


Targeting = Annotated[
    dict[str, object] | None,
    AfterValidator(_check_targeting),
    Field(description="Targeting rule; null for all members."),
]
Traffic = Annotated[Share, AfterValidator(_check_traffic), Field(description="Share of eligible members to admit.")]
MetricKeys = Annotated[list[MetricKey], Field(max_length=20), AfterValidator(_check_unique)]
Segments = Annotated[
    list[AttributeName],
    Field(max_length=MAX_SEGMENTS, description="Attributes to split the results by."),
    AfterValidator(_check_unique),
]
WindowDays = Annotated[Days, Field(ge=1, le=90, description="Attribution window after the first exposure, in days.")]
PlannedDays = Annotated[Days, Field(ge=1, le=365, description="Planned length, in days.")]
MinimumMembers = Annotated[Days, Field(ge=1, le=10_000_000, description="Members per variant before any verdict.")]
Caring = Annotated[
    float,
    BeforeValidator(plain_number),
    Field(gt=0, le=0.5, allow_inf_nan=False, description="Relative loss that is acceptable."),
]

EventType = Annotated[str, AfterValidator(_check_event_type)]
ActionValues = Annotated[
    dict[EventType, Amount],
    Field(max_length=20, description="Value of an event by type, such as a share, in the experiment's currency."),
]
Margin = Annotated[Share, Field(description="Profit margin: earned share of the revenue.")]
Prior = Annotated[
    Literal["auto", "learned", "content", "sceptical"],
    Field(description="Prior of the lifts; auto: learned from earlier experiments if there are enough."),
]
Bots = Annotated[
    Literal["exclude", "count"],
    Field(description="Members and events of bots and scanners: set aside and shown, or counted like all others."),
]
Members = Annotated[
    Literal["all", "new_only"],
    Field(
        description="Who counts in a run after the first: all its members, or only those who were in no earlier run."
    ),
]
IntervalKind = Annotated[Literal["eti", "hdi"], Field(description="95 % interval: equal-tailed or shortest.")]
