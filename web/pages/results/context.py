"""What the sections of the results page are built from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from web.pages.results.parts import Plan, VariantFacts


@dataclass(frozen=True)
class Population:
    """Whose figures the scorecard shows, where there is a choice.

    Attributes
    ----------
    mature
        Only members whose window is over are shown.
    everybody, full
        How many members each choice has, in words.
    note
        What the choice means for the verdict.
    """

    mature: bool
    everybody: str
    full: str
    note: str


@dataclass(frozen=True)
class Context:
    """A stored analysis with what the page knows beside it; each section takes from it what it needs.

    Attributes
    ----------
    result : mapping
        API.md's shape with the keys that the analysing room adds (names, facts, segments).
    drawing : mapping
        The stored densities of the lifts.
    variants : sequence of VariantFacts
        All variants in order of position; exactly one of them is the `control`.
    subject : VariantFacts
        The variant that the page is about: the verdict's, else the one most likely to be best.
    primary : mapping
        The entry of "metrics" that decides; `metric_name` is its name.
    checks : sequence of mapping
        The health checks that mean something for this run; one of them `failed`.
    withheld : bool
        There is too little data for chances and losses.
    history : sequence of mapping
        Earlier analyses of the same run, oldest first: ``{"at", "p_best"}``.
    population : Population or None
        Whose figures the scorecard shows; None where there is no choice.
    """

    result: Mapping[str, Any]
    drawing: Mapping[str, Any]
    variants: Sequence[VariantFacts]
    control: VariantFacts
    subject: VariantFacts
    primary: Mapping[str, Any]
    metric_name: str
    plan: Plan
    checks: Sequence[Mapping[str, Any]]
    failed: bool
    withheld: bool
    history: Sequence[Mapping[str, Any]]
    population: Population | None
    now: datetime
