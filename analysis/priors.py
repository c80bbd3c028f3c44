"""Named priors, each with its reason: what is believed before the data, never silently."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.errors import AnalysisError

#: Parameters that may be 0 or less.
SIGNED = ("mean_log_odds",)


@dataclass(frozen=True, slots=True)
class NamedPrior:
    """A prior that can be shown, stored and argued with.

    Attributes
    ----------
    name : str
        Stable name, stored with each analysis.
    parameters : tuple of (str, float)
        What fixes it, by name.
    reason : str
        One plain sentence: why this one.
    """

    name: str
    parameters: tuple[tuple[str, float], ...]
    reason: str

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
        return {"name": self.name, "parameters": dict(self.parameters), "reason": self.reason}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NamedPrior:
        return cls(data["name"], tuple(data["parameters"].items()), data["reason"])


FLAT_BETA = NamedPrior(
    "flat_beta",
    (("alpha", 1.0), ("beta", 1.0)),
    "Every rate from 0 to 100 % is equally likely beforehand, so that the shown rates are the data's own; "
    "the guard against lucky streaks is the lift prior of the verdict, not this.",
)

WEAK_AMOUNT = NamedPrior(
    "weak_amount",
    (("amounts_believed", 10.0),),
    "The mean per member is left to the data; but until a variant has 10 members with an amount, its spread is "
    "partly borrowed from all variants, because the spread of a handful of purchases is always too small.",
)

WEAK_COUNT = NamedPrior(
    "weak_count",
    (("amounts_believed", 10.0),),
    "The mean per member is left to the data; but until 10 members of a variant did it, its spread is partly "
    "borrowed from all variants, because the spread of a handful of counts is always too small.",
)

WEAK_RATIO = NamedPrior(
    "weak_ratio",
    (("amounts_believed", 10.0),),
    "The ratio is left to the data; but until 10 members of a variant have something to divide by, its spread is partly"
    " borrowed from all variants, because the spread of a handful of members is always too small.",
)

WEAK_ADJUSTED = NamedPrior(
    "weak_adjusted",
    (("amounts_believed", 10.0),),
    "The adjusted mean is left to the data; but until a variant has what 10 equal outcomes tell, its spread is partly "
    "borrowed from all variants, because the spread of a handful of outcomes is always too small.",
)

WEAK_VALUE = NamedPrior(
    "weak_value",
    (("amounts_believed", 10.0),),
    "The value per member is left to the data; but until a variant has what 10 members of equal worth tell, its spread "
    "is partly borrowed from all variants, because the spread of a handful of members is always too small.",
)

CONTENT = NamedPrior(
    "content",
    (("log_odds_sd", 0.188), ("log_odds_sd_varies", 0.5), ("sd", 0.333)),
    "Fitted to 1,957 headline tests of the Upworthy archive (9,433 variants, 33 million views): in half of the tests "
    "two thirds of the variants truly lie within 21 % of their test's middle, in 9 of 10 tests within 43 %, so a "
    "bigger lead in few members is mostly luck.",
)

SCEPTICAL = NamedPrior(
    "sceptical",
    (("log_odds_sd", 0.0707), ("sd", 0.10)),
    "Two thirds of real changes move the result by less than 10 %. Headlines of an Upworthy test differ three times as "
    "much, so this is for small changes of what works already: a big lead in few members counts for little.",
)

SEGMENT_WEAK = NamedPrior(
    "segment_weak",
    (("rate_sd", 2.5), ("variant_sd", 0.5), ("segment_sd", 0.5), ("interaction_sd", 0.3)),
    "On the log-odds scale: a rate may be almost anything, segments differ by up to several times, and a variant works "
    "alike in most segments unless the data say otherwise, so small groups are drawn towards the whole.",
)

WEAK_RETURN = NamedPrior(
    "weak_return",
    (("never", 1.0), ("returned", 1.0)),
    "As if two members had been seen before: one who never came back, and one who did on a day of which nothing is "
    "known. That is little beside any audience, and keeps a day on which nobody returned from counting as impossible.",
)

STAYING_WEAK = NamedPrior(
    "staying_weak",
    (("log_odds_sd", 1.5), ("evenness_median", 2.0), ("evenness_log_sd", 1.0)),
    "The share who leave before the first day, and the chance that who stays is there on a day, may be almost "
    "anything; members differ in how soon they leave by anything from little to very much.",
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
    "A member brings between 0.02 and 5 others on average, and few members bring most of them, as measured of "
    "contagion of all kinds (Lloyd-Smith et al. 2005). When they come is worth two members, sooner being likelier; of "
    "a day that is not over, about half is.",
)

HURDLE_WEAK = NamedPrior(
    "hurdle_weak",
    (("level_sd", 5.0), ("variant_sd", 0.5), ("shape_sd", 1.5), ("shape_variant_sd", 0.3)),
    "Any share of buyers is equally likely, the amounts' level and spread may be almost anything, and what a buyer "
    "spends differs between variants by less than threefold, so that a handful of purchases tells no fairy tale.",
)

NEGATIVE_BINOMIAL_WEAK = NamedPrior(
    "negative_binomial_weak",
    (("level_sd", 3.0), ("variant_sd", 0.5), ("dispersion_sd", 2.5), ("dispersion_variant_sd", 0.5)),
    "How often on average, and how unevenly among members, may be almost anything; variants differ in the first by "
    "less than threefold and in the second by little, unless the data say otherwise.",
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
    STAYING_WEAK,
    WORD_OF_MOUTH,
    HURDLE_WEAK,
    NEGATIVE_BINOMIAL_WEAK,
)


def of(prior: object) -> NamedPrior:
    """Return a prior as it is, or the one of that name."""
    if isinstance(prior, NamedPrior):
        return prior
    if isinstance(prior, str):
        return named(prior)
    raise AnalysisError(
        "bad_prior", f"The prior {prior!r} is a {type(prior).__name__}; give a NamedPrior, or the name of one."
    )


def named(name: str) -> NamedPrior:
    """Return the prior of that name, or say which names there are."""
    for prior in PRIORS:
        if prior.name == name:
            return prior
    raise AnalysisError("unknown_prior", f"There is no prior {name!r}; there are {', '.join(p.name for p in PRIORS)}.")
