"""Named priors, each with its reason, so that no analysis uses one silently."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.errors import AnalysisError
from analysis.messages import Message, is_message, message

#: Parameters that may be 0 or less.
SIGNED = ("mean_log_odds",)


@dataclass(frozen=True, slots=True)
class NamedPrior:
    """A prior that can be shown, stored and discussed.

    Attributes
    ----------
    name : str
        Stable name, stored with each analysis.
    parameters : tuple of (str, float)
        By name.
    reason : Message or str
        Why this prior; a text if it was entered by hand.
    """

    name: str
    parameters: tuple[tuple[str, float], ...]
    reason: Message | str = field(compare=False)

    def __post_init__(self) -> None:
        pairs = self.parameters.items() if isinstance(self.parameters, Mapping) else self.parameters
        clean = tuple((str(name), float(value)) for name, value in pairs)
        for name, value in clean:
            if not math.isfinite(value) or (value <= 0 and name not in SIGNED):
                raise AnalysisError(
                    "bad_prior", f"Parameter {name} of the prior {self.name} is {value}; give a finite number above 0."
                )
        object.__setattr__(self, "parameters", clean)

    def __getitem__(self, name: str) -> float:
        for known, value in self.parameters:
            if known == name:
                return value
        raise AnalysisError(
            "bad_prior",
            f"The prior {self.name} has no parameter {name!r}; it has {', '.join(n for n, _ in self.parameters)}.",
        )

    def get(self, name: str) -> float | None:
        """Return a parameter that the prior may have, or None."""
        return dict(self.parameters).get(name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `from_dict` reads them back."""
        reason = self.reason.to_dict() if isinstance(self.reason, Message) else self.reason
        return {"name": self.name, "parameters": dict(self.parameters), "reason": reason}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NamedPrior:
        """Read a stored prior back."""
        reason = Message.from_dict(data["reason"]) if is_message(data["reason"]) else data["reason"]
        return cls(data["name"], tuple(data["parameters"].items()), reason)


FLAT_BETA = NamedPrior("flat_beta", (("alpha", 1.0), ("beta", 1.0)), message("prior.flat_beta"))

WEAK_AMOUNT = NamedPrior("weak_amount", (("amounts_believed", 10.0),), message("prior.weak_amount"))

WEAK_COUNT = NamedPrior("weak_count", (("amounts_believed", 10.0),), message("prior.weak_count"))

WEAK_RATIO = NamedPrior("weak_ratio", (("amounts_believed", 10.0),), message("prior.weak_ratio"))

WEAK_ADJUSTED = NamedPrior("weak_adjusted", (("amounts_believed", 10.0),), message("prior.weak_adjusted"))

WEAK_VALUE = NamedPrior("weak_value", (("amounts_believed", 10.0),), message("prior.weak_value"))

CONTENT = NamedPrior(
    "content",
    (("log_odds_sd", 0.188), ("log_odds_sd_varies", 0.5), ("sd", 0.333)),
    message("prior.content", tests=1_957, variants=9_433, members=33_000_000, within=0.21, widest=0.43),
)

SCEPTICAL = NamedPrior("sceptical", (("log_odds_sd", 0.0707), ("sd", 0.10)), message("prior.sceptical"))

SEGMENT_WEAK = NamedPrior(
    "segment_weak",
    (("rate_sd", 2.5), ("variant_sd", 0.5), ("segment_sd", 0.5), ("interaction_sd", 0.3)),
    message("prior.segment_weak"),
)

WEAK_RETURN = NamedPrior("weak_return", (("never", 1.0), ("returned", 1.0)), message("prior.weak_return"))

RETENTION_WEAK = NamedPrior(
    "retention_weak",
    (("log_odds_sd", 1.5), ("evenness_median", 2.0), ("evenness_log_sd", 1.0)),
    message("prior.retention_weak"),
)

WORD_OF_MOUTH = NamedPrior(
    "word_of_mouth",
    (
        ("r_median", 0.3),
        ("r_log_sd", 1.5),
        ("dispersion_median", 0.5),
        ("dispersion_log_sd", 1.5),
        ("delay_members", 2.0),
        ("part_day", 2.0),
    ),
    message("prior.word_of_mouth"),
)

HURDLE_WEAK = NamedPrior(
    "hurdle_weak",
    (("level_sd", 5.0), ("variant_sd", 0.5), ("shape_sd", 1.5), ("shape_variant_sd", 0.3)),
    message("prior.hurdle_weak"),
)

NEGATIVE_BINOMIAL_WEAK = NamedPrior(
    "negative_binomial_weak",
    (("level_sd", 3.0), ("variant_sd", 0.5), ("dispersion_sd", 2.5), ("dispersion_variant_sd", 0.5)),
    message("prior.negative_binomial_weak"),
)

PRIORS: tuple[NamedPrior, ...] = (
    FLAT_BETA,
    WEAK_AMOUNT,
    WEAK_COUNT,
    WEAK_RATIO,
    WEAK_ADJUSTED,
    WEAK_VALUE,
    CONTENT,
    SCEPTICAL,
    SEGMENT_WEAK,
    WEAK_RETURN,
    RETENTION_WEAK,
    WORD_OF_MOUTH,
    HURDLE_WEAK,
    NEGATIVE_BINOMIAL_WEAK,
)


def of(prior: object) -> NamedPrior:
    """Return the given prior, or the prior of a given name."""
    if isinstance(prior, NamedPrior):
        return prior
    if isinstance(prior, str):
        return named(prior)
    raise AnalysisError(
        "bad_prior", f"The prior {prior!r} is a {type(prior).__name__}; give a NamedPrior, or the name of one."
    )


def named(name: str) -> NamedPrior:
    """Return the prior of that name."""
    for prior in PRIORS:
        if prior.name == name:
            return prior
    raise AnalysisError("unknown_prior", f"There is no prior {name!r}; there are {', '.join(p.name for p in PRIORS)}.")
