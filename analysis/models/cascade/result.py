"""The result of word of mouth: counts, fit, and reasons for missing figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.errors import AnalysisError, NotShown
from analysis.messages import Message
from analysis.posterior.joint import Estimate, Interval, estimate_from_dict, estimate_to_dict
from analysis.priors import NamedPrior
from analysis.sampling.diagnostics import Diagnostics
from analysis.sampling.predictive import Check


@dataclass(frozen=True, slots=True)
class Reach:
    """Eventual members from one exposure, by the posterior median, since the mean has no meaning near R = 1."""

    median: float
    interval: Interval

    def to_dict(self) -> dict[str, Any]:
        return {"median": self.median, "interval": self.interval.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Reach:
        """Read a stored reach back."""
        return cls(data["median"], Interval(**data["interval"]))


@dataclass(frozen=True, slots=True)
class VariantCascade:
    """One variant's word of mouth.

    Attributes
    ----------
    n : int
        Exposed members, randomised or brought.
    brought, roots : int
        Members brought so far; randomised members.
    r, dispersion : Estimate or NotShown
        R and k of the negative binomial; a small k means that few members bring nearly all.
    p_viral : float or None
        P(R > 1): the chance of unlimited spread.
    reach : Reach or NotShown
    too_young : float
        Share of members who may still bring others.
    sizes, depths : tuple of (int, int)
        Cascades so far: (members, roots) and (generations below the root, roots).
    """

    variant: str
    n: int
    brought: int
    roots: int
    r: Estimate | NotShown
    dispersion: Estimate | NotShown
    p_viral: float | None
    reach: Reach | NotShown
    too_young: float
    sizes: tuple[tuple[int, int], ...]
    depths: tuple[tuple[int, int], ...]

    def to_dict(self) -> dict[str, Any]:
        hidden = self.reach if isinstance(self.reach, NotShown) else None
        return {
            "variant": self.variant,
            "n": self.n,
            "brought": self.brought,
            "roots": self.roots,
            "r": estimate_to_dict(self.r),
            "dispersion": estimate_to_dict(self.dispersion),
            "p_viral": self.p_viral,
            "reach": None if isinstance(self.reach, NotShown) else self.reach.to_dict(),
            "reach_not_shown": None if hidden is None else hidden.reason.to_dict(),
            "too_young": self.too_young,
            "sizes": [list(row) for row in self.sizes],
            "depths": [list(row) for row in self.depths],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VariantCascade:
        """Read a stored variant back."""
        plain = ("variant", "n", "brought", "roots", "p_viral", "too_young")
        hidden = data["reach_not_shown"]
        return cls(
            **{name: data[name] for name in plain},
            r=estimate_from_dict(data["r"]),
            dispersion=estimate_from_dict(data["dispersion"]),
            reach=Reach.from_dict(data["reach"]) if hidden is None else NotShown.of(Message.from_dict(hidden)),
            sizes=tuple((members, roots) for members, roots in data["sizes"]),
            depths=tuple((generations, roots) for generations, roots in data["depths"]),
        )


@dataclass(frozen=True, slots=True)
class CascadeComparison:
    """A variant's R against the control's: variant - control, and the chance that it is larger."""

    variant: str
    control: str
    difference: Estimate
    p_beats_control: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "variant": self.variant,
            "control": self.control,
            "difference": self.difference.to_dict(),
            "p_beats_control": self.p_beats_control,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CascadeComparison:
        """Read a stored comparison back."""
        return cls(**dict(data) | {"difference": Estimate.from_dict(data["difference"])})


@dataclass(frozen=True, slots=True)
class CascadeResult:
    """All variants' word of mouth; with `not_shown` it has only the counts.

    Attributes
    ----------
    checks : tuple of Check
        The numbers brought by complete and younger members and by the largest sharer, compared with the fit.
    note : Message or None
        If the checks contradict the fit: that R is the plain mean of complete members, and why.
    draws : mapping of variant to array of shape (draws,)
        Of R, chain after chain; variants without enough data have none.
    """

    variants: tuple[VariantCascade, ...]
    comparisons: tuple[CascadeComparison, ...]
    prior: NamedPrior
    seed: int
    diagnostics: Diagnostics | None = None
    engine: str | None = None
    checks: tuple[Check, ...] = ()
    note: Message | None = None
    not_shown: NotShown | None = None
    draws: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def variant(self, key: str) -> VariantCascade:
        for row in self.variants:
            if row.variant == key:
                return row
        raise AnalysisError("unknown_variant", f"There is no variant {key!r} in the word of mouth.")

    def to_dict(self) -> dict[str, Any]:
        return {
            "not_shown": None if self.not_shown is None else self.not_shown.to_dict(),
            "variants": [row.to_dict() for row in self.variants],
            "comparisons": [row.to_dict() for row in self.comparisons],
            "prior": self.prior.to_dict(),
            "diagnostics": None if self.diagnostics is None else self.diagnostics.to_dict(),
            "note": None if self.note is None else self.note.to_dict(),
            "checks": [one.to_dict() for one in self.checks],
            "seed": self.seed,
            "engine": self.engine,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CascadeResult:
        """Read a stored result back, without its draws."""
        return cls(
            variants=tuple(VariantCascade.from_dict(row) for row in data["variants"]),
            comparisons=tuple(CascadeComparison.from_dict(row) for row in data["comparisons"]),
            prior=NamedPrior.from_dict(data["prior"]),
            seed=data["seed"],
            diagnostics=None if data["diagnostics"] is None else Diagnostics.from_dict(data["diagnostics"]),
            engine=data["engine"],
            checks=tuple(Check.from_dict(one) for one in data["checks"]),
            note=None if data["note"] is None else Message.from_dict(data["note"]),
            not_shown=None if data["not_shown"] is None else NotShown.from_dict(data["not_shown"]),
        )
