"""A spread between variants that is not known: integrated over like a sum of known ones, wherever its posterior is."""

import math

import numpy as np
import pytest
from scipy import special

from analysis import NamedPrior
from tests.analysis.models.test_conversion import GRID, HALF_NORMAL, TWENTY, UNLIKE, card, fitted

TWO_KINDS = ((71, 7183), (28, 5336), (1174, 5849))


@pytest.mark.parametrize("name", ["typical", "few", "no success in one", "all"])
def test_an_unknown_spread_is_integrated_over(name):
    # the reference: the fit at many known spreads, weighed by the half-normal prior and each one's evidence
    cells, scale = GRID[name], HALF_NORMAL["log_odds_sd_scale"]
    taus = np.linspace(0.0101, 2.5, 120)
    parts = [fitted(cells, NamedPrior("x", (("log_odds_sd", float(tau)),), "For a test.")) for tau in taus]
    evidence = np.array([part.tables.evidence for part in parts]) - 0.5 * (taus / scale) ** 2
    weight = np.exp(evidence - evidence.max())
    weight[[0, -1]] /= 2
    weight[0] *= 1 + 2 * taus[0] / (taus[1] - taus[0])  # below the first one all are alike
    weight /= weight.sum()
    ours = fitted(cells, HALF_NORMAL)
    for v in range(len(cells)):
        assert ours.mean(v) == pytest.approx(float(weight @ [part.mean(v) for part in parts]), abs=0.004 * ours.sd(v))
    mixed = weight @ np.array([part.best_and_loss(higher=True)[0] for part in parts])
    assert ours.best_and_loss(higher=True)[0] == pytest.approx(mixed, abs=2e-3)


@pytest.mark.parametrize(("median", "varies"), [(0.2, 0.5), (0.2, 1.5), (0.06, 1.0), (0.05, 1.5)])
@pytest.mark.parametrize(
    "cells",
    [GRID["typical"], GRID["few"], GRID["all"], TWENTY, UNLIKE, TWO_KINDS],
    ids=["typical", "few", "all", "twenty", "unlike", "two kinds"],
)
def test_a_spread_that_varies_between_tests_is_integrated_over(cells, median, varies):
    # twenty variants determine their spread far more narrowly than the prior; different ones lie in its far tail
    scores = np.linspace(-4.5, min(7, math.log(10 / median) / varies), 93)  # no spread is larger than 10
    taus = np.clip(median * np.exp(varies * scores), 0.01, 10)
    parts = [fitted(cells, NamedPrior("x", (("log_odds_sd", float(tau)),), "For a test.")) for tau in taus]
    evidence = np.array([part.tables.evidence for part in parts]) - 0.5 * scores**2
    weight = np.exp(evidence - evidence.max())
    weight[[0, -1]] /= 2
    weight /= weight.sum()
    varying = NamedPrior("varying", (("log_odds_sd", median), ("log_odds_sd_varies", varies)), "For a test.")
    ours = fitted(cells, varying)
    for v in range(len(cells)):
        mean = float(weight @ [part.mean(v) for part in parts])
        square = float(weight @ [part.sd(v) ** 2 + part.mean(v) ** 2 for part in parts])
        assert ours.mean(v) == pytest.approx(mean, abs=0.01 * ours.sd(v))
        assert ours.sd(v) == pytest.approx(math.sqrt(square - mean**2), rel=0.01)
        interval = ours.interval(v)
        for end, p in ((interval.low, 0.025), (interval.high, 0.975)):
            below = weight @ [part._cdf(v, special.logit([end]))[0] for part in parts]
            assert below == pytest.approx(p, abs=1e-3)
    mixed = weight @ np.array([part.best_and_loss(higher=True)[0] for part in parts])
    assert ours.best_and_loss(higher=True)[0] == pytest.approx(mixed, abs=2e-3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("interval", ["eti", "hdi"])
@pytest.mark.parametrize(
    "cells",
    [
        ((80, 80), (30, 900)),
        ((300, 300), (500, 1000)),
        ((0, 10**15), (10**15, 10**15)),
        ((10**15, 10**15), (10**15 - 1, 10**15)),
        tuple((1, 10 ** (i % 16)) for i in range(20)),
        UNLIKE,
    ],
)
def test_very_different_variants_raise_no_warnings(cells, interval):
    result = card(*cells, interval=interval)
    assert sum(row.p_best for row in result.variants) == pytest.approx(1)
    for row in result.variants:
        assert 0 <= row.interval.low <= row.mean <= row.interval.high + 1e-12 <= 1 + 2e-12
    for row in result.comparisons:
        assert -1 <= row.difference.interval.low <= row.difference.interval.high <= 1


@pytest.mark.parametrize("varies", [0.1, 1.5])
def test_an_unbounded_spread_stops_at_its_limit(varies):
    varying = NamedPrior("varying", (("log_odds_sd", 0.05), ("log_odds_sd_varies", varies)), "For a test.")
    ours = fitted(((0, 10**6), (10**6, 10**6)), varying)
    assert ours.mean(0) < 1e-3 and ours.mean(1) > 1 - 1e-3


def test_a_lift_over_a_control_without_successes_has_no_mean_with_an_unknown_spread():
    row = card((0, 300), (9, 300), (4, 300)).comparison("b")
    assert row.lift is None and row.lift_not_shown.code == "lift.control_near_zero"
    assert row.difference.mean > 0 and row.p_beats_control > 0.85
