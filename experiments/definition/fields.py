"""The fields of an experiment: what each may be, and what is said of a value that it may not."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from experiments.catalogue.currencies import CURRENCIES
from experiments.catalogue.event_types import EVENT_TYPES, meant
from experiments.catalogue.metrics import METRICS
from experiments.definition import targeting
from experiments.errors import InvalidError
from experiments.validation import at_fault, bad, check_text, shown

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
        raise bad(
            f"{shown(value)} is no key; use 1 to 64 small letters, digits, dots, hyphens or underscores, "
            "beginning with a letter or digit, such as spring-headline."
        )
    return value


def _check_experiment_key(value: str) -> str:
    if value in _TAKEN:
        raise bad(f"{shown(value)} is the address of a page of its own; choose another key, such as {value}-headline.")
    return _check_key(value)


def _check_attribute(value: str) -> str:
    if not _ATTRIBUTE.fullmatch(value):
        raise bad(
            f"{shown(value)} is no attribute name; use 1 to 64 letters, digits, hyphens or underscores, "
            "beginning with a letter, such as country."
        )
    return value


def _check_name(value: str) -> str:
    value = check_text(value).strip()
    if not value:
        raise bad("is empty; write a name that people recognise.")
    return value


def _check_metric(value: str) -> str:
    known = tuple(metric.key for metric in METRICS)
    if value not in known:
        raise bad(f"{shown(value)} is no metric; choose one of {', '.join(known)}.")
    return value


def _check_currency(value: str) -> str:
    if value not in CURRENCIES:
        raise bad(f"{shown(value)} is no currency; write its three capital letters (ISO 4217), such as EUR.")
    return value


def _check_event_type(value: str) -> str:
    if value == "purchase":
        raise bad("purchase is counted by its money already; set margin to say how much of it is earned.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9 ._-]{0,63}", value) or value == "exposure":
        raise bad(f"{shown(value)} is no event type that can have a worth; write one such as share or comment.")
    if known := meant(value):
        types = ", ".join(kind.key for kind in EVENT_TYPES if kind.weighable)
        remedy = "leave it out and set margin" if known == "purchase" else f"write {known}"
        raise bad(
            f"{shown(value)} is no event type, but nearly {known}; the known ones are {types} (purchase by margin). If "
            f"{known} is meant, {remedy}; an event of your own needs a name that is told apart from it."
        )
    return value


_FILE_NAME = re.compile(r"[\w-]{1,60}\.(?:avif|gif|jpe?g|png|svg|webp|html?|pdf)", re.IGNORECASE | re.ASCII)
"""A file's name alone; as a host's it would be read with an ending that no host has."""


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
        path, whole = f"/pictures/{value}", f"https://shop.example/pictures/{value}"
        raise bad(f"{shown(value)} does not say where it lies; write its path, such as {path}, or all of it: {whole}.")
    if not scheme or scheme[1].lower() not in schemes:
        raise bad(f"{shown(value)} is no safe address; {_address_remedy(value, allowed)}")
    web = scheme[1].lower() in ("http", "https")
    if re.search(r"\s", value) or (web and not re.match(r"https?://[^/?#\\@]+([/?#]|$)", value, re.IGNORECASE)):
        raise bad(f"{shown(value)} is no whole address; write it without spaces, such as https://shop.example/spring.")
    return value


def _address_remedy(value: str, allowed: str) -> str:
    """What to write instead: the same address with its beginning where only that is missing."""
    if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+([/?#]\S*)?", value) and len(value) <= 100:
        return f"write https://{value}, or begin it with / for a place on the same site."
    return f"begin it with {allowed} or with / for a place on the same site, such as https://example.org/c."


def plain_number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise bad(f"{value} is not finite; write an ordinary number.")
    if isinstance(value, bool):
        raise bad(f"{shown(value)} is no number; write one, without quotes.")
    return value


def _no_timestamp(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        raise bad(f"{shown(value)} is no time; write it as 2026-11-23T08:00:00Z.")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise bad(f"{shown(str(value))} is outside the calendar; write a time such as 2026-11-23T08:00:00Z.") from None


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
    str, AfterValidator(_check_metric), Field(json_schema_extra={"enum": [found.key for found in METRICS]})
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


def _check_targeting(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        return targeting.as_json(targeting.parse(value))
    except InvalidError as error:
        raise at_fault(error.fields) from None


def _check_traffic(value: float) -> float:
    if 0 < value < 1 / BUCKETS:
        raise bad(f"{value} is too small; admit at least 0.0001 of the members, or 0 for nobody.")
    return value


def _check_unique(values: list[str]) -> list[str]:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise bad(f"{shown(twice[0])} stands there twice; name each once.")
    return values


Targeting = Annotated[
    dict[str, Any] | None, AfterValidator(_check_targeting), Field(description="Who is eligible; null for everybody.")
]
Traffic = Annotated[Share, AfterValidator(_check_traffic), Field(description="Share of eligible members admitted.")]
MetricKeys = Annotated[list[MetricKey], Field(max_length=20), AfterValidator(_check_unique)]
Segments = Annotated[
    list[AttributeName],
    Field(max_length=MAX_SEGMENTS, description="Attributes by which results are split."),
    AfterValidator(_check_unique),
]
WindowDays = Annotated[Days, Field(ge=1, le=90, description="Attribution window after first exposure, in days.")]
PlannedDays = Annotated[Days, Field(ge=1, le=365, description="How long it shall run, in days.")]
MinimumMembers = Annotated[Days, Field(ge=1, le=10_000_000, description="Members a variant before any verdict.")]
Caring = Annotated[
    float,
    BeforeValidator(plain_number),
    Field(gt=0, le=0.5, allow_inf_nan=False, description="Relative loss that would not matter."),
]

EventType = Annotated[str, AfterValidator(_check_event_type)]
ActionValues = Annotated[
    dict[EventType, Amount],
    Field(max_length=20, description="Worth of one event of a type, such as a share, in the experiment's currency."),
]
Margin = Annotated[Share, Field(description="Share of the revenue that is earned.")]
Prior = Annotated[
    Literal["auto", "learned", "content", "sceptical"],
    Field(description="What is believed of lifts beforehand; auto: learned from history where there is enough."),
]
IntervalKind = Annotated[Literal["eti", "hdi"], Field(description="Equal-tailed, or the shortest of 95 %.")]
