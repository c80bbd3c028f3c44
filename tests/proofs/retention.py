"""Coverage of the intervals of the half-life and of both curves, over four return processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis import NotShown
from analysis.models.retention import fit
from analysis.simulate import BetaGeometricReturns, DailyReturns, retention_truth, simulate_retention

PROCESSES = (
    DailyReturns((0.30, 0.20, 0.10)),
    DailyReturns((0.02, 0.02, 0.01)),
    BetaGeometricReturns(0.6, 1.2, 0.4),
    BetaGeometricReturns(2.0, 6.0, 0.9),
)
SEED = 20_120_704


@dataclass(frozen=True)
class Coverage:
    """Coverage over simulated experiments.

    Attributes
    ----------
    shown, experiments : int
    inside : mapping of figure to sequence of bool
        For each experiment that is shown, whether the 95 % interval holds the truth.
    errors : sequence of float
        Relative errors of the half-life.
    """

    experiments: int
    inside: Mapping[str, Sequence[bool]]
    errors: Sequence[float]

    @property
    def shown(self) -> int:
        """The number of experiments with a half-life."""
        return len(self.errors)


def cover(experiments: int) -> Coverage:
    """Simulate experiments with random process, window and number of members, and fit each."""
    rng = np.random.default_rng(SEED)
    inside: dict[str, list[bool]] = {"half_life": [], "ever_returned": [], "curve": [], "returning": []}
    errors = []
    for _ in range(experiments):
        process, horizon = PROCESSES[rng.integers(4)], int(rng.choice([7, 14, 30]))
        members, run = int(rng.choice([400, 2_000, 10_000])), horizon * rng.uniform(1.3, 3)
        truth = retention_truth(process, horizon)
        cell = simulate_retention(members, process, horizon, run=run, seed=rng)
        found = fit.fit_retention({"a": cell}, seed=int(rng.integers(2**31)), tail=False).variants[0]
        if isinstance(found.half_life, NotShown):
            continue
        errors.append((found.half_life.mean - truth.half_life) / truth.half_life)
        for name in ("half_life", "ever_returned"):
            interval = getattr(found, name).interval
            inside[name].append(interval.low <= getattr(truth, name) <= interval.high)
        day = int(rng.integers(1, horizon))
        for name, true in (("curve", truth.curve), ("returning", truth.returning)):
            points = {point.day: point for point in getattr(found, name)}
            inside[name].append(points[day].low <= true[day - 1] <= points[day].high)
    return Coverage(experiments, inside, errors)


def table(experiments: int) -> list[str]:
    """Return the lines of the table."""
    found = cover(experiments)
    lines = [f"{name:<16}{np.mean(hits):>8.1%}" for name, hits in found.inside.items()]
    return [*lines, f"{found.shown:,} of {experiments:,} shown; mean relative error {np.mean(found.errors):+.2%}"]
