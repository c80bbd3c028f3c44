"""What comes out of the results' endpoints, as models. Extra members may be added; those named here stay."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Decision = Literal["ship", "keep_running", "no_difference", "stop_harm", "not_enough_data", "untrusted"]

_INTERVAL = {"kind": "eti", "probability": 0.95, "low": 0.1004, "high": 0.1121}
RESULT_EXAMPLE: dict[str, Any] = {
    "experiment": "spring-headline",
    "run": 1,
    "analysis": "019aaf7e-5f50-7c3c-9d0b-0f4be2f4a7c1",
    "cut_off": "2026-11-23T08:00:00Z",
    "verdict": {
        "decision": "keep_running",
        "variant": None,
        "reason": "b is ahead on shares, but the difference may still be nothing.",
    },
    "health": [
        {
            "check": "srm",
            "status": "ok",
            "value": 0.41,
            "detail": "The members are split as planned.",
            "next_step": "Nothing to do.",
        }
    ],
    "units": {"randomised": 21306, "shared": 310, "excluded": {"multi_exposed": 4, "bots": 12}},
    "metrics": [
        {
            "metric": "click_rate",
            "kind": "proportion",
            "population": "direct",
            "unit_of_measure": "share of members",
            "variants": [
                {
                    "variant": "a",
                    "n": 10650,
                    "total": 1131,
                    "mean": 0.1062,
                    "sd": 0.003,
                    "interval": _INTERVAL,
                    "p_best": 0.02,
                    "expected_loss": 0.011,
                }
            ],
            "comparisons": [
                {
                    "variant": "b",
                    "control": "a",
                    "lift": {"mean": 0.12, "interval": {**_INTERVAL, "low": 0.03, "high": 0.21}},
                    "difference": {"mean": 0.013, "interval": {**_INTERVAL, "low": 0.004, "high": 0.022}},
                    "p_beats_control": 0.98,
                    "p_rope": 0.01,
                }
            ],
        }
    ],
    "provenance": {"metric_definitions": {}, "priors": {}, "seed": 1, "versions": {}},
}


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Interval(_Open):
    """An interval that says its kind (eti or hdi) and how probable it is that the value lies inside."""

    kind: str
    probability: float
    low: float | None
    high: float | None


class Estimate(_Open):
    """A posterior's mean with its interval; null where there is not enough data."""

    mean: float | None
    interval: Interval | None


class Verdict(_Open):
    """What to do, for which variant, and why in one plain sentence."""

    decision: Decision
    variant: str | None
    reason: str


class HealthCheck(_Open):
    """One check of the data's quality, with its next step."""

    check: str
    status: Literal["ok", "warn", "fail"]
    value: float | None
    detail: str
    next_step: str


class Units(_Open):
    """How many members there are, and how many were set aside and why."""

    randomised: int
    shared: int
    excluded: dict[str, int]


class VariantResult(_Open):
    """``n`` members in the denominator; ``total`` is the plain sum behind the mean: successes, money, count."""

    variant: str
    n: int
    total: float
    mean: float | None
    sd: float | None
    interval: Interval | None
    p_best: float | None
    expected_loss: float | None


class Comparison(_Open):
    """A variant against the control."""

    variant: str
    control: str
    lift: Estimate | None
    difference: Estimate | None
    p_beats_control: float | None
    p_rope: float | None


class MetricResult(_Open):
    """One metric over all variants."""

    metric: str
    kind: str
    population: str
    unit_of_measure: str
    variants: list[VariantResult]
    comparisons: list[Comparison]


class Provenance(_Open):
    """Everything needed to repeat the analysis."""

    metric_definitions: dict[str, Any]
    priors: dict[str, Any]
    seed: int
    versions: dict[str, Any]


class ResultDocument(_Open):
    """The latest analysis of an experiment: immutable, and repeatable from its provenance."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [RESULT_EXAMPLE]})
    experiment: str
    run: int
    analysis: str
    cut_off: datetime
    verdict: Verdict
    health: list[HealthCheck]
    units: Units
    metrics: list[MetricResult]
    provenance: Provenance


class ResultsQuery(BaseModel):
    """How the results come."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["json", "csv"] = Field("json", description="csv flattens them: one row a metric and variant.")


class JobDocument(_Open):
    """Work that the worker will do; asking again before it is done gives the same job."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"job": 12, "state": "due"}]})
    job: int
    state: Literal["due", "running", "done", "failed"]


class AnalysisSummary(_Open):
    """One stored analysis in the list."""

    analysis: str
    run: int
    cut_off: datetime
    created_at: datetime
    decision: Decision


class AnalysisList(_Open):
    """The stored analyses, newest first."""

    analyses: list[AnalysisSummary]
