"""Thousands of real headline tests: what a method predicts from the first part is compared with the rest.

Each package's impressions are split in two by binomial thinning: every impression, clicked or not, goes to the first
part with the same chance. Tests inside the archive's fault window are left out. Priors are learned from other tests
only: each half of the archive is judged with what the other half taught.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import betaincc, betaincinv, betaln, expit, gammaln, log_expit, logsumexp

from analysis import ProportionStatistics
from analysis.learning.learn import LearnedLift, TestSummary, learn
from analysis.models import conversion, conversion_flat
from analysis.pooling.posterior import PooledPosterior
from analysis.pooling.prior_conflict import widened
from analysis.posterior.joint import IndependentPosterior
from analysis.priors import CONTENT, FLAT_BETA, NamedPrior

FILE = "upworthy_tests_dev.csv.gz"
SEED = 20_131_101


@dataclass(frozen=True, slots=True)
class Split:
    """One test: members and clicks of the first part and of the rest, arrays (packages,)."""

    key: str
    n: np.ndarray
    y: np.ndarray
    n_rest: np.ndarray
    y_rest: np.ndarray

    @property
    def statistics(self) -> dict[str, ProportionStatistics]:
        counts = enumerate(zip(self.n.tolist(), self.y.tolist(), strict=True))
        return {f"p{i + 1}": ProportionStatistics(n, y) for i, (n, y) in counts}


@dataclass(frozen=True, slots=True)
class Said:
    """What a method predicts of one test from its first part.

    Attributes
    ----------
    log_score : array (packages,)
        Log predictive probability of the rest's clicks given its impressions; NaN where the method predicts none.
    beats : array (packages - 1,)
        Chance that packages 2, 3, ... beat package 1.
    best : array (packages,)
        Chance of being best.
    pit : array (packages,)
        Where the rest's clicks lie in what was predicted of them: P(fewer) + P(as many) / 2. NaN where the method
        predicts none.
    """

    log_score: np.ndarray
    beats: np.ndarray
    best: np.ndarray
    pit: np.ndarray


Method = Callable[[Split], Said]


def read(folder: Path) -> list[TestSummary]:
    """Return the tests outside the fault window with at least two packages that were shown."""
    packages: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with gzip.open(folder / FILE, "rt", newline="") as file:
        for row in csv.DictReader(file):
            if row["fault_window"] == "0" and int(row["impressions"]) > 0:
                packages[row["test_id"]].append((int(row["impressions"]), int(row["clicks"])))
    return [
        TestSummary(key, tuple(n for n, _ in rows), tuple(y for _, y in rows))
        for key, rows in packages.items()
        if len(rows) > 1
    ]


def thin(tests: Sequence[TestSummary], share: float, seed: int = SEED) -> list[Split]:
    """Split every test in two; the same seed gives the same split."""
    rng = np.random.default_rng([seed, round(share * 1000)])
    splits = []
    for test in tests:
        n, y = np.array(test.members), np.array(test.successes)
        clicked, passed = rng.binomial(y, share), rng.binomial(n - y, share)
        first = clicked + passed
        splits.append(Split(test.key, first, clicked, n - first, y - clicked))
    return [split for split in splits if split.n.min() > 0 and split.n_rest.min() > 0]


def halves(tests: Sequence[TestSummary]) -> tuple[list[TestSummary], list[TestSummary]]:
    """Return every second test in the order of ids, so that both halves span all years."""
    ordered = sorted(tests, key=lambda test: test.key)
    return ordered[::2], ordered[1::2]


def _log_choose(n: np.ndarray, y: np.ndarray) -> np.ndarray:
    return gammaln(n + 1.0) - gammaln(y + 1.0) - gammaln(n - y + 1.0)


def flat(split: Split) -> Said:
    """Predict with independent Beta(1, 1) priors."""
    posterior = conversion_flat.fit(split.statistics, FLAT_BETA)
    assert isinstance(posterior, IndependentPosterior)
    a, b = split.y + 1.0, split.n - split.y + 1.0
    score = betaln(a + split.y_rest, b + split.n_rest - split.y_rest) - betaln(a, b)
    middles = (np.arange(200) + 0.5) / 200
    pit = _pit(split, betaincinv(a[:, None], b[:, None], middles)).mean(axis=1)
    return _said(posterior, score + _log_choose(split.n_rest, split.y_rest), pit)


def pooled(prior: NamedPrior) -> Method:
    """Predict with the scorecard under a prior, which shrinks less the variants that differ more than expected."""

    def method(split: Split) -> Said:
        posterior = conversion.fit(split.statistics, widened(prior, split.statistics))
        assert isinstance(posterior, PooledPosterior)
        tables = posterior.tables
        y, n = split.y_rest[:, None, None], split.n_rest[:, None, None]
        theta = tables.theta
        likelihood = y * log_expit(theta) + (n - y) * log_expit(-theta)
        score = logsumexp(likelihood, axis=(1, 2), b=tables.mass * tables.weight[:, None])
        weight = tables.weight[:, None] * tables.mass[..., ::4] / tables.mass[..., ::4].sum(axis=-1, keepdims=True)
        pit = (_pit(split, expit(theta[..., ::4])) * weight).sum(axis=(1, 2))
        return _said(posterior, score + _log_choose(split.n_rest, split.y_rest), pit)

    return method


def _pit(split: Split, rates: np.ndarray) -> np.ndarray:
    """Return P(fewer) + P(as many) / 2 of the rest's clicks at each rate, (packages, ...)."""
    y, n = (part.reshape(-1, *(1,) * (rates.ndim - 1)) for part in (split.y_rest, split.n_rest))
    fewer = np.where(y > 0, betaincc(np.maximum(y, 1), n - y + 1, rates), 0.0)
    at_most = np.where(y < n, betaincc(y + 1, np.maximum(n - y, 1), rates), 1.0)
    return (fewer + at_most) / 2


def _said(posterior: IndependentPosterior | PooledPosterior, score: np.ndarray, pit: np.ndarray) -> Said:
    beats = np.array([posterior.p_greater(v, 0) for v in range(1, len(posterior.variants))])
    best, _ = posterior.best_and_loss(higher=True)
    return Said(score, beats, best, pit)


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of a method over all tests.

    Attributes
    ----------
    method : str
    share : float
        Of impressions in the first part.
    tests, packages : int
    log_score : float
        Mean a package; higher is better.
    brier : float
        Mean squared error of the chance to beat package 1, against whether it did in the rest (a tie counts one half).
    bold, bold_said, bold_won : int, float, float
        Comparisons with a stated chance above 0.95: how many, what was said on average, and how many won in the rest.
    calibration_error : float
        Mean distance of stated chances from the share that won in the rest, over ten bins of what was said. The rest
        is noisy too, so that even the truth would not score 0.
    captured : float
        Click rate in the rest of the package most probably best.
    at_random : float
        Click rate in the rest of a package picked at random.
    covered : float
        Share of packages whose rest's clicks lie within the central 95 % of what was predicted of them.
    """

    method: str
    share: float
    tests: int
    packages: int
    log_score: float
    brier: float
    bold: int
    bold_said: float
    bold_won: float
    calibration_error: float
    captured: float
    at_random: float
    covered: float


def evaluate(name: str, splits: Sequence[Split], method: Callable[[Split], Said], share: float) -> Scores:
    """Compare the predictions of a method with the rest of each test."""
    said, scores, won, chosen, random, covered = [], [], [], [], [], []
    for split in splits:
        answer = method(split)
        rate = split.y_rest / split.n_rest
        scores.append(answer.log_score)
        said.append(answer.beats)
        won.append(np.where(rate[1:] == rate[0], 0.5, rate[1:] > rate[0]))
        chosen.append(rate[int(answer.best.argmax())])
        random.append(rate.mean())
        covered.append(np.abs(answer.pit - 0.5) <= 0.475)
    p, outcome = np.concatenate(said), np.concatenate(won)
    bold = np.maximum(p, 1 - p) > 0.95
    surely, right = np.maximum(p, 1 - p)[bold], np.where(p > 0.5, outcome, 1 - outcome)[bold]
    return Scores(
        method=name,
        share=share,
        tests=len(splits),
        packages=sum(len(split.n) for split in splits),
        log_score=float(np.concatenate(scores).mean()),
        brier=float(((p - outcome) ** 2).mean()),
        bold=int(bold.sum()),
        bold_said=float(surely.mean()) if bold.any() else float("nan"),
        bold_won=float(right.mean()) if bold.any() else float("nan"),
        calibration_error=_calibration_error(p, outcome),
        captured=float(np.mean(chosen)),
        at_random=float(np.mean(random)),
        covered=float(np.concatenate(covered).mean()),
    )


def _calibration_error(p: np.ndarray, outcome: np.ndarray) -> float:
    bins = np.minimum((p * 10).astype(int), 9)
    inside = [bins == b for b in range(10) if (bins == b).any()]
    return float(sum(abs(p[b].mean() - outcome[b].mean()) * b.sum() for b in inside) / len(p))


def learned_priors(tests: Sequence[TestSummary]) -> dict[str, LearnedLift]:
    """Return for every test's key the prior learned from the other half of the archive."""
    one, two = halves(tests)
    found: dict[str, LearnedLift] = {}
    for own, other in ((one, two), (two, one)):
        taught = learn(other)
        assert isinstance(taught, LearnedLift)
        found |= dict.fromkeys((test.key for test in own), taught)
    return found


#: Parameters of a learned prior on the spread of variants, without the typical level of rates.
SPREAD = ("log_odds_sd", "log_odds_sd_varies")


def cross_learned(priors: Mapping[str, LearnedLift], parameters: Sequence[str] | None = None) -> Method:
    """Predict with the default model under the prior learned from the other half, or only some of its parameters."""

    def method(split: Split) -> Said:
        prior = priors[split.key].prior
        if parameters is not None:
            prior = NamedPrior(prior.name, tuple((k, v) for k, v in prior.parameters if k in parameters), prior.reason)
        return pooled(prior)(split)

    return method


def of_one_size(priors: Mapping[str, LearnedLift]) -> Method:
    """Predict with the default model and one spread for all tests: that of the archive's other half."""

    def method(split: Split) -> Said:
        taught = priors[split.key]
        typical = (("mean_log_odds", taught.mean_log_odds), ("mean_sd", taught.mean_sd))
        return pooled(NamedPrior("one_size", (("log_odds_sd", taught.tau), *typical), "From the other half."))(split)

    return method


def compare(folder: Path, share: float, *, every: int = 1, seed: int = SEED, half: bool = False) -> list[Scores]:
    """Return a row per method: flat priors, the built-in prior, and the priors learned from the archive's other half.

    Parameters
    ----------
    folder : Path
        Where the archive's file is.
    share : float
        Of impressions in the first part.
    every : int
        Judge each so manieth test alone, for a quick look; priors are learned from all of the other half.
    half : bool
        Judge the second half of the archive alone.
    """
    tests = read(folder)
    learned = learned_priors(tests)
    judged = {test.key for test in (halves(tests)[1] if half else tests)}
    splits = [split for split in thin(tests, share, seed) if split.key in judged][::every]
    methods = (
        ("flat Beta(1, 1)", flat),
        ("Klette, shipped prior (content)", pooled(CONTENT)),
        ("Klette, spread learned from other tests", cross_learned(learned, SPREAD)),
        ("Klette, spread and typical rate learned", cross_learned(learned)),
        ("Klette, the same with one spread for all", of_one_size(learned)),
    )
    return [evaluate(name, splits, method, share) for name, method in methods]


def main() -> None:
    """``python -m tests.proofs.upworthy FOLDER [EVERY] [--half]``."""
    plain = [word for word in sys.argv[1:] if word != "--half"]
    folder, every, half = Path(plain[0]), int(plain[1]) if len(plain) > 1 else 1, "--half" in sys.argv
    print(f"{'':<44}{'first':>6}{'log score':>11}{'Brier':>8}{'off by':>8}{'covered':>9}{'captured':>10}   said > 0.95")
    for share in (0.10, 0.25, 0.50):
        for row in compare(folder, share, every=every, half=half):
            print(
                f"{row.method:<44}{row.share:>6.0%}{row.log_score:>11.3f}{row.brier:>8.4f}{row.calibration_error:>8.3f}"
                f"{row.covered:>9.1%}{row.captured:>10.3%}   {row.bold_said:.2f}, won {row.bold_won:.2f} "
                f"of {row.bold:,}",
                flush=True,
            )
    print(f"{row.tests:,} tests, {row.packages:,} packages; one chosen at random: {row.at_random:.3%}")


if __name__ == "__main__":
    main()
