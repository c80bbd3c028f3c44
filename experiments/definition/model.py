"""The definition of an experiment as validated models, used by the API, the pages, imports and the demo."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from experiments.catalogue.metrics import DEFAULT_GUARDRAILS, DEFAULT_METRICS, DEFAULT_PRIMARY, METRICS, metric
from experiments.definition.fields import (
    BUCKETS,
    MAX_CUSTOM_BYTES,
    MAX_VARIANTS,
    ActionValues,
    Amount,
    AttributeName,
    Bots,
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
    Members,
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
from experiments.translation import gettext
from experiments.translation.filling import filled
from experiments.validation import bad, field_errors, shown, validated

_WEIGHT_TOLERANCE = 1e-6


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Content(_Model):
    """The content that a member sees; ``custom`` holds further data for the app."""

    headline: Annotated[Line, Field(max_length=300, description="The headline.")] = ""
    body: Annotated[Lines, Field(max_length=5_000, description="The text below the headline.")] = ""
    image_url: Annotated[Image, Field(description="An https address, or a path on the same site.")] = ""
    link_url: Annotated[Link, Field(description="The target of a click.")] = ""
    cta: Annotated[Line, Field(max_length=100, description="The call to action: the text of the button.")] = ""
    custom: dict[str, object] = Field(default_factory=dict, description="Further data for the app, up to 16 KiB.")

    @field_validator("custom")
    @classmethod
    def _storable(cls, value: dict[str, object]) -> dict[str, object]:
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
            size = len(text.encode())
        except (ValueError, TypeError, RecursionError):
            raise bad(
                gettext("This is not valid JSON; use text, finite numbers, true, false, lists and objects.")
            ) from None
        if size > MAX_CUSTOM_BYTES:
            message = gettext("This has {size:,} bytes; at most {most:,} are allowed. Link to large data instead.")
            raise bad(filled(message, size=size, most=MAX_CUSTOM_BYTES))
        if "\\u0000" in text:
            raise bad(gettext("This contains the character U+0000; remove it."))
        return value


class Cost(_Model):
    """The cost of a variant: fixed, and per thousand exposed members."""

    fixed: Annotated[Amount, Field(description="Fixed cost.")] = Decimal(0)
    per_thousand: Annotated[Amount, Field(description="Cost per 1,000 exposed members.")] = Decimal(0)
    currency: Currency | None = Field(None, description="The experiment's currency, which is the default.")


class VariantDefinition(_Model):
    """One content alternative."""

    key: Key
    name: Annotated[Line, Field(max_length=120)] = ""
    control: bool = False
    weight: Annotated[Weight, Field(description="Planned share of the traffic, 0.0001 to 1.")]
    content: Content = Field(default_factory=Content)
    cost: Cost | None = None


class NamespacePlace(_Model):
    """The range of a namespace's members that this experiment uses, as shares from 0 to 1."""

    key: Key
    share_from: Share = Field(0.0, alias="from")
    share_to: Share = Field(1.0, alias="to")

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if round(self.share_to * BUCKETS) <= round(self.share_from * BUCKETS):
            text = gettext("{end} must be above from ({start}) by at least 0.0001; widen the range.")
            message = text.format(end=self.share_to, start=self.share_from)
            raise field_errors({"namespace.to": message})
        return self


class Allocation(_Model):
    """Adaptive allocation: better variants get a larger share of new members."""

    method: Annotated[
        Literal["thompson", "top_two"],
        Field(
            description="thompson: in proportion to the probability of being best; top_two: half to the best variant, "
            "the rest to its rivals."
        ),
    ]
    floor: Annotated[
        float,
        BeforeValidator(plain_number),
        Field(ge=0.01, le=0.5, allow_inf_nan=False, description="Minimum share of each variant."),
    ] = 0.05
    every_hours: Annotated[Days, Field(ge=1, le=168, description="Hours between changes of the shares.")] = 24


class Covariate(_Model):
    """A pre-experiment covariate that reduces variance (CUPED)."""

    attribute: AttributeName | None = Field(None, description="A numeric attribute sent with the first exposure.")
    days_before: Annotated[Days, Field(ge=1, le=90, description="The same metric in this many days before.")] | None = (
        None
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.attribute is None) == (self.days_before is None):
            raise bad(gettext("Set either attribute or days_before, not both."))
        return self


class ExperimentDefinition(_Model):
    """The definition of a whole experiment."""

    key: ExperimentKey
    name: Name
    hypothesis: Annotated[Lines, Field(max_length=2_000, description="The expected effect, and why.")] = ""
    variants: Annotated[list[VariantDefinition], Field(min_length=2, max_length=MAX_VARIANTS)]
    primary_metric: MetricKey = DEFAULT_PRIMARY
    metrics: MetricKeys = Field(default_factory=lambda: list(DEFAULT_METRICS))
    guardrails: MetricKeys = Field(default_factory=lambda: list(DEFAULT_GUARDRAILS))
    targeting: Targeting = None
    traffic: Traffic = 1.0
    namespace: NamespacePlace | None = None
    window_days: WindowDays = 7
    segments: Segments = Field(default_factory=list)
    currency: Currency | None = Field(None, description="Currency of all amounts; the project's currency by default.")
    planned_days: PlannedDays | None = None
    minimum_members: MinimumMembers = 100
    threshold_of_caring: Caring = 0.01
    allocation: Allocation | None = Field(None, description="Adaptive allocation; null for fixed weights.")
    covariate: Covariate | None = Field(None, description="Covariate to adjust for; null for none.")
    action_values: ActionValues = Field(default_factory=dict)
    margin: Margin = 1.0
    prior: Prior = "auto"
    interval: IntervalKind = "eti"
    bots: Bots = "exclude"
    members: Members = "all"
    starts_at: Moment | None = Field(None, description="When it starts after the launch. Defaults to immediately.")
    ends_at: Moment | None = Field(None, description="When it stops automatically.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if "guardrails" not in self.model_fields_set:
            self.guardrails = [key for key in self.guardrails if key != self.primary_metric]
        errors = {**_variant_errors(self.variants), **_metric_errors(self), **_time_errors(self), **_floor_errors(self)}
        if self.currency:
            errors |= cost_errors(self.variants, self.currency)
        if errors:
            raise field_errors(errors)
        return self


class VariantPatch(_Model):
    """Changes to a variant. In a draft, a new key adds a variant and ``remove`` deletes one."""

    key: Key
    name: Annotated[Line, Field(max_length=120)] | None = None
    control: bool | None = None
    weight: Weight | None = None
    content: dict[str, object] | None = Field(default=None, description="The fields to change.")
    cost: Cost | None = None
    remove: bool = False


class ExperimentPatch(_Model):
    """A partial edit: absent fields and variants are kept."""

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
    bots: Bots | None = None
    members: Members | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None

    @model_validator(mode="after")
    def _unique_keys(self) -> Self:
        twice = [key for key, count in Counter(variant.key for variant in self.variants or ()).items() if count > 1]
        if twice:
            message = gettext("{key} is listed twice; list each variant once.").format(key=shown(twice[0]))
            raise field_errors({"variants": message})
        nulls = [name for name in sorted(self.model_fields_set - NULLABLE) if getattr(self, name) is None]
        if nulls:
            raise field_errors(dict.fromkeys(nulls, gettext("This can't be null; omit the field to keep its value.")))
        return self


NULLABLE = frozenset({"targeting", "namespace", "planned_days", "starts_at", "ends_at", "allocation", "covariate"})


def read_definition(raw: Mapping[str, object]) -> ExperimentDefinition:
    """Read a definition from raw input; raise InvalidError with a message per field."""
    return validated(ExperimentDefinition, raw, what=gettext("The experiment"))


def read_patch(raw: Mapping[str, object]) -> ExperimentPatch:
    """Read a partial edit from raw input; raise InvalidError with a message per field."""
    return validated(ExperimentPatch, raw, what=gettext("The edit"))


def cost_errors(variants: Sequence[VariantDefinition], currency: str) -> dict[str, str]:
    """Return an error by field for each cost in another currency than the experiment's."""
    message = gettext("{currency} is not the experiment's currency; convert the amounts to {expected}.")
    return {
        f"variants.{position}.cost.currency": message.format(currency=variant.cost.currency, expected=currency)
        for position, variant in enumerate(variants)
        if variant.cost and variant.cost.currency not in (None, currency)
    }


def _variant_errors(variants: Sequence[VariantDefinition]) -> dict[str, str]:
    errors: dict[str, str] = {}
    first_place: dict[str, int] = {}
    for position, variant in enumerate(variants):
        earlier = first_place.setdefault(variant.key, position)
        if earlier != position:
            text = gettext("{key} is already the key of variant {letter}; use unique keys.")
            message = text.format(key=shown(variant.key), letter=letter(earlier))
            errors[f"variants.{position}.key"] = message
    total = sum(variant.weight for variant in variants)
    if abs(total - 1) > _WEIGHT_TOLERANCE:
        terms = " + ".join(f"{variant.weight:.10g}" for variant in variants)
        text = gettext("The weights add up to {total:.10g} ({terms}); they must add up to 1.")
        errors["variants"] = text.format(total=total, terms=terms)
    controls = [variant.key for variant in variants if variant.control]
    if len(controls) != 1:
        text = (
            gettext("{count} variants are the control ({keys}); set control to true on exactly one.")
            if controls
            else gettext("No variant is the control; set control to true on exactly one.")
        )
        message = text.format(count=len(controls), keys=", ".join(controls))
        errors["variants"] = " ".join(filter(None, (errors.get("variants"), message)))
    return errors


def _metric_errors(definition: ExperimentDefinition) -> dict[str, str]:
    errors: dict[str, str] = {}
    if not metric(definition.primary_metric).decides:
        errors["primary_metric"] = _undecided_error(definition.primary_metric)
    if unusable := [key for key in definition.guardrails if not metric(key).decides]:
        errors["guardrails"] = _undecided_error(unusable[0])
    if definition.primary_metric in definition.guardrails:
        message = gettext("{metric} is already the primary metric; choose another metric as guardrail.")
        errors["guardrails"] = message.format(metric=definition.primary_metric)
    return errors


def _undecided_error(key: str) -> str:
    deciding = ", ".join(candidate.key for candidate in METRICS if candidate.decides)
    message = gettext("{key} cannot decide a verdict; add it to metrics and choose one of {deciding} here.")
    return message.format(key=key, deciding=deciding)


def _time_errors(definition: ExperimentDefinition) -> dict[str, str]:
    starts, ends = definition.starts_at, definition.ends_at
    if starts and ends and ends <= starts:
        message = gettext("{ends:%Y-%m-%dT%H:%M:%SZ} must be after starts_at ({starts:%Y-%m-%dT%H:%M:%SZ}).")
        return {"ends_at": message.format(ends=ends, starts=starts)}
    return {}


def _floor_errors(definition: ExperimentDefinition) -> dict[str, str]:
    allocation, variants = definition.allocation, len(definition.variants)
    if allocation and allocation.floor * variants > 1:
        message = gettext("{floor:g} for each of {variants} variants is more than 1 in total; use at most {most:.3g}.")
        return {"allocation.floor": message.format(floor=allocation.floor, variants=variants, most=1 / variants)}
    return {}
