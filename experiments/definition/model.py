"""What an experiment is made of, as validated models: read by the API, the pages, the import and the demo alike."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from experiments.catalogue.metrics import METRICS, metric
from experiments.definition.fields import (
    BUCKETS,
    MAX_CUSTOM_BYTES,
    MAX_VARIANTS,
    ActionValues,
    Amount,
    AttributeName,
    Caring,
    Currency,
    Days,
    ExperimentKey,
    Image,
    IntervalKind,
    Key,
    Line,
    Lines,
    Link,
    Margin,
    MetricKey,
    MetricKeys,
    MinimumMembers,
    Moment,
    Name,
    PlannedDays,
    Prior,
    Segments,
    Share,
    Targeting,
    Traffic,
    Weight,
    WindowDays,
    plain_number,
)
from experiments.definition.variant_names import letter
from experiments.validation import at_fault, bad, shown, validated

_WEIGHT_TOLERANCE = 1e-6


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Content(_Model):
    """What a member is shown; ``custom`` holds whatever else the app needs."""

    headline: Annotated[Line, Field(max_length=300, description="The line that is read first.")] = ""
    body: Annotated[Lines, Field(max_length=5_000, description="The text below the headline.")] = ""
    image_url: Annotated[Image, Field(description="An https address, or a path on the same site.")] = ""
    link_url: Annotated[Link, Field(description="Where a click leads.")] = ""
    cta: Annotated[Line, Field(max_length=100, description="The call to action: the words on the button.")] = ""
    custom: dict[str, Any] = Field(default_factory=dict, description="Anything else that the app reads, up to 16 KiB.")

    @field_validator("custom")
    @classmethod
    def _storable(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
            size = len(text.encode())
        except (ValueError, TypeError, RecursionError):
            raise bad(
                "holds what JSON cannot carry; use text, finite numbers, true, false, lists and objects."
            ) from None
        if size > MAX_CUSTOM_BYTES:
            raise bad(f"has {size:,} bytes; at most {MAX_CUSTOM_BYTES:,} are allowed. Keep large things behind a link.")
        if "\\u0000" in text:
            raise bad("holds the character U+0000; remove it.")
        return value


class Cost(_Model):
    """What a variant costs: once, and for each thousand members who meet it."""

    fixed: Annotated[Amount, Field(description="Spent once, whatever the audience.")] = Decimal(0)
    per_thousand: Annotated[Amount, Field(description="Spent for each 1,000 exposed members.")] = Decimal(0)
    currency: Currency | None = Field(None, description="Must be the experiment's currency, which it is when absent.")


class VariantDefinition(_Model):
    """One content alternative."""

    key: Key
    name: Annotated[Line, Field(max_length=120)] = ""
    control: bool = False
    weight: Annotated[Weight, Field(description="Planned share of the members, 0.0001 to 1.")]
    content: Content = Field(default_factory=Content)
    cost: Cost | None = None


class NamespacePlace(_Model):
    """The slice of a namespace's members that this experiment may use, as shares from 0 to 1."""

    key: Key
    share_from: Share = Field(0.0, alias="from")
    share_to: Share = Field(1.0, alias="to")

    @model_validator(mode="after")
    def _some_room(self) -> Self:
        if round(self.share_to * BUCKETS) <= round(self.share_from * BUCKETS):
            message = f"{self.share_to} must lie above from ({self.share_from}) by at least 0.0001; widen the place."
            raise at_fault({"namespace.to": message})
        return self


class Allocation(_Model):
    """How new members are shared out while it runs: more of them to the variants that do better."""

    method: Annotated[
        Literal["thompson", "top_two"],
        Field(
            description="thompson: in proportion to the chance of being best; top_two: half to the best, the rest "
            "to its rivals."
        ),
    ]
    floor: Annotated[
        float,
        BeforeValidator(plain_number),
        Field(ge=0.01, le=0.5, allow_inf_nan=False, description="Share that every variant keeps."),
    ] = 0.05
    every_hours: Annotated[Days, Field(ge=1, le=168, description="Hours between two changes of the shares.")] = 24


class Covariate(_Model):
    """What was known of a member before the first exposure, to take its part out of the noise (CUPED)."""

    attribute: AttributeName | None = Field(None, description="A numeric attribute given at the first exposure.")
    days_before: Annotated[Days, Field(ge=1, le=90, description="The same outcome in so many days before.")] | None = (
        None
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.attribute is None) == (self.days_before is None):
            raise bad("needs either attribute or days_before, and not both.")
        return self


class ExperimentDefinition(_Model):
    """A whole experiment as a person or an app writes it down."""

    key: ExperimentKey
    name: Name
    hypothesis: Annotated[Lines, Field(max_length=2_000, description="What is expected, and why.")] = ""
    variants: Annotated[list[VariantDefinition], Field(min_length=2, max_length=MAX_VARIANTS)]
    primary_metric: MetricKey = "sticky_rate"
    metrics: MetricKeys = Field(default_factory=lambda: ["click_rate", "share_rate", "purchase_rate", "revenue"])
    guardrails: MetricKeys = Field(default_factory=lambda: ["negative_rate"])
    targeting: Targeting = None
    traffic: Traffic = 1.0
    namespace: NamespacePlace | None = None
    window_days: WindowDays = 7
    segments: Segments = Field(default_factory=list)
    currency: Currency | None = Field(None, description="Of all its money; the project's currency when absent.")
    planned_days: PlannedDays | None = None
    minimum_members: MinimumMembers = 100
    threshold_of_caring: Caring = 0.01
    allocation: Allocation | None = Field(None, description="Null for fixed weights.")
    covariate: Covariate | None = Field(None, description="Null for no adjustment.")
    action_values: ActionValues = Field(default_factory=dict)
    margin: Margin = 1.0
    prior: Prior = "auto"
    interval: IntervalKind = "eti"
    starts_at: Moment | None = Field(None, description="When a launched experiment begins; at once when absent.")
    ends_at: Moment | None = Field(None, description="When it stops by itself.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        faults = {**_variant_faults(self.variants), **_metric_faults(self), **_time_faults(self), **_floor_faults(self)}
        if self.currency:
            faults |= cost_faults(self.variants, self.currency)
        if faults:
            raise at_fault(faults)
        return self


class VariantPatch(_Model):
    """Changes to the variant of this key; in a draft a new key adds a variant and ``remove`` takes one away."""

    key: Key
    name: Annotated[Line, Field(max_length=120)] | None = None
    control: bool | None = None
    weight: Weight | None = None
    content: dict[str, Any] | None = Field(default=None, description="Only the fields that change.")
    cost: Cost | None = None
    remove: bool = False


class ExperimentPatch(_Model):
    """A partial edit: fields that are absent stay as they are, and variants that are not named do too."""

    name: Name | None = None
    hypothesis: Annotated[Lines, Field(max_length=2_000)] | None = None
    variants: Annotated[list[VariantPatch], Field(min_length=1, max_length=2 * MAX_VARIANTS)] | None = None
    primary_metric: MetricKey | None = None
    metrics: MetricKeys | None = None
    guardrails: MetricKeys | None = None
    targeting: Targeting = None
    traffic: Traffic | None = None
    namespace: NamespacePlace | None = None
    window_days: WindowDays | None = None
    segments: Segments | None = None
    currency: Currency | None = None
    planned_days: PlannedDays | None = None
    minimum_members: MinimumMembers | None = None
    threshold_of_caring: Caring | None = None
    allocation: Allocation | None = None
    covariate: Covariate | None = None
    action_values: ActionValues | None = None
    margin: Margin | None = None
    prior: Prior | None = None
    interval: IntervalKind | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None

    @model_validator(mode="after")
    def _keys_once(self) -> Self:
        twice = [key for key, count in Counter(variant.key for variant in self.variants or ()).items() if count > 1]
        if twice:
            raise at_fault({"variants": f"{shown(twice[0])} stands there twice; name each variant once."})
        nulls = [name for name in sorted(self.model_fields_set - NULLABLE) if getattr(self, name) is None]
        if nulls:
            raise at_fault(dict.fromkeys(nulls, "null is no value here; leave the field out to keep what it has."))
        return self


NULLABLE = frozenset({"targeting", "namespace", "planned_days", "starts_at", "ends_at", "allocation", "covariate"})


def read_definition(raw: Mapping[str, Any]) -> ExperimentDefinition:
    """Read a definition from raw input; raises InvalidError with a message a field."""
    return validated(ExperimentDefinition, raw, what="The experiment")


def read_patch(raw: Mapping[str, Any]) -> ExperimentPatch:
    """Read a partial edit from raw input; raises InvalidError with a message a field."""
    return validated(ExperimentPatch, raw, what="The edit")


def cost_faults(variants: Sequence[VariantDefinition], currency: str) -> dict[str, str]:
    """The costs that are not in the experiment's currency, by field."""
    return {
        f"variants.{position}.cost.currency": f"{variant.cost.currency} is not the experiment's currency; "
        f"convert the amounts to {currency}."
        for position, variant in enumerate(variants)
        if variant.cost and variant.cost.currency not in (None, currency)
    }


def _variant_faults(variants: Sequence[VariantDefinition]) -> dict[str, str]:
    faults: dict[str, str] = {}
    first_place: dict[str, int] = {}
    for position, variant in enumerate(variants):
        earlier = first_place.setdefault(variant.key, position)
        if earlier != position:
            message = f"{shown(variant.key)} is already the key of variant {letter(earlier)}; give each its own."
            faults[f"variants.{position}.key"] = message
    total = sum(variant.weight for variant in variants)
    if abs(total - 1) > _WEIGHT_TOLERANCE:
        spoken = " + ".join(f"{variant.weight:.10g}" for variant in variants)
        faults["variants"] = f"the weights add up to {total:.10g} ({spoken}); they must add up to 1. Change them."
    controls = [variant.key for variant in variants if variant.control]
    if len(controls) != 1:
        count = "none is" if not controls else f"{len(controls)} are ({', '.join(controls)})"
        message = f"exactly one variant must be the control, and {count}. Set control to true on one."
        faults["variants"] = " ".join(filter(None, (faults.get("variants"), message)))
    return faults


def _metric_faults(definition: ExperimentDefinition) -> dict[str, str]:
    faults: dict[str, str] = {}
    if not metric(definition.primary_metric).decides:
        faults["primary_metric"] = _undecided(definition.primary_metric)
    if told := [key for key in definition.guardrails if not metric(key).decides]:
        faults["guardrails"] = _undecided(told[0])
    if definition.primary_metric in definition.guardrails:
        message = f"{definition.primary_metric} is the primary metric already; a guardrail watches another one."
        faults["guardrails"] = message
    return faults


def _undecided(key: str) -> str:
    deciding = ", ".join(found.key for found in METRICS if found.decides)
    return f"{key} is told, but no verdict can rest on it; put it among the metrics, and choose one of {deciding} here."


def _time_faults(definition: ExperimentDefinition) -> dict[str, str]:
    starts, ends = definition.starts_at, definition.ends_at
    if starts and ends and ends <= starts:
        return {"ends_at": f"{ends:%Y-%m-%dT%H:%M:%SZ} must lie after starts_at ({starts:%Y-%m-%dT%H:%M:%SZ})."}
    return {}


def _floor_faults(definition: ExperimentDefinition) -> dict[str, str]:
    allocation, variants = definition.allocation, len(definition.variants)
    if allocation and allocation.floor * variants > 1:
        most = 1 / variants
        return {
            "allocation.floor": f"{allocation.floor:g} for each of {variants} variants is more than all; at most "
            f"{most:.3g} is possible."
        }
    return {}
