"""The declarations of an experiment that collecting needs besides its metrics: the covariate and the worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from experiments.storage.tables import Experiment, Variant


@dataclass(frozen=True, slots=True)
class Covariate:
    """A pre-experiment covariate: one of an attribute and the same outcome before the exposure.

    Attributes
    ----------
    attribute : str or None
        A numeric attribute of the exposure. Members without it, or with a value that is not a number, count as 0.
    days_before : int or None
        The same outcome over this many 24-hour days before the exposure.
    """

    attribute: str | None = None
    days_before: int | None = None

    @classmethod
    def of(cls, experiment: Experiment) -> Self | None:
        """Return the covariate that the experiment declares, if any."""
        stored = experiment.covariate
        return cls(stored.get("attribute"), stored.get("days_before")) if stored else None


@dataclass(frozen=True, slots=True)
class Worth:
    """The worth of outcomes and the cost of variants, in the experiment's currency.

    Attributes
    ----------
    margin : float
        Share of the revenue that is profit.
    actions : dict of str to float
        Worth of one event by its type.
    costs : dict of str to tuple of Decimal
        By variant: the fixed cost, and the cost of 1,000 exposed members.
    """

    margin: float = 1.0
    actions: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment, variants: Sequence[Variant]) -> Self:
        """Return the worth that the experiment and its variants declare."""
        stored = experiment.action_values or {}
        return cls(
            experiment.margin,
            {kind: float(stored[kind]) for kind in sorted(stored)},
            {
                variant.key: (Decimal(str(variant.cost["fixed"])), Decimal(str(variant.cost["per_thousand"])))
                for variant in variants
                if variant.cost
            },
        )

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes that are summed: the revenue, then a count for each action."""
        return ("revenue", *self.actions)

    @property
    def weights(self) -> tuple[float, ...]:
        """The worth of one unit of each outcome."""
        return (self.margin, *self.actions.values())

    def cost_of(self, variant: str) -> tuple[Decimal, Decimal]:
        """Return the fixed cost and the cost of 1,000 members; zero if none is declared."""
        return self.costs.get(variant, (Decimal(0), Decimal(0)))
