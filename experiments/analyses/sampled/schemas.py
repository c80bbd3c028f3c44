"""Schemas for ``/openapi.json`` that the parts of a result share."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Interval(BaseModel):
    """An interval with its kind: eti (equal-tailed) or hdi (highest density)."""

    kind: Literal["eti", "hdi"]
    probability: float = Field(description="Posterior probability that the value is inside the interval.")
    low: float
    high: float


class Estimate(BaseModel):
    """A posterior mean and median with their interval. The median of a lift is what the pages show."""

    mean: float
    interval: Interval
    median: float


class NotShown(BaseModel):
    """Why figures are missing."""

    model_config = ConfigDict(extra="allow")
    code: str
    reason: str


class Missing(BaseModel):
    """A figure that is not shown, with the reason."""

    not_shown: NotShown
