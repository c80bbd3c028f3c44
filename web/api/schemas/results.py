"""Responses of the results endpoints, as models for ``/openapi.json``."""

from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from experiments.validation import bad, shown
from web.api.schemas.sampled import Allocation, with_sampled
from web.api.schemas.scorecard import Answer, Check, Decision, Mature, MetricResult, Total, Units, Verdict


def check_id(value: str) -> str:
    """Return the canonical form of an analysis id."""
    try:
        return str(UUID(value))
    except ValueError:
        raise bad(f"{shown(value)} is not an analysis id; take one from GET .../analyses.") from None


class Scorecard(BaseModel):
    """An analysis with its verdict and figures."""

    experiment: str
    run: int
    analysis: str
    cut_off: str = Field(description="Events that happened or arrived later are not included.")
    created_at: str
    verdict: Verdict
    health: list[Check]
    units: Units
    metrics: list[MetricResult]
    mature: Mature | None
    total: Total | None = Field(description="Null if no member joined through a share link.")


class Results(with_sampled(Scorecard)):  # type: ignore[misc]
    """An analysis of an experiment, with everything needed to reproduce it."""

    allocation: Allocation | None
    answer: Answer
    arrivals: list[dict[str, Any]] = Field(description="Number of new members by variant and day since launch.")
    provenance: dict[str, Any] = Field(description="Metric definitions, priors, rules, seed and versions.")


class ResultsQuery(BaseModel):
    """The format, run and population of the result."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["json", "csv"] = Field("json", description="json, or csv with one row per metric and variant.")
    run: int | None = Field(None, ge=1, description="Number of the run. Defaults to the latest.", examples=[1])
    mature: bool = Field(
        False,
        description="true: metrics include only members whose window is over. The verdict, health checks and all other "
        "parts still cover all members.",
        examples=[True],
    )


class JobAnswer(BaseModel):
    """A requested analysis; ``status_url`` reports its progress."""

    job: int
    kind: str
    state: Literal["due", "running", "done", "failed"]
    progress: float = Field(description="Progress, from 0 to 1.")
    message: str
    analysis: str | None = Field(description="Id of the analysis; null until the job is done.")
    status_url: str


class StoredAnalysis(BaseModel):
    """A summary of a stored analysis."""

    analysis: str
    run: int
    cut_off: str
    created_at: str
    decision: Decision
    reason: str


class AnalysisList(BaseModel):
    """A page of analyses, newest first; ``next`` is the path of the next page, null on the last one."""

    analyses: list[StoredAnalysis]
    next: str | None


class AnalysesQuery(BaseModel):
    """Pagination and filters of the list."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(50, ge=1, le=200, description="Maximum number of analyses to return.")
    before: str | None = Field(
        None,
        description="Return only analyses older than the one with this id.",
        examples=["019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071"],
    )
    run: int | None = Field(None, ge=1, description="Return only analyses of this run.", examples=[1])

    @field_validator("before")
    @classmethod
    def _an_id(cls, value: str | None) -> str | None:
        return value if value is None else check_id(value)


def in_order(result: dict[str, Any]) -> dict[str, Any]:
    """Return a stored result in the order of its model, with whole numbers for counts.

    PostgreSQL's jsonb keeps no order, and equal results must look equal on both engines.
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
    """Return the value with the fields of a model first, in its order, and any others sorted by name."""
    if isinstance(value, list):
        inner = next(iter(get_args(kind)), None)
        return [_ordered(item, inner) for item in value]
    if not isinstance(value, dict):
        return value
    candidates = [part for part in (kind, *get_args(kind)) if isinstance(part, type) and issubclass(part, BaseModel)]
    fields = candidates[0].model_fields if candidates else {}
    names = [*(name for name in fields if name in value), *sorted(name for name in value if name not in fields)]
    return {name: _ordered(value[name], fields[name].annotation if name in fields else None) for name in names}
