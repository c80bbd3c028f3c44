"""Requests and responses of the API as models, used for validation, ``/openapi.json`` and ``/docs``."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from experiments.definition.fields import MAX_SEGMENTS, Key, Lines, Share
from experiments.definition.model import (
    Allocation,
    Content,
    Covariate,
    ExperimentDefinition,
    ExperimentPatch,
    NamespacePlace,
)

State = Literal["draft", "scheduled", "running", "paused", "stopped", "archived"]
Action = Literal["launch", "pause", "resume", "stop", "archive", "ship"]

_CONTENT_A = {"headline": "Spring is here", "link_url": "https://shop.example/spring", "cta": "Have a look"}
_CONTENT_B = {"headline": "Twelve things that bloom", "link_url": "https://shop.example/spring", "cta": "See them"}
DEFINITION_EXAMPLE: dict[str, Any] = {
    "key": "spring-headline",
    "name": "Spring headline",
    "hypothesis": "A number in the headline makes more people share it.",
    "variants": [
        {
            "key": "a",
            "name": "As ever",
            "control": True,
            "weight": 0.5,
            "content": _CONTENT_A,
            "cost": {"fixed": 120, "per_thousand": 4.5, "currency": "EUR"},
        },
        {"key": "b", "name": "With a number", "weight": 0.5, "content": _CONTENT_B},
    ],
    "primary_metric": "share_rate",
    "metrics": ["click_rate", "share_rate", "purchase_rate", "revenue"],
    "guardrails": ["negative_rate"],
    "targeting": {
        "all": [{"attribute": "country", "in": ["DE", "AT"]}, {"not": {"attribute": "employee", "equals": True}}]
    },
    "traffic": 1.0,
    "window_days": 7,
    "segments": ["country", "device"],
}
_EDGES_EXAMPLE = [
    {"variant": "a", "weight": 0.5, "upper_edge": 5000},
    {"variant": "b", "weight": 0.5, "upper_edge": 10000},
]
RUN_EXAMPLE = {
    "number": 1,
    "seed": "5f1c9a0e7d3b2486",
    "allocation": _EDGES_EXAMPLE,
    "started_at": "2026-11-23T08:00:00Z",
    "ended_at": None,
    "epochs": [
        {"number": 1, "allocation": _EDGES_EXAMPLE, "started_at": "2026-11-23T08:00:00Z", "analysis": None},
    ],
}
DOCUMENT_EXAMPLE: dict[str, Any] = {
    **DEFINITION_EXAMPLE,
    "variants": [
        DEFINITION_EXAMPLE["variants"][0],
        {**DEFINITION_EXAMPLE["variants"][1], "control": False, "cost": None},
    ],
    "namespace": None,
    "currency": "EUR",
    "planned_days": None,
    "minimum_members": 100,
    "threshold_of_caring": 0.01,
    "allocation": None,
    "covariate": None,
    "action_values": {},
    "margin": 1.0,
    "prior": "auto",
    "prior_in_force": {"name": "content", "notice": None},
    "interval": "eti",
    "bots": "exclude",
    "members": "all",
    "starts_at": None,
    "ends_at": None,
    "targeting_text": "country is DE or AT, and not (employee is true)",
    "state": "running",
    "actions": ["pause", "stop", "ship"],
    "run": RUN_EXAMPLE,
    "runs": 1,
    "assignment": {
        "traffic_seed": "c2d80a5e91f7364b",
        "traffic_buckets": 10000,
        "namespace": None,
        "runs": [RUN_EXAMPLE],
    },
    "shipped": None,
    "simulated": False,
    "imported": False,
    "created_at": "2026-11-23T07:30:00Z",
    "created_by": "api:app-backend",
    "revision": 2,
}


def _example(*examples: dict[str, Any], forbid: bool = False) -> ConfigDict:
    extra: Literal["forbid", "ignore"] = "forbid" if forbid else "ignore"
    return ConfigDict(extra=extra, json_schema_extra={"examples": list(examples)}, populate_by_name=True)


# Experiments


class NewExperiment(ExperimentDefinition):
    """The experiment to create."""

    model_config = _example(DEFINITION_EXAMPLE, forbid=True)


class ExperimentEdit(ExperimentPatch):
    """The fields to change. Send ``revision`` to avoid overwriting a concurrent change."""

    model_config = _example(
        {"name": "Spring headline, second try", "revision": 2},
        {"variants": [{"key": "b", "content": {"headline": "Ten things that bloom"}}]},
        {"traffic": 1.0},
        forbid=True,
    )
    revision: (
        Annotated[int, Field(ge=1, description="The revision you last retrieved; the update fails if it is outdated.")]
        | None
    ) = None


class Shipment(BaseModel):
    """The variant to ship."""

    model_config = _example({"variant": "b", "note": "Clear on shares, no harm on complaints."}, forbid=True)
    variant: Key
    note: Annotated[Lines, Field(max_length=2_000, description="The reason, stored with the experiment.")] = ""


class StoredCost(BaseModel):
    """The cost of a variant; amounts are in ``currency``."""

    fixed: float
    per_thousand: float
    currency: str


class StoredVariant(BaseModel):
    """A variant; ``content`` contains only fields that are not empty."""

    key: str
    name: str
    control: bool
    weight: float
    content: Content
    cost: StoredCost | None


class AllocationRow(BaseModel):
    """The buckets of a variant: from the previous row's ``upper_edge`` up to, but excluding, its own (of 10,000)."""

    variant: str
    weight: float
    upper_edge: int


class EpochDocument(BaseModel):
    """A period of a run with constant allocation; it ends when the next one starts."""

    number: int
    allocation: list[AllocationRow]
    started_at: datetime
    analysis: str | None = Field(description="Id of the analysis that determined the shares; null for the first epoch.")


class RunDocument(BaseModel):
    """A run: one randomisation, reproducible from its seed and the edges of each epoch."""

    number: int
    seed: str
    allocation: list[AllocationRow] = Field(description="The allocation of the first epoch.")
    started_at: datetime
    ended_at: datetime | None
    epochs: list[EpochDocument] = Field(
        description="The epochs, oldest first. Only adaptive allocation has more than one."
    )


class NamespaceBuckets(BaseModel):
    """The experiment's range in its namespace, in buckets of 10,000; upper bounds are exclusive."""

    seed: str
    from_bucket: int
    to_bucket: int
    holdout_from_bucket: int = Field(
        description="Members in this bucket or above are excluded from all experiments of the namespace."
    )


class AssignmentDocument(BaseModel):
    """Everything needed to reproduce assignments (see docs/assignment.md); bounds are in buckets of 10,000."""

    traffic_seed: str
    traffic_buckets: int = Field(description="Members below this bucket are admitted.")
    namespace: NamespaceBuckets | None
    runs: list[RunDocument] = Field(description="All runs, oldest first.")


class ShippedDocument(BaseModel):
    """The shipped variant, with the reason."""

    variant: str
    note: str | None


class PriorInForce(BaseModel):
    """The prior of lifts that the latest run uses, or will use from its first analysis on."""

    name: str
    notice: str | None = Field(description="If it differs from `prior`: the reason and the remedy. Otherwise null.")


class ExperimentDocument(BaseModel):
    """An experiment: its definition, its state and the available actions."""

    model_config = _example(DOCUMENT_EXAMPLE, forbid=True)
    key: str
    name: str
    hypothesis: str
    variants: list[StoredVariant]
    primary_metric: str
    metrics: list[str]
    guardrails: list[str]
    targeting: dict[str, Any] | None
    targeting_text: str | None = Field(description="The targeting rule in plain English.")
    traffic: float
    namespace: NamespacePlace | None
    window_days: int
    segments: list[str] = Field(max_length=MAX_SEGMENTS)
    currency: str
    planned_days: int | None
    minimum_members: int
    threshold_of_caring: float
    allocation: Allocation | None
    covariate: Covariate | None
    action_values: dict[str, float] = Field(description="Value of one event by type, in the experiment's currency.")
    margin: float
    prior: str
    prior_in_force: PriorInForce
    interval: str
    bots: str
    members: str
    starts_at: datetime | None
    ends_at: datetime | None
    state: State
    actions: list[Action] = Field(description="Actions available in the current state.")
    run: RunDocument | None = Field(description="The latest run; null before the first launch.")
    runs: int = Field(description="Number of runs.")
    assignment: AssignmentDocument
    shipped: ShippedDocument | None
    simulated: bool
    imported: bool
    created_at: datetime
    created_by: str
    revision: int = Field(description="Increases with each change.")


class ExperimentsQuery(BaseModel):
    """Pagination and filters of the list."""

    model_config = ConfigDict(extra="forbid")
    state: State | None = Field(
        None, description="Return only experiments in this state. Defaults to all except archived ones."
    )
    limit: int = Field(50, ge=1, le=200, description="Maximum number of experiments to return.")
    offset: int = Field(0, ge=0, le=1_000_000, description="Number of experiments to skip, newest first.")


class ExperimentList(BaseModel):
    """A page of experiments, newest first; ``next`` is the path of the next page, null on the last one."""

    experiments: list[ExperimentDocument]
    total: int
    next: str | None


# Namespaces


class NamespaceKey(BaseModel):
    """The key of a namespace, as in the URL."""

    key: Key


class Occupant(BaseModel):
    """A live experiment and its range in the namespace."""

    model_config = ConfigDict(populate_by_name=True)
    experiment: str
    state: State
    share_from: float = Field(alias="from")
    share_to: float = Field(alias="to")


class NamespaceDocument(BaseModel):
    """A set of mutually exclusive experiments, with the holdout excluded from all of them."""

    model_config = _example(
        {
            "key": "homepage",
            "seed": "91be03d47a5c6f28",
            "holdout": 0.05,
            "experiments": [{"experiment": "spring-headline", "state": "running", "from": 0.0, "to": 0.5}],
        }
    )
    key: str
    seed: str
    holdout: float
    experiments: list[Occupant]


class NamespaceList(BaseModel):
    """All namespaces, sorted by key."""

    namespaces: list[NamespaceDocument]


class HoldoutRequest(BaseModel):
    """The holdout: the share of members to exclude from all experiments of the namespace."""

    model_config = _example({"holdout": 0.05}, forbid=True)
    holdout: Annotated[Share, Field(le=0.5, description="Share of members, 0 to 0.5.")]


# Keys


class NewKey(BaseModel):
    """The API key to create."""

    model_config = _example({"kind": "client", "name": "shop"}, forbid=True)
    kind: Literal["client", "server"] = Field(
        description="client: assigns and logs events, safe in a browser; server: full access."
    )
    name: str = Field(min_length=1, max_length=100, description="Where the key is used.")


class KeyDocument(BaseModel):
    """An API key without its secret."""

    id: int
    kind: Literal["client", "server"]
    name: str
    prefix: str = Field(description="First characters of the key, to identify it.")
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


class KeyCreated(KeyDocument):
    """A new API key. ``key`` is returned only once."""

    model_config = _example(
        {
            "id": 3,
            "kind": "client",
            "name": "shop",
            "prefix": "kc_8Zp1x",
            "key": "kc_8Zp1xQ0v2nJr5wXy7bTc9dLmEfGhKs3uAi6oPz4R1aU",
            "created_at": "2026-11-23T08:00:00Z",
            "created_by": "api:app-backend",
            "revoked_at": None,
        }
    )
    key: str


class KeyList(BaseModel):
    """All API keys, newest first, including revoked ones."""

    keys: list[KeyDocument]
