"""The parts of a result beside its scorecard, as models for ``/openapi.json``: sampled models and the allocation."""

from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from experiments.analyses.sampled import SAMPLED
from experiments.analyses.sampled.schemas import NotShown


def with_sampled(base: type[BaseModel]) -> type[BaseModel]:
    """Return a model with a field for each sampled part after those of `base`."""
    fields: dict[str, Any] = {
        part.key: (list[part.schema] if part.listed else part.schema | None, ...)  # type: ignore[name-defined]
        for part in SAMPLED
    }
    return create_model("WithSampled", __base__=base, **fields)


class Epoch(BaseModel):
    """A period of the run with constant traffic shares."""

    number: int
    started: str
    weights: dict[str, float]
    members: dict[str, int]


class Allocation(BaseModel):
    """The adaptive allocation of new members; null if the weights are fixed."""

    method: Literal["thompson", "top_two"]
    floor: float = Field(description="Minimum share of each variant.")
    every_hours: int
    epochs: list[Epoch]
    next: dict[str, float] | None = Field(description="Shares that this analysis proposes for the next epoch.")
    next_not_shown: NotShown | None = Field(description="Why no shares are proposed.")
    caveat: str
