"""Models for ``/openapi.json`` that all parts of a result share."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Interval(BaseModel):
    """An interval that says its kind: eti (equal tails) or hdi (highest density)."""

    kind: Literal["eti", "hdi"]
    probability: float = Field(description="The chance, given the data, that the value lies inside.")
    low: float
    high: float


class Estimate(BaseModel):
    """A posterior in short."""

    mean: float
    interval: Interval


class NotShown(BaseModel):
    """Why there are no figures."""

    model_config = ConfigDict(extra="allow")
    code: str
    reason: str


class Missing(BaseModel):
    """In the place of a figure: why it is not there."""

    not_shown: NotShown
