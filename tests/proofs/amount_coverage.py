"""Coverage of the 95 % intervals of amounts, by tail: of a mean, of a difference and of a lift.

``python -m tests.proofs.amount_coverage [--runs 2000] [--uneven] [--plain]`` prints one line a cell of a grid
of tails, members and buyers; about five minutes. Both variants have the same tail; the treatment's amounts are half as
large again.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from analysis import AmountStatistics
from analysis.models import amount, moments
from analysis.posterior.marginals import Marginal, NormalMarginal
from analysis.posterior.quadrature import Compared
from analysis.priors import WEAK_AMOUNT

Draw = Callable[[np.random.Generator, int], np.ndarray]
LIFT = 0.5


def log_normal(sigma: float) -> tuple[Draw, float]:
    return lambda rng, k: rng.lognormal(3, sigma, k), float(np.exp(3 + sigma**2 / 2))


def gamma(shape: float) -> tuple[Draw, float]:
    return lambda rng, k: rng.gamma(shape, 20 / shape, k), 20.0


def two_prices(low: float, high: float, share: float) -> tuple[Draw, float]:
    return lambda rng, k: np.where(rng.random(k) < share, high, low), share * high + (1 - share) * low


#: Name of a tail: how to draw amounts, and their true mean.
TAILS: dict[str, tuple[Draw, float]] = {
    "log-normal 0.5": log_normal(0.5),
    "log-normal 1": log_normal(1.0),
    "log-normal 1.5": log_normal(1.5),
    "log-normal 2": log_normal(2.0),
    "gamma 0.5": gamma(0.5),
    "gamma 1": gamma(1.0),
    "gamma 3": gamma(3.0),
    "9 or 99 (20 %)": two_prices(9, 99, 0.2),
    "19 or 199 (5 %)": two_prices(19, 199, 0.05),
    "Pareto 1.8": (lambda rng, k: 10 * (1 + rng.pareto(1.8, k)), 10 * 1.8 / 0.8),
}
MEMBERS, SHARES = (1_000, 10_000, 100_000), (0.01, 0.03, 0.1)


@dataclass(frozen=True)
class Coverage:
    """Coverage of 95 % intervals; `below` and `above` are the shares of intervals of the mean that missed there."""

    tail: str
    members: int
    buyers: float
    mean: float
    below: float
    above: float
    difference: float
    lift: float | None


def sums(rng: np.random.Generator, draw: Draw, members: int, share: float, factor: float = 1.0) -> AmountStatistics:
    x = draw(rng, int(rng.binomial(members, share))) * factor
    return AmountStatistics(members, len(x), float(x.sum()), float((x**2).sum()))


def posteriors(data: dict[str, AmountStatistics], *, plain: bool) -> tuple[Marginal, ...]:
    """Return the model's interval, or with `plain` the uncorrected one, Normal(mean, s/√n)."""
    if not plain:
        return amount.fit(data, WEAK_AMOUNT).marginals
    sums = [(c.n, float(c.total), c.total_squares) for c in data.values()]
    return tuple(NormalMarginal(x / n, max(moments.variance(n, x, xx) / n, 1e-12) ** 0.5) for n, x, xx in sums)


def cover(
    tail: str, members: int, share: float, runs: int, *, uneven: bool = False, plain: bool = False, seed: int = 1
) -> Coverage:
    """Simulate one cell; with `uneven`, the control has ten times the treatment's members."""
    draw, typical = TAILS[tail]
    rng = np.random.default_rng([seed, list(TAILS).index(tail), members, int(1000 * share)])
    truth = typical * share
    below = above = within = lifts = shown = 0
    for _ in range(runs):
        data = {
            "a": sums(rng, draw, members * (10 if uneven else 1), share),
            "b": sums(rng, draw, members, share, 1 + LIFT),
        }
        a, b = posteriors(data, plain=plain)
        p = float(b.cdf(np.array(truth * (1 + LIFT))))
        below, above = below + (p > 0.975), above + (p < 0.025)
        within += 0.025 <= float(Compared(b, a, False).cdf(LIFT * truth)[0]) <= 0.975
        if a.inverse_mean is not None:
            shown += 1
            lifts += 0.025 <= float(Compared(b, a, True).cdf(LIFT)[0]) <= 0.975
    lift = lifts / shown if shown > runs / 2 else None
    held = 1 - (below + above) / runs
    return Coverage(tail, members, members * share, held, below / runs, above / runs, within / runs, lift)


def grid(runs: int, *, uneven: bool = False, plain: bool = False) -> Iterator[Coverage]:
    for tail in TAILS:
        for members in MEMBERS if not uneven else MEMBERS[:2]:
            for share in SHARES:
                yield cover(tail, members, share, runs, uneven=uneven, plain=plain)


HEAD = f"{'amounts':16}{'members':>9}{'buyers':>8}{'mean':>8}{'below':>7}{'above':>7}{'diff.':>8}{'lift':>8}"


def line(c: Coverage) -> str:
    """Return a cell of the grid as a line of the table; a star marks one that misses."""
    lift = "     -" if c.lift is None else f"{100 * c.lift:6.1f}"
    figures = [c.mean, c.difference] + ([] if c.lift is None else [c.lift])
    missed = "" if all(0.93 <= x <= 0.97 for x in figures) else "  *"
    return (
        f"{c.tail:16}{c.members:9,}{c.buyers:8,.0f}{100 * c.mean:8.1f}{100 * c.below:7.1f}{100 * c.above:7.1f}"
        f"{100 * c.difference:8.1f}  {lift}{missed}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--uneven", action="store_true", help="the control has ten times the members")
    parser.add_argument("--plain", action="store_true", help="the plain Normal instead, to compare with")
    options = parser.parse_args()
    print(HEAD)
    for cell in grid(options.runs, uneven=options.uneven, plain=options.plain):
        print(line(cell), flush=True)


if __name__ == "__main__":
    main()
