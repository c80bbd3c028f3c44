"""Conversion with flat priors: held against independent formulas, published figures and simulation."""

import csv
import gzip
import itertools
import json
import time
from collections import defaultdict

import numpy as np
import pytest
from scipy import integrate, special, stats

from analysis import AnalysisError, MetricResult, ProportionStatistics, scorecard
from analysis.posterior.marginals import BetaMarginal
from analysis.posterior.quadrature import Compared, best_and_loss, p_greater

BILLION = 10**9
GRID = [
    ((0, 3), (3, 3)),
    ((0, 1000), (0, 1000)),
    ((1000, 1000), (1000, 1000)),
    ((0, BILLION), (0, BILLION)),
    ((BILLION, BILLION), (BILLION, BILLION)),
    ((500_000_000, BILLION), (500_020_000, BILLION)),
    ((500_000_000, BILLION), (2, 3)),
    ((0, 3), (0, BILLION)),
    ((1, 2), (7, 9)),
    ((2262, 21306), (3894, 21307)),
]


def beta(successes: int, n: int) -> BetaMarginal:
    return BetaMarginal(successes + 1, n - successes + 1)


def card(*cells: tuple[int, int], **options) -> MetricResult:
    data = {"abcdefghijklmnopqrstuvwxyz"[i]: ProportionStatistics(n, s) for i, (s, n) in enumerate(cells)}
    return scorecard(data, control="a", **({"model": "conversion_flat"} | options))


def exact_p_greater(a1: int, b1: int, a2: int, b2: int) -> float:
    """P(Beta(a2, b2) > Beta(a1, b1)) for whole a2, by the finite sum of E. Miller (2014)."""
    i = np.arange(a2)
    terms = special.betaln(a1 + i, b1 + b2) - np.log(b2 + i) - special.betaln(1 + i, b2) - special.betaln(a1, b1)
    return float(np.exp(terms).sum())


@pytest.fixture(scope="module")
def expected(shared_data):
    return json.loads((shared_data / "expected.json").read_text())


def comparisons(tree):
    """Every published two-variant comparison with a Beta(1, 1) reference, anywhere in expected.json."""
    if isinstance(tree, dict):
        if isinstance(tree.get("bayes"), dict) and "P_B_gt_A" in tree["bayes"]:
            yield tree["A"], tree["B"], tree["bayes"]
        for value in tree.values():
            yield from comparisons(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from comparisons(value)


def test_chances_and_losses_equal_the_reference_figures(expected):
    # ../shared/data/expected.json: P by Simpson on 40,001 nodes, losses and intervals by 4,000,000 draws
    found = list(comparisons(expected))
    assert len(found) >= 14
    for a, b, known in found:
        result = card((a["successes"], a["n"]), (b["successes"], b["n"]))
        chance = result.comparison("b").p_beats_control
        assert chance == pytest.approx(known["P_B_gt_A"], abs=1e-8)
        assert result.variant("b").p_best == pytest.approx(known["P_B_gt_A"], abs=1e-8)
        if known["P_B_gt_A"] < 1e-3:
            assert chance == pytest.approx(known["P_B_gt_A"], rel=1e-6)
        difference = result.comparison("b").difference
        spread = difference.interval.high - difference.interval.low
        losses = known["expected_loss_choose_A_mc"], known["expected_loss_choose_B_mc"]
        for row, loss in zip(result.variants, losses, strict=True):
            assert row.expected_loss == pytest.approx(loss, abs=spread * 1e-3)
        assert difference.interval.low == pytest.approx(known["diff_B_minus_A_cri95_mc"][0], abs=spread * 2e-3)
        assert difference.interval.high == pytest.approx(known["diff_B_minus_A_cri95_mc"][1], abs=spread * 2e-3)


def test_chance_of_being_best_equals_the_reference_on_upworthy(shared_data):
    # upworthy_reference_per_test.csv.gz: independent Beta(1, 1), numeric integration on 4,001 nodes, six decimals
    packages = defaultdict(list)
    with gzip.open(shared_data / "upworthy_tests_dev.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            packages[row["test_id"]].append((int(row["package"]), int(row["clicks"]), int(row["impressions"])))
    with gzip.open(shared_data / "upworthy_reference_per_test.csv.gz", "rt", newline="") as file:
        references = list(itertools.islice(csv.DictReader(file), 0, None, 5))
    worst = 0.0
    for row in references:
        marginals = [beta(clicks, n) for _, clicks, n in sorted(packages[row["test_id"]])]
        known = np.array([float(p) for p in row["p_best_all_packages"].split("|")])
        worst = max(worst, np.abs(best_and_loss(marginals, higher=True)[0] - known).max())
    assert len(references) > 490
    assert worst < 1e-5


def test_udacitys_gross_conversion_equals_the_published_one(expected):
    # github rmondini/udacity-AB-testing, README: -0.020555 (-0.029123, -0.011986), by the pooled standard error
    known = expected["udacity_free_trial_daily"]["gross_conversion"]
    result = card(*((known[arm]["successes"], known[arm]["n"]) for arm in "AB"))
    assert result.variant("b").raw_mean - result.variant("a").raw_mean == pytest.approx(-0.020555, abs=5e-7)
    difference = result.comparison("b").difference
    assert difference.mean == pytest.approx(-0.020555, abs=5e-6)
    assert difference.interval.low == pytest.approx(-0.029123, abs=2e-5)
    assert difference.interval.high == pytest.approx(-0.011986, abs=2e-5)


def test_hillstrom_rates_equal_the_published_ones(expected):
    arms = expected["hillstrom_email"]["arms"]
    data = {name: ProportionStatistics(arm["n"], arm["visits"]) for name, arm in arms.items()}
    result = scorecard(data, control="No E-Mail", metric="click_rate", model="conversion_flat")
    shown = {row.variant: f"{row.raw_mean:.2%}" for row in result.variants}
    assert shown == {"No E-Mail": "10.62%", "Mens E-Mail": "18.28%", "Womens E-Mail": "15.14%"}
    lift = result.comparison("Mens E-Mail").lift
    visits = expected["hillstrom_email"]["No E-Mail (A) vs Mens E-Mail (B)"]["visit"]
    assert lift.mean == pytest.approx(visits["relative_lift"], abs=1e-3)
    best = expected["hillstrom_email"]["P_best_visit_beta11"]
    for row in result.variants:
        assert row.p_best == pytest.approx(best[row.variant], rel=1e-6, abs=1e-120) or row.p_best < 1e-100


def _summable(pair: tuple) -> bool:
    """Whether the finite sum has few enough terms; beyond it the Normal limit is tested below."""
    (s1, n1), (s2, n2) = pair
    return min(s1, s2, n1 - s1, n2 - s2) <= 100_000


@pytest.mark.parametrize(("left", "right"), [pair for pair in GRID if _summable(pair)])
def test_chance_to_beat_agrees_with_a_finite_sum(left, right):
    (s1, n1), (s2, n2) = left, right
    a1, b1, a2, b2 = s1 + 1, n1 - s1 + 1, s2 + 1, n2 - s2 + 1
    if a2 < 10_000:
        known = exact_p_greater(a1, b1, a2, b2)
    elif b2 < 10_000:  # the same question about failures
        known = 1 - exact_p_greater(b1, a1, b2, a2)
    else:
        known = 1 - exact_p_greater(a2, b2, a1, b1)
    # with a billion the logarithms of the sum cancel to six figures
    assert p_greater(beta(*right), beta(*left)) == pytest.approx(known, abs=1e-8 if max(n1, n2) < BILLION else 5e-6)


def test_at_a_billion_members_the_normal_limit_is_reached():
    a, b = beta(500_000_000, BILLION), beta(500_020_000, BILLION)
    limit = stats.norm.cdf((b.mean - a.mean) / np.hypot(a.sd, b.sd))
    assert p_greater(b, a) == pytest.approx(limit, abs=1e-7)
    for relative, scale in ((False, 1.0), (True, 1 / a.mean)):
        compared = Compared(b, a, relative)
        z = (compared.ppf(0.975) / scale - (b.mean - a.mean)) / np.hypot(a.sd, b.sd)
        assert z == pytest.approx(1.959964, abs=1e-3)


@pytest.mark.parametrize(("left", "right"), GRID)
def test_intervals_and_losses_agree_with_draws_everywhere_on_the_grid(left, right):
    a, b = beta(*left), beta(*right)
    rng = np.random.default_rng(7)
    x, y = a.draw(400_000, rng), b.draw(400_000, rng)
    for relative, drawn in ((False, y - x), (True, y / x - 1)):
        compared = Compared(b, a, relative)
        for p in (0.025, 0.5, 0.975):
            # the quantile is judged by the share of draws below it: 6 standard errors
            assert (drawn <= compared.ppf(p)).mean() == pytest.approx(p, abs=6 * np.sqrt(p * (1 - p) / 400_000))
    for higher in (True, False):
        chance, loss = best_and_loss([a, b], higher=higher)
        gap = (y - x) if higher else (x - y)
        assert chance[1] == pytest.approx((gap > 0).mean() + (gap == 0).mean() / 2, abs=5e-3)
        for mine, drawn in ((loss[0], np.maximum(gap, 0)), (loss[1], np.maximum(-gap, 0))):
            assert mine == pytest.approx(drawn.mean(), abs=6 * drawn.std() / 632 + 1e-12)


def test_no_successes_in_two_arms_has_the_known_ratio():
    # Beta(1, m)/Beta(1, m) for large m is a ratio of exponentials: P(ratio < r) = r / (1 + r)
    compared = Compared(beta(0, BILLION), beta(0, BILLION), True)
    assert compared.ppf(0.025) == pytest.approx(1 / 39 - 1, rel=1e-6)
    assert compared.ppf(0.975) == pytest.approx(38, rel=1e-6)


def test_twenty_variants_agree_with_a_one_dimensional_integral():
    cells = [(100 + i, 1000) for i in range(20)]
    marginals = [beta(*cell) for cell in cells]
    chance, loss = best_and_loss(marginals, higher=True)
    frozen = [stats.beta(s + 1, n - s + 1) for s, n in cells]

    def density(x):
        return frozen[19].pdf(x) * np.prod([f.cdf(x) for f in frozen[:19]])

    known, _ = integrate.quad(density, 0.05, 0.25, epsabs=1e-12, limit=200)
    assert chance[19] == pytest.approx(known, abs=1e-9)
    edges = [0.1, 0.12, 0.15, 0.2]
    top, _ = integrate.quad(lambda x: 1 - np.prod([f.cdf(x) for f in frozen]), 0, 1, points=edges, limit=400)
    for i in (0, 10, 19):
        assert loss[i] == pytest.approx(top - frozen[i].mean(), abs=1e-9)
    assert chance.sum() == pytest.approx(1, abs=1e-12)


def test_posterior_equals_pymc_on_the_same_model():
    pm = pytest.importorskip("pymc")
    cells = {"a": (12, 180), "b": (25, 170)}
    with pm.Model():
        rate = pm.Beta("rate", 1, 1, shape=2)
        pm.Binomial("did", n=[180, 170], p=rate, observed=[12, 25])
        trace = pm.sample(
            draws=2000,
            tune=1000,
            chains=2,
            cores=1,
            random_seed=5,
            nuts_sampler="pymc",
            progressbar=False,
            compute_convergence_checks=False,
        )
    draws = trace["posterior"]["rate"].values.reshape(-1, 2)
    result = card(*cells.values())
    assert result.comparison("b").p_beats_control == pytest.approx((draws[:, 1] > draws[:, 0]).mean(), abs=0.01)
    lift = draws[:, 1] / draws[:, 0] - 1
    assert result.comparison("b").lift.mean == pytest.approx(lift.mean(), abs=0.06)
    for v in range(2):
        assert result.variants[v].mean == pytest.approx(draws[:, v].mean(), abs=0.0015)
        assert result.variants[v].sd == pytest.approx(draws[:, v].std(), rel=0.06)


def test_intervals_cover_the_truth_in_95_of_100_experiments():
    rng = np.random.default_rng(20)
    inside = {"rate": 0, "difference": 0, "lift": 0}
    runs = 1000
    for _ in range(runs):
        # truth drawn from the model's own prior range, so that coverage is exactly the stated one
        p, q = rng.uniform(0, 1, 2)
        s, t = rng.binomial(400, p), rng.binomial(400, q)
        a, b = beta(s, 400), beta(t, 400)
        inside["rate"] += a.ppf(0.025) <= p <= a.isf(0.025)
        inside["difference"] += 0.025 <= Compared(b, a, False).cdf(q - p)[0] <= 0.975
        inside["lift"] += 0.025 <= Compared(b, a, True).cdf(q / p - 1)[0] <= 0.975
    assert all(0.93 <= hits / runs <= 0.97 for hits in inside.values()), inside


def test_ranks_of_the_true_lift_are_uniform():
    # simulation-based calibration: the posterior probability below the truth is uniform when truth follows the prior
    rng = np.random.default_rng(21)
    ranks = []
    for _ in range(1000):
        p, q = rng.uniform(0, 1, 2)
        a, b = beta(rng.binomial(60, p), 60), beta(rng.binomial(300, q), 300)
        ranks.append(Compared(b, a, True).cdf(q / p - 1)[0])
    assert stats.kstest(ranks, "uniform").pvalue > 0.001


def test_direction_only_reverses_which_variant_is_better():
    up, down = card((100, 1000), (130, 1000)), card((100, 1000), (130, 1000), direction="lower")
    assert down.comparison("b").p_beats_control == pytest.approx(1 - up.comparison("b").p_beats_control, abs=1e-12)
    assert down.variant("a").p_best == pytest.approx(up.variant("b").p_best, abs=1e-9)
    assert down.comparison("b").lift == up.comparison("b").lift


def test_the_shortest_interval_is_shorter_with_equal_probability():
    eti, hdi = card((1, 50), (4, 50)), card((1, 50), (4, 50), interval="hdi")
    e, h = eti.variant("a").interval, hdi.variant("a").interval
    assert (h.kind, h.probability) == ("hdi", 0.95)
    assert h.high - h.low < e.high - e.low
    marginal = beta(1, 50)
    assert marginal.cdf(h.high) - marginal.cdf(h.low) == pytest.approx(0.95, abs=1e-9)
    none = card((0, 50), (4, 50), interval="hdi").variant("a").interval
    assert none.low == 0.0


def test_a_lift_over_a_control_near_0_has_a_reason_instead_of_a_figure():
    result = card((0, 1000), (5, 1000))
    row = result.comparison("b")
    assert row.lift is None and row.p_rope is None and row.lift_density is None
    assert row.lift_not_shown.code == "lift.control_near_zero"
    assert row.difference.mean == pytest.approx(5 / 1002)
    assert row.p_beats_control > 0.95


def test_densities_integrate_to_1():
    result = card((2262, 21306), (3894, 21307))
    for density in (result.variant("a").density, result.comparison("b").lift_density):
        x, y = np.array(density.x), np.array(density.y)
        assert len(x) == len(y) == 61
        assert integrate.trapezoid(y, x) == pytest.approx(1, abs=0.005)
        assert (y >= 0).all()


def test_p_rope_is_the_chance_of_a_lift_within_the_rope():
    result = card((100_000, 1_000_000), (100_050, 1_000_000), rope=0.02)
    row = result.comparison("b")
    sd = (row.lift.interval.high - row.lift.interval.low) / (2 * 1.96)
    known = stats.norm.cdf(0.02, row.lift.mean, sd) - stats.norm.cdf(-0.02, row.lift.mean, sd)
    assert row.p_rope == pytest.approx(known, abs=1e-4)


def test_a_result_survives_json_unchanged():
    for result in (card((10, 100), (20, 100), (0, 100)), card((0, 0), (1, 2)), card((0, 50), (4, 50))):
        assert MetricResult.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False))) == result


def test_missing_members_are_an_outcome_and_never_a_chance_of_one_half():
    result = card((0, 0), (5, 10))
    assert result.not_shown.code == "no_members"
    assert all(row.p_best is None and row.mean is None for row in result.variants)
    assert result.comparison("b").p_beats_control is None
    assert result.variant("b").total == 5


@pytest.mark.parametrize(
    ("data", "control", "options", "code"),
    [
        ({}, "a", {}, "too_few_variants"),
        ({"a": ProportionStatistics(1, 1)}, "a", {}, "too_few_variants"),
        ({"a": ProportionStatistics(1, 1), "b": ProportionStatistics(1, 1)}, "c", {}, "unknown_variant"),
        ({"a": ProportionStatistics(1, 1), "b": ProportionStatistics(1, 1)}, "a", {"rope": 0}, "bad_request"),
        ({"a": ProportionStatistics(1, 1), "b": ProportionStatistics(1, 1)}, "a", {"direction": "up"}, "bad_request"),
        ({"a": ProportionStatistics(1, 1), "b": ProportionStatistics(1, 1)}, "a", {"interval": "ci"}, "bad_request"),
        ({"a": ProportionStatistics(1, 1), "b": ProportionStatistics(1, 1)}, "a", {"probability": 1.0}, "bad_request"),
        ({"a": ProportionStatistics(1, 1), "b": ProportionStatistics(1, 1)}, "a", {"model": "oracle"}, "unknown_model"),
        ({"a": ProportionStatistics(1, 1), "b": ProportionStatistics(1, 1)}, "a", {"model": "amount"}, "unknown_model"),
    ],
)
def test_incomparable_data_are_refused_with_a_code(data, control, options, code):
    with pytest.raises(AnalysisError) as caught:
        scorecard(data, control=control, **options)
    assert caught.value.code == code


def test_five_variants_take_milliseconds_whatever_the_audience():
    cells = [(50_000_000 + 3000 * i, BILLION) for i in range(5)]
    card(*cells)  # imports and caches
    start = time.perf_counter()
    card(*[(s + 1, n) for s, n in cells])
    assert time.perf_counter() - start < 2.0
