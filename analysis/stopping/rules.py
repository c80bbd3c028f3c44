"""The verdict and its rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from analysis import priors
from analysis.errors import AnalysisError, refuse_non_numbers
from analysis.messages import Message
from analysis.priors import NamedPrior
from analysis.stopping.sequential import Look

Decision = Literal["ship", "keep_running", "no_difference", "stop_harm", "not_enough_data", "untrusted"]
GuardrailState = Literal["held", "in_doubt", "broken", "unknown"]
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
    """The conditions and thresholds of a verdict.

    Attributes
    ----------
    min_members : int
        Minimum members of each variant.
    min_days : float
        Minimum days of the test.
    planned_days : float or None
        Planned duration; None = open-ended.
    caring : float
        Accepted relative loss: 0.01 is 1 % of the control's mean.
    alpha : float
        Two-sided probability of a false winner or a false harm in an A/A test, over all looks and variants.
    lift_prior : NamedPrior
        With the parameter `sd` of the log-lift; shrinks lifts towards 0 for the expected loss.
    mixture_sd : float
        Scale of log-lifts at which the always-valid bound is sharpest. Separate from the lift prior, so that a
        newly learned prior never changes a bound during a run.
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
        if self.lift_prior["sd"] > 10:  # also refuses a prior without it
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
    """Return the current day of a run: day 1 starts at the launch, day N after N - 1 whole days."""
    return max(1, math.floor(elapsed_days) + 1)


def _within(name: str, value: float, low: float, high: float) -> None:
    refuse_non_numbers(**{f"The rule {name}": value})
    if not (math.isfinite(value) and low <= value <= high):
        raise AnalysisError("bad_rules", f"The rule {name} is {value}; give a number from {low:g} to {high:g}.")


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure behind the verdict, with its label and its one-sentence explanation."""

    label: Message
    value: Message
    explanation: Message

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name).to_dict() for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fact:
        return cls(**{name: Message.from_dict(value) for name, value in data.items()})


@dataclass(frozen=True, slots=True)
class GuardrailStatus:
    """Whether a guardrail holds for one variant, by the bounds of the verdict.

    Attributes
    ----------
    metric, variant : str
    status : str
        ``"broken"`` if the variant is proven worse than the control, ``"in_doubt"`` if it is probably worse,
        ``"held"`` otherwise; ``"unknown"`` if the data are insufficient.
    p_worse : float or None
        Probability that the variant is worse than the control, from the data alone.
    z : float or None
        Difference to the control in standard errors; positive = better.
    bound : float or None
        Bound on |z| from which the guardrail counts as broken; ``inf`` if no bound can be passed yet.
    reason : Message or None
        Why the status is unknown.
    proven_on_day : int or None
        The day of the run of the earlier look that proved a break; None if this look does.
    """

    metric: str
    variant: str
    status: GuardrailState
    p_worse: float | None = None
    z: float | None = None
    bound: float | None = None
    reason: Message | None = None
    proven_on_day: int | None = None

    def to_dict(self) -> dict[str, Any]:
        bound = None if self.bound is None or math.isinf(self.bound) else self.bound
        own = {name: getattr(self, name) for name in self.__slots__}
        return own | {"bound": bound, "reason": _plain(self.reason)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GuardrailStatus:
        bound = math.inf if data["z"] is not None and data["bound"] is None else data["bound"]
        return cls(**(dict(data) | {"bound": bound, "reason": _revived(data["reason"])}))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of the stopping rules for one analysis.

    Attributes
    ----------
    decision : str
        One of `DECISIONS`.
    variant : str or None
        The variant concerned.
    headline : Message
        The decision in a few words.
    reason : Message
        ``"sentences"`` with the sentences as its parameter `parts`, in reading order.
    more_days : int or None
        For keep_running and not_enough_data: estimated days left.
    more_days_reason : Message or None
        Why `more_days` cannot be given.
    facts : tuple of Fact
    guardrails : tuple of GuardrailStatus
        One for each guardrail and variant except the control.
    look : Look
        To be stored and passed to the next analyses of the run.
    """

    decision: Decision
    variant: str | None
    headline: Message
    reason: Message
    more_days: int | None
    more_days_reason: Message | None
    facts: tuple[Fact, ...]
    guardrails: tuple[GuardrailStatus, ...]
    look: Look

    @property
    def reasons(self) -> tuple[Message, ...]:
        """The sentences of `reason`."""
        return tuple(self.reason.params["parts"])

    def to_dict(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in self.__slots__}
        return own | {
            "headline": self.headline.to_dict(),
            "reason": self.reason.to_dict(),
            "more_days_reason": _plain(self.more_days_reason),
            "facts": [fact.to_dict() for fact in self.facts],
            "guardrails": [status.to_dict() for status in self.guardrails],
            "look": self.look.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        revived = {
            "headline": Message.from_dict(data["headline"]),
            "reason": Message.from_dict(data["reason"]),
            "more_days_reason": _revived(data["more_days_reason"]),
            "facts": tuple(Fact.from_dict(fact) for fact in data["facts"]),
            "guardrails": tuple(GuardrailStatus.from_dict(status) for status in data["guardrails"]),
            "look": Look.from_dict(data["look"]),
        }
        return cls(**(dict(data) | revived))


def _plain(value: Message | None) -> dict[str, Any] | None:
    return None if value is None else value.to_dict()


def _revived(value: Mapping[str, Any] | None) -> Message | None:
    return None if value is None else Message.from_dict(value)
