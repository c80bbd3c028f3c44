"""What a verdict is, and the rules it is made by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from analysis import priors
from analysis.errors import AnalysisError, refuse_what_is_no_number
from analysis.messages import Message, is_message
from analysis.priors import NamedPrior
from analysis.stopping.sequential import Look

Decision = Literal["ship", "keep_running", "no_difference", "stop_harm", "not_enough_data", "untrusted"]
DECISIONS: tuple[Decision, ...] = (
    "ship",
    "keep_running",
    "no_difference",
    "stop_harm",
    "not_enough_data",
    "untrusted",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What has to be true before a verdict may be given.

    Attributes
    ----------
    min_members : int
        Members each variant needs.
    min_days : float
        Days the test has to run.
    planned_days : float or None
        Planned duration; None = until it is clear.
    caring : float
        Relative loss we accept: 0.01 is 1 % of the control's mean.
    alpha : float
        Two-sided chance of a false winner or a false harm in an A/A test, over all looks and variants.
    lift_prior : NamedPrior
        With the parameter `sd` of the log-lift: it draws lifts towards none for the expected loss.
    mixture_sd : float
        Scale of log-lifts at which the always-valid bound is sharpest. A rule of its own, so that a newly learned lift
        prior never changes a bound in the middle of a run.
    """

    min_members: int = 100
    min_days: float = 1.0
    planned_days: float | None = None
    caring: float = 0.01
    alpha: float = 0.05
    lift_prior: NamedPrior = priors.CONTENT
    mixture_sd: float = 0.10

    def __post_init__(self) -> None:
        bounds: tuple[tuple[str, float, float], ...] = (
            ("min_members", 2, 1e12),
            ("min_days", 0, 3650),
            ("caring", 1e-6, 0.5),
            ("alpha", 1e-6, 0.5),
            ("mixture_sd", 1e-4, 10),
        )
        for name, low, high in bounds:
            _within(name, getattr(self, name), low, high)
        if self.planned_days is not None:
            _within("planned_days", self.planned_days, 1e-3, 3650)
        if not isinstance(self.lift_prior, NamedPrior):
            raise AnalysisError(
                "bad_rules", f"The lift prior is {self.lift_prior!r}; give a NamedPrior, such as priors.CONTENT."
            )
        if self.lift_prior["sd"] > 10:  # refuses a prior without it, too
            raise AnalysisError(
                "bad_prior",
                f"The lift prior {self.lift_prior.name} has sd {self.lift_prior['sd']}; log-lifts of content lie far "
                "below 10, so give a smaller one.",
            )

    def to_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"lift_prior": self.lift_prior.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rules:
        return cls(**(dict(data) | {"lift_prior": NamedPrior.from_dict(data["lift_prior"])}))


def day_number(elapsed_days: float) -> int:
    """Return the day that a run is in: day 1 begins at its launch, and day N after N - 1 whole days."""
    return max(1, math.floor(elapsed_days) + 1)


def _within(name: str, value: float, low: float, high: float) -> None:
    refuse_what_is_no_number(**{f"The rule {name}": value})
    if not (math.isfinite(value) and low <= value <= high):
        raise AnalysisError("bad_rules", f"The rule {name} is {value}; give a number from {low:g} to {high:g}.")


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure that the verdict rests on, with its one-sentence explanation."""

    label: str
    value: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of an analysis.

    Attributes
    ----------
    decision : str
        One of `DECISIONS`.
    variant : str or None
        Whom it is about.
    headline : str
        A few words.
    reason : str
        One or two plain sentences.
    more_days : int or None
        For keep_running and not_enough_data: about how many more days.
    more_days_reason : str or None
        Why `more_days` cannot be said.
    facts : tuple of Fact
    look : Look
        To be stored and handed to the next analyses of the run.
    """

    decision: Decision
    variant: str | None
    headline: str
    reason: str | Message
    more_days: int | None
    more_days_reason: str | None
    facts: tuple[Fact, ...]
    look: Look

    def to_dict(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in self.__slots__}
        if isinstance(self.reason, Message):
            own["reason"] = self.reason.to_dict()
        return own | {"facts": [asdict(fact) for fact in self.facts], "look": self.look.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        facts = tuple(Fact(**fact) for fact in data["facts"])
        reason = Message.from_dict(data["reason"]) if is_message(data["reason"]) else data["reason"]
        return cls(**(dict(data) | {"facts": facts, "reason": reason, "look": Look.from_dict(data["look"])}))
