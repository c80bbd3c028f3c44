"""The JSON forms of a definition and its parts, as they are stored and as the API returns them."""

from typing import Literal

from typing_extensions import TypedDict


class ContentDocument(TypedDict, total=False):
    """The content of a variant; a field that is empty is absent."""

    headline: str
    body: str
    image_url: str
    link_url: str
    cta: str
    custom: dict[str, object]


class StoredCost(TypedDict):
    """A variant's cost as it is stored: exact amounts as text."""

    fixed: str
    per_thousand: str
    currency: str


class CostDocument(TypedDict):
    """A variant's cost, with amounts as numbers."""

    fixed: float
    per_thousand: float
    currency: str


class VariantDocument(TypedDict):
    """A variant."""

    key: str
    name: str
    control: bool
    weight: float
    content: ContentDocument
    cost: CostDocument | None


class AllocationDocument(TypedDict):
    """Adaptive allocation."""

    method: Literal["thompson", "top_two"]
    floor: float
    every_hours: int


class CovariateDocument(TypedDict, total=False):
    """A pre-experiment covariate: exactly one of the two is set."""

    attribute: str | None
    days_before: int | None


NamespaceDocument = TypedDict("NamespaceDocument", {"key": str, "from": float, "to": float})
"""The range in a namespace, as shares of its members from 0 to 1."""


class DefinitionDocument(TypedDict):
    """The definition of an experiment; times are RFC 3339 in UTC."""

    key: str
    name: str
    hypothesis: str
    variants: list[VariantDocument]
    primary_metric: str
    metrics: list[str]
    guardrails: list[str]
    targeting: dict[str, object] | None
    traffic: float
    namespace: NamespaceDocument | None
    window_days: int
    segments: list[str]
    currency: str
    planned_days: int | None
    minimum_members: int
    threshold_of_caring: float
    allocation: AllocationDocument | None
    covariate: CovariateDocument | None
    action_values: dict[str, float]
    margin: float
    prior: str
    interval: str
    bots: str
    members: str
    starts_at: str | None
    ends_at: str | None
