"""The expected members of a planned test and their baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.errors import AnalysisError, refuse_non_numbers

_MOST_VARIANTS: Final = 20


@dataclass(frozen=True, slots=True)
class Audience:
    """The expected members of a planned test and their baseline.

    Attributes
    ----------
    mean : float
        The control's true mean per member: a rate between 0 and 1, or an amount or count above 0.
    members_a_day : float
        Of all variants together.
    weights : tuple of float
        Planned share of each variant, the control first; they add up to 1.
    sd : float or None
        Standard deviation of one member's amount or count, zeros included; None = a rate.
    higher : bool
        Whether more is better.
    """

    mean: float
    members_a_day: float
    weights: tuple[float, ...] = (0.5, 0.5)
    sd: float | None = None
    higher: bool = True

    def __post_init__(self) -> None:
        refuse_non_numbers(mean=self.mean, members_a_day=self.members_a_day)
        if self.sd is not None:
            refuse_non_numbers(sd=self.sd)
        object.__setattr__(self, "weights", tuple(float(w) for w in self.weights))
        if not 2 <= len(self.weights) <= _MOST_VARIANTS:
            raise AnalysisError("bad_request", f"{len(self.weights)} variants; plan with 2 to {_MOST_VARIANTS}.")
        if not all(w > 0 for w in self.weights) or abs(sum(self.weights) - 1) > 1e-6:
            raise AnalysisError("bad_request", f"The weights {self.weights} must each be above 0 and add up to 1.")
        if not (math.isfinite(self.mean) and self.mean > 0):
            raise AnalysisError("bad_request", f"The base of {self.mean} must lie above 0; give what the control does.")
        if self.sd is None and self.mean >= 1:
            raise AnalysisError("bad_request", f"A base rate of {self.mean} is not below 1; give 0.05 for 5 %.")
        if self.sd is not None and not (math.isfinite(self.sd) and self.sd > 0):
            raise AnalysisError("bad_request", f"The standard deviation {self.sd} must lie above 0.")
        if not (math.isfinite(self.members_a_day) and 1 <= self.members_a_day <= 1e10):
            raise AnalysisError("bad_request", f"{self.members_a_day} members a day; give a number from 1 to 1e10.")

    @property
    def comparisons(self) -> int:
        return len(self.weights) - 1

    def members(self, days: Sequence[float] | np.ndarray) -> np.ndarray:
        """Return the cumulative members of each variant by day, of shape (days, variants)."""
        each = np.outer(np.asarray(days, float) * self.members_a_day, self.weights)
        return np.floor(each + 1e-9).astype(np.int64)

    def log_lifts(self, lift: float) -> np.ndarray:
        """Return log-lifts with the first new variant better by `lift` and the others equal to the control."""
        factor = 1 + lift if self.higher else 1 - lift
        if not (math.isfinite(lift) and lift >= 0 and factor > 0):
            raise AnalysisError("bad_request", f"A lift of {lift} cannot be; give a share such as 0.1, below 1.")
        if self.sd is None and self.mean * factor >= 1:
            raise AnalysisError(
                "bad_request", f"{self.mean} with a lift of {lift} is a rate of {self.mean * factor:.3g}; stay below 1."
            )
        out = np.zeros(self.comparisons)
        out[0] = math.log(factor)
        return out
