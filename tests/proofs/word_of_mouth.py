"""Coverage of the intervals of the K-factor while many members are recent, with two variants per experiment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis import CascadeStatistics, NotShown
from analysis.models.cascade import fit
from analysis.simulate import Spreading, simulate_cascades

TRUE_R = (0.3, 0.8, 0.95, 1.05)
SEED = 20_130_701


@dataclass(frozen=True)
class Recovered:
    """One variant of one simulated experiment.

    Attributes
    ----------
    true_r, r, ignoring_age : float
        The truth, the estimate, and the mean number brought so far.
    r_inside, k_inside : bool or None
        Whether the 95 % interval holds the truth; None for a k that is not shown.
    """

    true_r: float
    r: float
    ignoring_age: float
    r_inside: bool
    k_inside: bool | None


def naive(cell: CascadeStatistics) -> float:
    """Return the mean number brought so far."""
    return cell.brought / cell.n


def recover(experiment: int, rng: np.random.Generator) -> list[Recovered] | None:
    """Simulate and fit two variants of one truth; None if nothing is shown."""
    r, k, shape = TRUE_R[experiment % 4], float(rng.choice([0.2, 0.5, 2.0])), float(rng.choice([0.7, 1, 2]))
    law = Spreading(r, k, 1.5, shape)
    data = {key: simulate_cascades(1_200, law, 7, run=10, seed=rng) for key in ("a", "b")}
    result = fit.fit_cascade(data, control="a", seed=int(rng.integers(2**31)), draws=500)
    if result.not_shown is not None:
        return None
    rows = []
    for row in result.variants:
        hidden = isinstance(row.dispersion, NotShown)
        k_inside = None if hidden else row.dispersion.interval.low <= k <= row.dispersion.interval.high
        r_inside = row.r.interval.low <= r <= row.r.interval.high
        rows.append(Recovered(r, row.r.mean, naive(data[row.variant]), r_inside, k_inside))
    return rows


def recover_all(experiments: int) -> tuple[list[Recovered], int]:
    """Return the variants of a number of experiments, and how many experiments are not shown."""
    rng = np.random.default_rng(SEED)
    found = [recover(experiment, rng) for experiment in range(experiments)]
    return [row for rows in found if rows is not None for row in rows], found.count(None)


def table(experiments: int) -> list[str]:
    """Return the lines of the table: coverage by true R, and overall."""
    rows, missing = recover_all(experiments)
    lines = [f"{'true R':>8}{'mean R':>9}{'ignoring age':>14}{'R inside':>10}"]
    for value in TRUE_R:
        own = [row for row in rows if row.true_r == value]
        r, ignoring, inside = (
            np.mean([getattr(row, name) for row in own]) for name in ("r", "ignoring_age", "r_inside")
        )
        lines.append(f"{value:>8.2f}{r:>9.3f}{ignoring:>14.3f}{inside:>10.1%}")
    k = [row.k_inside for row in rows if row.k_inside is not None]
    hidden = sum(row.k_inside is None for row in rows)
    inside = np.mean([row.r_inside for row in rows])
    lines.append(f"all: R {inside:.1%}, k {np.mean(k):.1%}; {hidden} contradicted, {missing} experiments not shown")
    return lines
