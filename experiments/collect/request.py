"""What an experiment declares beyond its metrics, as collect needs to know it: the covariate, and what all is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from experiments.storage.tables import Experiment, Variant


@dataclass(frozen=True, slots=True)
class Covariate:
    """What was known of a member before the first exposure; one of the two.

    Attributes
    ----------
    attribute : str or None
        A numeric attribute of the exposure. Members without it, or with what is no number, count with 0.
    days_before : int or None
        The same outcome in so many 24-hour days before.
    """

    attribute: str | None = None
    days_before: int | None = None

    @classmethod
    def of(cls, experiment: Experiment) -> Self | None:
        """The covariate that the experiment declares, if any."""
        stored = experiment.covariate
        return cls(stored.get("attribute"), stored.get("days_before")) if stored else None


@dataclass(frozen=True, slots=True)
class Worth:
    """What outcomes are worth and what variants cost, in the experiment's currency.

    Attributes
    ----------
    margin : float
        Share of the revenue that is earned.
    actions : dict of str to float
        Worth of one event by its type.
    costs : dict of str to tuple of Decimal
        By variant: what it costs once, and for each 1,000 exposed members.
    """

    margin: float = 1.0
    actions: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment, variants: Sequence[Variant]) -> Self:
        """What the experiment and its variants declare."""
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
        """What is summed: the revenue, then one count an action."""
        return ("revenue", *self.actions)

    @property
    def weights(self) -> tuple[float, ...]:
        """The worth of one unit of each outcome."""
        return (self.margin, *self.actions.values())

    def cost_of(self, variant: str) -> tuple[Decimal, Decimal]:
        """Once, and for each 1,000 members; nothing where none was declared."""
        return self.costs.get(variant, (Decimal(0), Decimal(0)))
