"""Other tools on the headline tests: each predicts, from the first part of a test, which package beats the first.

gbstats and tea-tasting compare pairs with a control and predict nothing of a single package, so they have no log score
a package; all are judged by the log score of "beats package 1", by Brier score, calibration, and click rate captured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import betaln, gammaln

from analysis.priors import CONTENT
from tests.benchmarks.peers import Peer, peers
from tests.proofs import upworthy
from tests.proofs.upworthy import Said, Scores, Split

#: A wrong chance of 0 or 1 would have an infinite cost, so chances are bounded at one in ten thousand.
SUREST = 1e-4


def method_of(peer: Peer) -> upworthy.Method:
    """Return a peer as a method of `upworthy.evaluate`."""

    def method(split: Split) -> Said:
        counts = list(zip(split.n.tolist(), split.y.tolist(), strict=True))
        beats = np.array([peer.beats(counts[0], other) for other in counts[1:]])
        unknown = np.full(len(counts), np.nan)
        score = unknown if peer.predicts is None else _beta_binomial(split, *peer.predicts)
        # The choice is the best chance against package 1, or package 1 if none is above one half.
        return Said(score, beats, np.append(0.5, beats), unknown)

    return method


def _beta_binomial(split: Split, alpha: float, beta: float) -> np.ndarray:
    a, b = split.y + alpha, split.n - split.y + beta
    choose = gammaln(split.n_rest + 1.0) - gammaln(split.y_rest + 1.0) - gammaln(split.n_rest - split.y_rest + 1.0)
    return betaln(a + split.y_rest, b + split.n_rest - split.y_rest) - betaln(a, b) + choose


@dataclass(frozen=True)
class Row:
    """The scores of a method, and the mean log score of its chance that a package beats package 1."""

    scores: Scores
    beats_log_score: float


def table(folder: Path, share: float, *, every: int = 1, seed: int = upworthy.SEED) -> list[Row]:
    """Yield all methods on the same splits: flat priors, ours, and the peers.

    Parameters
    ----------
    folder : Path
        Where the archive's file is.
    share : float
        Of impressions in the first part.
    every : int
        Judge each so manieth test alone.
    """
    tests = upworthy.read(folder)
    learned = upworthy.learned_priors(tests)
    splits = upworthy.thin(tests, share, seed)[::every]
    methods: list[tuple[str, upworthy.Method]] = [
        ("Klette, prior learned from other tests", upworthy.cross_learned(learned)),
        ("Klette, its spread alone learned", upworthy.cross_learned(learned, upworthy.SPREAD)),
        ("Klette, shipped prior (content)", upworthy.pooled(CONTENT)),
        ("Klette, learned, one spread for all tests", upworthy.of_one_size(learned)),
        ("flat Beta(1, 1)", upworthy.flat),
    ]
    methods += [(peer.name, method_of(peer)) for peer in peers()]
    return [_row(name, splits, method, share) for name, method in methods]


def _row(name: str, splits: Sequence[Split], method: upworthy.Method, share: float) -> Row:
    said: list[np.ndarray] = []

    def noted(split: Split) -> Said:
        answer = method(split)
        said.append(answer.beats)
        return answer

    scores = upworthy.evaluate(name, splits, noted, share)
    p = np.clip(np.concatenate(said), SUREST, 1 - SUREST)
    rates = [split.y_rest / split.n_rest for split in splits]
    won = np.concatenate([np.where(r[1:] == r[0], 0.5, r[1:] > r[0]) for r in rates])
    return Row(scores, float((won * np.log(p) + (1 - won) * np.log1p(-p)).mean()))


HEAD = (
    f"{'':<42}{'first':>6}{'log score':>11}{'Brier':>8}{'log, beats':>12}{'off by':>8}{'covered':>9}{'captured':>10}"
    "   said > 0.95"
)


def line(row: Row) -> str:
    """Return a row of the printed table."""
    s = row.scores
    log_score = "–" if np.isnan(s.log_score) else f"{s.log_score:.3f}"
    covered = "–" if np.isnan(s.log_score) or s.covered == 0 else f"{s.covered:.1%}"
    bold = f"{s.bold_said:.2f}, won {s.bold_won:.2f} of {s.bold:,}"
    return (
        f"{s.method:<42}{s.share:>6.0%}{log_score:>11}{s.brier:>8.3f}{row.beats_log_score:>12.3f}"
        f"{s.calibration_error:>8.3f}{covered:>9}{s.captured:>10.3%}   {bold}"
    )
