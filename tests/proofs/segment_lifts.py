"""Coverage of the intervals of segment lifts, over simulated audiences with known truth.

    python -m tests.proofs.segment_lifts 200
    python -m tests.proofs.segment_lifts --small

The first prints one line for each kind of truth; the second judges 1,300 smaller audiences (2 variants, 6 segments)
whose truth is drawn from the prior, 50 for each seed. Lifts of one audience share their control and are not
independent, so the standard error is over audiences.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import kstest

from analysis import ProportionStatistics, priors
from analysis.segments import fit

VARIANTS, LEVELS, MEMBERS = 3, 12, 60_000
PRIOR = priors.SEGMENT_WEAK
#: Seeds of the batches of small audiences, as first run.
SMALL_SEEDS = (101, 103, *range(102, 150, 2))
BATCH = 50
Effects = tuple[np.ndarray, np.ndarray, np.ndarray]
#: ``truth(rng, variants, levels)``: effects of each variant but the control, of each level, and of both together.
Truth = Callable[[np.random.Generator, int, int], Effects]


def from_the_prior(rng: np.random.Generator, variants: int, levels: int) -> Effects:
    """Draw variant, segment and interaction effects from the model's prior."""
    segment_sd = PRIOR["segment_sd"] * np.exp(0.7 * rng.normal())
    scale = PRIOR["interaction_sd"] * abs(rng.normal())
    segment, interaction = rng.normal(size=levels), rng.normal(size=(variants - 1, levels))
    return (
        PRIOR["variant_sd"] * rng.normal(size=variants - 1),
        segment_sd * (segment - segment.mean()),
        scale * (interaction - interaction.mean(axis=1, keepdims=True)),
    )


def alike_everywhere(rng: np.random.Generator, variants: int, levels: int) -> Effects:
    """Draw variants that work the same in each segment."""
    return 0.1 * rng.normal(size=variants - 1), 0.4 * rng.normal(size=levels), np.zeros((variants - 1, levels))


def a_little_different(rng: np.random.Generator, variants: int, levels: int) -> Effects:
    """Draw variants that work a tenth better or worse from segment to segment."""
    return alike_everywhere(rng, variants, levels)[:2] + (0.1 * rng.normal(size=(variants - 1, levels)),)


def different_in_few(rng: np.random.Generator, variants: int, levels: int) -> Effects:
    """Draw variants that work the same except in one segment in ten, far from the prior's assumption."""
    odd = rng.random((variants - 1, levels)) < 0.1
    return alike_everywhere(rng, variants, levels)[:2] + (odd * rng.choice([-0.4, 0.4], (variants - 1, levels)),)


TRUTHS: tuple[Truth, ...] = (from_the_prior, alike_everywhere, a_little_different, different_in_few)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coverage of the intervals, its standard error, and how many audiences were not shown.

    `uniform` is the p-value of the ranks' uniformity (one lift an audience, taken at random).
    """

    coverage: float
    error: float
    uniform: float
    lifts: int
    audiences: int
    not_shown: int


def calibrate(
    truth: Truth, audiences: int, *, seed: int, variants: int = VARIANTS, levels: int = LEVELS, members: int = MEMBERS
) -> Calibration:
    """Simulate, fit and compare with the truth."""
    rng = np.random.default_rng(seed)
    shares, ranks, lifts, lost = [], [], 0, 0
    for number in range(audiences):
        variant, segment, interaction = truth(rng, variants, levels)
        moved = np.vstack([np.zeros(levels), variant[:, None] + interaction])
        rates = expit(rng.normal(-2.5, 0.4) + segment + moved)
        n = np.maximum(rng.multinomial(members, rng.dirichlet(np.full(levels, 0.8))), 1)
        cells = {
            (str(v), (str(g),)): ProportionStatistics(int(n[g]), int(rng.binomial(n[g], rates[v, g])))
            for v in range(variants)
            for g in range(levels)
        }
        joint = fit.fit_segments(cells, control="0", attributes=["s"], seed=number + 1, draws=500)
        result = joint.attributes["s"]
        if not isinstance(result, fit.SegmentResult):
            lost += 1
            continue
        true = {(str(v), str(g)): rates[v, g] / rates[0, g] - 1 for v in range(1, variants) for g in range(levels)}
        rows = [row for row in result.segment_rows if row.lift]
        held = [row.lift.interval.low <= true[row.variant, row.level] <= row.lift.interval.high for row in rows]
        shares.append(np.mean(held))
        lifts += len(held)
        v, g = int(rng.integers(1, variants)), int(rng.integers(levels))
        place = result.levels.index(str(g))
        drawn = joint.draws["s"].values["rate_s"]
        ranks.append(float((drawn[:, :, v, place] / drawn[:, :, 0, place] - 1 < true[str(v), str(g)]).mean()))
    error = float(np.std(shares) / np.sqrt(len(shares)))
    return Calibration(float(np.mean(shares)), error, float(kstest(ranks, "uniform").pvalue), lifts, audiences, lost)


def line(truth: Truth, found: Calibration) -> str:
    """Return the result of a kind of truth as a line."""
    return (
        f"{truth.__name__.replace('_', ' '):20} 95 % intervals hold {100 * found.coverage:.1f} % ± "
        f"{100 * found.error:.1f} of {found.lifts:,} lifts; ranks uniform p = {found.uniform:.2f}; "
        f"{found.not_shown} of {found.audiences} audiences not shown"
    )


def small(seeds: Sequence[int] = SMALL_SEEDS) -> str:
    """Return the combined result of the batches of small audiences."""
    found = [calibrate(from_the_prior, BATCH, seed=seed, variants=2, levels=6) for seed in seeds]
    shown = np.array([each.audiences - each.not_shown for each in found])
    share = shown / shown.sum()
    coverage = float(share @ [each.coverage for each in found])
    error = float(np.sqrt((share**2) @ [each.error**2 for each in found]))
    uniform = kstest([each.uniform for each in found], "uniform").pvalue
    return (
        f"{shown.sum():,} audiences: 95 % intervals hold {100 * coverage:.1f} % ± {100 * error:.1f} of "
        f"{sum(each.lifts for each in found):,} lifts; p-values of the batches' ranks uniform p = {uniform:.2f}; "
        f"{sum(each.not_shown for each in found)} not shown"
    )


def main(words: list[str]) -> None:
    if words == ["--small"]:
        print(small())
        return
    for truth in TRUTHS:
        print(line(truth, calibrate(truth, int(words[0]) if words else 200, seed=2026)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
