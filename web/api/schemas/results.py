"""What the results endpoints answer, as models for ``/openapi.json``."""

from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from experiments.validation import bad, shown
from web.api.schemas.sampled import Allocation, with_sampled
from web.api.schemas.scorecard import Answer, Check, Decision, Mature, MetricResult, Total, Units, Verdict


def check_id(value: str) -> str:
    """An analysis's id in its one way of writing."""
    try:
        return str(UUID(value))
    except ValueError:
        raise bad(f"{shown(value)} is no id of an analysis; take one from GET .../analyses.") from None


class Scorecard(BaseModel):
    """Which analysis it is, its verdict, and its figures."""

    experiment: str
    run: int
    analysis: str
    cut_off: str = Field(description="Nothing that happened or arrived later counts.")
    created_at: str
    verdict: Verdict
    health: list[Check]
    units: Units
    metrics: list[MetricResult]
    mature: Mature | None
    total: Total | None = Field(description="None where no member was brought by another.")


class Results(with_sampled(Scorecard)):  # type: ignore[misc]
    """The newest analysis of an experiment, with everything that is needed to repeat it."""

    allocation: Allocation | None
    answer: Answer
    arrivals: list[dict[str, Any]] = Field(description="New members by variant and day since the first.")
    provenance: dict[str, Any] = Field(description="Metric definitions, priors, rules, seed and versions.")


class ResultsQuery(BaseModel):
    """JSON, or CSV with one row a metric and variant."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["json", "csv"] = Field("json", description="json or csv.")
    run: int | None = Field(None, ge=1, description="The number of a run; absent: the newest one.", examples=[1])
    mature: bool = Field(
        False,
        description="true: the metrics of those members alone whose window is over; verdict, health and all other "
        "parts stay those of all members.",
        examples=[True],
    )


class JobAnswer(BaseModel):
    """Work for the worker; ``status_url`` reports its progress."""

    job: int
    kind: str
    state: Literal["due", "running", "done", "failed"]
    progress: float = Field(description="From 0 to 1.")
    message: str
    analysis: str | None = Field(description="The analysis it made, when done.")
    status_url: str


class StoredAnalysis(BaseModel):
    """One stored analysis, in short."""

    analysis: str
    run: int
    cut_off: str
    created_at: str
    decision: Decision
    reason: str


class AnalysisList(BaseModel):
    """Newest first; ``next`` is the path of the rest, null at the end."""

    analyses: list[StoredAnalysis]
    next: str | None


class AnalysesQuery(BaseModel):
    """Which slice of the list."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(50, ge=1, le=200, description="Most analyses of one answer.")
    before: str | None = Field(
        None,
        description="Only those older than the analysis of this id.",
        examples=["019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071"],
    )
    run: int | None = Field(None, ge=1, description="Only those of this run.", examples=[1])

    @field_validator("before")
    @classmethod
    def _an_id(cls, value: str | None) -> str | None:
        return value if value is None else check_id(value)


def in_order(result: dict[str, Any]) -> dict[str, Any]:
    """A stored result in the order of its model, with whole numbers where things are counted.

    PostgreSQL's jsonb keeps no order, and what is the same is to look the same on both engines.
    """
    ordered: dict[str, Any] = _ordered(result, Results)
    populations = (ordered, ordered.get("mature") or {}, ordered.get("total") or {})
    for metric in [one for population in populations for one in population.get("metrics", ())]:
        if metric["kind"] in ("proportion", "count"):
            for row in metric["variants"]:
                total = row["total"]
                row["total"] = int(total) if isinstance(total, float) and total.is_integer() else total
    return ordered


def _ordered(value: Any, kind: Any) -> Any:
    """The value with the fields of a model first, in its order; what no model describes goes by name."""
    if isinstance(value, list):
        inner = next(iter(get_args(kind)), None)
        return [_ordered(item, inner) for item in value]
    if not isinstance(value, dict):
        return value
    candidates = [part for part in (kind, *get_args(kind)) if isinstance(part, type) and issubclass(part, BaseModel)]
    fields = candidates[0].model_fields if candidates else {}
    names = [*(name for name in fields if name in value), *sorted(name for name in value if name not in fields)]
    return {name: _ordered(value[name], fields[name].annotation if name in fields else None) for name in names}
