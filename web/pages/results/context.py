"""The input of each section of the results page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from analysis import HealthCheck
from experiments.analyses.answer import Answer
from experiments.analyses.records import Point
from experiments.analyses.scorecards import MetricEntry
from experiments.reporting.worded import Reading
from web.pages.results.parts import Plan, VariantFacts


@dataclass(frozen=True)
class Population:
    """Which members the scorecard includes, where there is a choice.

    Attributes
    ----------
    mature
        Only members whose window has ended are included.
    everyone, full
        How many members each choice has, as printed.
    note
        What the choice means for the verdict; empty for all members.
    """

    mature: bool
    everyone: str
    full: str
    note: str


@dataclass(frozen=True)
class Context:
    """A stored analysis with the experiment and its run; each section takes from it what it needs.

    Attributes
    ----------
    reading : Reading
        The result with the words for its messages.
    variants : sequence of VariantFacts
        All variants in order of position; exactly one of them is the `control`.
    subject : VariantFacts
        The variant that the page is about: the verdict's, else the one most likely to be best.
    primary : MetricEntry
        The metric that decides; `metric_name` is its name.
    checks : sequence of HealthCheck
        The health checks that apply to this run; `failed`: one of them failed.
    withheld : bool
        There is too little data for chances and losses.
    history : sequence of Point
        Earlier analyses of the same run, oldest first.
    population : Population or None
        Which members the scorecard includes; None where there is no choice.
    """

    reading: Reading
    variants: Sequence[VariantFacts]
    control: VariantFacts
    subject: VariantFacts
    primary: MetricEntry
    metric_name: str
    plan: Plan
    checks: Sequence[HealthCheck]
    failed: bool
    withheld: bool
    history: Sequence[Point]
    population: Population | None
    now: datetime

    @property
    def answer(self) -> Answer:
        """The result."""
        return self.reading.answer
