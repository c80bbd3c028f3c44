"""What a person wants of an import: the experiment's name, which column means what, and how to count."""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

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
from experiments.validation import at_fault, bad, validated

MEMBER_MEANINGS = ("unit", "variant", "exposed_at", "brought_by")
EVENT_MEANINGS = ("unit", "type", "at", "value", "currency", "id")
COUNT_MEANINGS = ("variant", "members", "successes", "metric")
CONTENT_MEANINGS = ("headline", "body", "image_url", "link_url", "cta")
MOST_VARIANTS = MAX_VARIANTS
LARGEST_PART = 10
"""Planned shares may be parts such as 3 to 1; larger whole numbers are rather percentages that must add up."""


class Plan(BaseModel):
    """One import, as asked for on the command line or the page; kept as the payload of its job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["members", "counts"]
    key: Key
    name: Annotated[Line, Field(max_length=120)] = ""
    hypothesis: Annotated[Lines, Field(max_length=2_000)] = ""
    control: str = Field("", max_length=256, description="Name or key of the control; empty for the first one met.")
    columns: dict[str, str] = Field(default_factory=dict, description="Meaning to column, of the first file.")
    event_columns: dict[str, str] = Field(default_factory=dict, description="Meaning to column, of the events.")
    outcomes: list[tuple[str, str]] = Field(default_factory=list, description="Event type and column, of wide files.")
    where: dict[str, str] = Field(default_factory=dict, description="Column to value: only such rows are read.")
    weights: dict[str, float] = Field(default_factory=dict, description="Planned shares; empty for equal ones.")
    segments: Segments = Field(default_factory=list)
    covariate: Covariate | None = Field(None, description="What was known of members before: a column, or days.")
    metrics: MetricKeys = Field(default_factory=list)
    primary_metric: MetricKey | None = None
    currency: Currency | None = None
    window_days: WindowDays = 7
    exposed_at: Moment | None = None
    ended_at: Moment | None = None

    @field_validator("weights")
    @classmethod
    def _positive(cls, value: dict[str, float]) -> dict[str, float]:
        for name, weight in value.items():
            if not 0 < weight < float("inf"):
                raise bad(f"the weight of {name!r} is {weight:g}; it must be above 0.")
        total = math.fsum(value.values())
        # Shares of two digits, as a third is 0.33, may miss the whole by half a digit each.
        rounding = 0.005 * (len(value) - 1) + 1e-9
        in_parts = all(weight <= LARGEST_PART and weight == int(weight) for weight in value.values())
        if value and not in_parts and min(abs(total - 1), abs(total / 100 - 1)) > rounding:
            raise bad(
                f"the shares add up to {total:.6g}; make it 1, or 100 in per cent, or give parts in whole numbers up "
                f"to {LARGEST_PART} such as 2 and 1."
            )
        return value

    @model_validator(mode="after")
    def _known_meanings(self) -> "Plan":
        known = MEMBER_MEANINGS if self.kind == "members" else COUNT_MEANINGS + CONTENT_MEANINGS
        for field, meanings, allowed in (
            ("columns", self.columns, known),
            ("event_columns", self.event_columns, EVENT_MEANINGS),
        ):
            for meaning in sorted(set(meanings) - set(allowed)):
                raise at_fault({field: f"{meaning!r} is no meaning of a column here; use one of {', '.join(allowed)}."})
        if self.kind == "counts" and self.covariate is not None:
            raise at_fault({"covariate": "Counts know nothing of single members; import the members' file for that."})
        if self.kind == "counts" and (self.exposed_at is None) != (self.ended_at is None):
            missing = "exposed_at" if self.exposed_at is None else "ended_at"
            raise at_fault({missing: "One of the two dates is missing; give both, or neither where it is not known."})
        return self

    def column(self, meaning: str) -> str:
        """The column of the first file that carries a meaning; by default it has the meaning's own name."""
        return self.columns.get(meaning, meaning)

    def event_column(self, meaning: str) -> str:
        """The same for the events' file."""
        return self.event_columns.get(meaning, meaning)


def make_plan(**wishes: object) -> Plan:
    """A plan from plain values.

    Raises
    ------
    InvalidError
        ``fields`` holds a sentence for each wish at fault, by name.
    """
    return validated(Plan, wishes, what="The import")
