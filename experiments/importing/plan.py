"""The plan of an import: the experiment's name, the meaning of each column, and how to count."""

import math
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from experiments.catalogue.custom import CustomKind, custom_key, custom_metric
from experiments.catalogue.event_types import KNOWN
from experiments.catalogue.sums import SUMS
from experiments.definition.fields import (
    MAX_VARIANTS,
    Currency,
    Key,
    Line,
    Lines,
    MetricKey,
    MetricKeys,
    Moment,
    Segments,
    WindowDays,
)
from experiments.definition.model import Covariate
from experiments.importing.rows import Repeats
from experiments.translation import gettext
from experiments.translation.filling import filled
from experiments.validation import bad, field_errors, validated

MEMBER_MEANINGS = ("unit", "variant", "exposed_at", "brought_by", "block")
EVENT_MEANINGS = ("unit", "type", "at", "value", "currency", "id")
COUNT_MEANINGS = ("variant", "members", "successes", "metric", *SUMS)
CONTENT_MEANINGS = ("headline", "body", "image_url", "link_url", "cta")
MOST_VARIANTS = MAX_VARIANTS
LARGEST_PART = 10
"""The largest number of a ratio such as 3 to 1; larger whole numbers are read as percentages, which must add up."""


class Plan(BaseModel):
    """An import as requested on the command line or the page; stored as the payload of its job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["members", "counts"]
    key: Key
    name: Annotated[Line, Field(max_length=120)] = ""
    hypothesis: Annotated[Lines, Field(max_length=2_000)] = ""
    control: str = Field("", max_length=256, description="Name or key of the control; the first variant if empty.")
    columns: dict[str, str] = Field(default_factory=dict, description="Meaning to column of the first file.")
    event_columns: dict[str, str] = Field(default_factory=dict, description="Meaning to column of the events' file.")
    outcomes: list[tuple[str, str]] = Field(default_factory=list, description="Event type and column of a wide file.")
    custom: dict[str, CustomKind] = Field(
        default_factory=dict, description="What the column of a custom outcome holds, by its event type."
    )
    where: list[list[tuple[str, str]]] = Field(
        default_factory=list, description="Conditions that a row meets, each by one of its pairs of column and value."
    )
    repeats: Repeats = Field("auto", description="Rows of one member: the first counts, or their outcomes add up.")
    weights: dict[str, float] = Field(default_factory=dict, description="Planned shares; equal if empty.")
    segments: Segments = Field(default_factory=list)
    covariate: Covariate | None = Field(None, description="Pre-experiment covariate: a column, or days of events.")
    metrics: MetricKeys = Field(default_factory=list)
    guardrails: MetricKeys | None = Field(None, description="None: the default ones that the data can give.")
    primary_metric: MetricKey | None = None
    currency: Currency | None = None
    time_zone: str | None = Field(None, description="IANA name for times without an offset; None: the project's.")
    window_days: WindowDays = 7
    exposed_at: Moment | None = None
    ended_at: Moment | None = None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return None if not value else ZoneInfo(value).key
        except (ValueError, OSError, KeyError):
            message = gettext("{value!r} is not an IANA time zone name; write it like Europe/Berlin.")
            raise bad(message.format(value=value)) from None

    @field_validator("weights")
    @classmethod
    def _positive(cls, value: dict[str, float]) -> dict[str, float]:
        for name, weight in value.items():
            if not 0 < weight < float("inf"):
                raise bad(
                    gettext("The weight of {name!r} is {weight:g}; it must be above 0.").format(
                        name=name, weight=weight
                    )
                )
        total = math.fsum(value.values())
        # Shares rounded to two decimals, such as 0.33 for a third, can each be off by half a digit.
        rounding = 0.005 * (len(value) - 1) + 1e-9
        in_parts = all(weight <= LARGEST_PART and weight == int(weight) for weight in value.values())
        if value and not in_parts and min(abs(total - 1), abs(total / 100 - 1)) > rounding:
            message = gettext(
                "The shares add up to {total:.6g}; they must add up to 1 or 100 (per cent), or be a ratio of whole "
                "numbers up to {most}, such as 2 and 1."
            )
            raise bad(filled(message, total=total, most=LARGEST_PART))
        return value

    @field_validator("custom")
    @classmethod
    def _distinct(cls, value: dict[str, CustomKind]) -> dict[str, CustomKind]:
        for type_, kind in value.items():
            if custom_metric(custom_key(kind, type_)) is None:
                message = gettext(
                    "{type!r} is not the name of a custom outcome; use up to 48 letters, digits, hyphens and "
                    "underscores, and none of {types}."
                )
                raise bad(message.format(type=type_, types=", ".join(KNOWN)))
        return value

    @model_validator(mode="after")
    def _known_meanings(self) -> "Plan":
        known = MEMBER_MEANINGS if self.kind == "members" else COUNT_MEANINGS + CONTENT_MEANINGS
        for field, meanings, allowed in (
            ("columns", self.columns, known),
            ("event_columns", self.event_columns, EVENT_MEANINGS),
        ):
            for meaning in sorted(set(meanings) - set(allowed)):
                message = gettext("{meaning!r} is not a column's meaning here; use one of {meanings}.")
                raise field_errors({field: message.format(meaning=meaning, meanings=", ".join(allowed))})
        if self.kind == "counts" and self.covariate is not None:
            message = gettext("A covariate needs values per member; import a members' file instead of counts.")
            raise field_errors({"covariate": message})
        if self.kind == "counts" and (self.exposed_at is None) != (self.ended_at is None):
            missing = "exposed_at" if self.exposed_at is None else "ended_at"
            raise field_errors({missing: gettext("One of the two dates is missing; enter both, or neither.")})
        return self

    @property
    def custom_metrics(self) -> tuple[str, ...]:
        """The keys of the metrics of custom outcomes, in their order."""
        return tuple(custom_key(self.custom[type_], type_) for type_, _ in self.outcomes if type_ in self.custom)

    def column(self, meaning: str) -> str:
        """Return the column of the first file with a meaning; by default the column of that name."""
        return self.columns.get(meaning, meaning)

    def event_column(self, meaning: str) -> str:
        """Return the column of the events' file with a meaning; by default the column of that name."""
        return self.event_columns.get(meaning, meaning)


def make_plan(**values: object) -> Plan:
    """Return a validated plan.

    Raises
    ------
    InvalidError
        ``fields`` holds the message of each invalid value, by name.
    """
    return validated(Plan, values, what=gettext("The import"))
