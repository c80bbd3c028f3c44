"""What a variant earns for what it costs: against simulated truth and against the bootstrap of the rows."""

import numpy as np
import pytest

from analysis import ValueStatistics, scorecard
from analysis.models import named, value
from analysis.posterior.quadrature import Compared
from analysis.priors import WEAK_VALUE

OUTCOMES, WEIGHTS = ("revenue", "share", "complaint"), (0.4, 1.5, 3.0)


def rows(rng, n, more=1.0):
    """Revenue, shares and complaints of each member, correlated: who buys also shares."""
    buys = rng.random(n) < 0.1
    revenue = np.where(buys, rng.gamma(2, 15, n) * more, 0)
    share = rng.binomial(2, np.where(buys, 0.3, 0.05))
    return np.column_stack([revenue, share, rng.binomial(1, 0.02, n)])


def of(table, weights=WEIGHTS, **cost):
    k = range(table.shape[1])
    return ValueStatistics(
        len(table),
        OUTCOMES,
        tuple(f"{s:.6f}" for s in table.sum(axis=0)),
        tuple(tuple(float(table[:, i] @ table[:, j]) for j in k) for i in k),
        weights,
        **cost,
    )


TRUTH = 0.4 * 0.1 * 30 + 1.5 * 2 * (0.1 * 0.3 + 0.9 * 0.05) + 3.0 * 0.02


@pytest.mark.slow
def test_intervals_of_value_and_return_cover_the_truth():
    rng = np.random.default_rng(31)
    runs, n, cost, counts = 1000, 1500, {"cost_fixed": 300, "cost_per_thousand": 400}, np.zeros(4)
    net = TRUTH - 300 / n - 0.4
    roi = TRUTH / (300 / n + 0.4) - 1
    for _ in range(runs):
        data = {"a": of(rows(rng, n), **cost), "b": of(rows(rng, n), **cost)}
        a, b = value.fit(data, WEAK_VALUE).marginals
        counts[0] += 0.025 <= float(a.cdf(np.array(net))) <= 0.975
        counts[1] += 0.025 <= float(Compared(b, a, False).cdf(0.0)[0]) <= 0.975
        counts[2] += 0.025 <= float(Compared(b, a, True).cdf(0.0)[0]) <= 0.975
        counts[3] += 0.025 <= float(value.fit_roi(data, WEAK_VALUE).marginals[0].cdf(np.array(roi))) <= 0.975
    assert np.all((counts / runs >= 0.93) & (counts / runs <= 0.97)), counts / runs


@pytest.mark.parametrize("weights", [WEIGHTS, (0.4, 1.5, -3.0)])
def test_it_agrees_with_the_bootstrap_of_the_rows(weights):
    rng = np.random.default_rng(32)
    table = rows(rng, 4000)
    worth = table @ np.array(weights)
    draws = np.array([worth[rng.integers(0, 4000, 4000)].mean() for _ in range(4000)]) - 0.2
    data = of(table, weights, cost_per_thousand=200)
    posterior = value.fit({"a": data, "b": data}, WEAK_VALUE)
    assert posterior.mean(0) == pytest.approx(worth.mean() - 0.2, abs=0.1 * draws.std())
    assert posterior.sd(0) == pytest.approx(draws.std(), rel=0.05)
    low, high = np.quantile(draws, [0.025, 0.975])
    assert posterior.interval(0).low == pytest.approx(low, abs=0.2 * draws.std())
    assert posterior.interval(0).high == pytest.approx(high, abs=0.2 * draws.std())


def test_the_cost_decides_which_variant_is_best():
    rng = np.random.default_rng(33)
    cheap, dear = rows(rng, 20_000), rows(rng, 20_000, more=1.1)
    free = value.fit({"a": of(cheap), "b": of(dear)}, WEAK_VALUE).best_and_loss(higher=True)
    paid = value.fit({"a": of(cheap), "b": of(dear, cost_fixed=10_000)}, WEAK_VALUE).best_and_loss(higher=True)
    assert free[0][1] > 0.8
    gain = (dear @ np.array(WEIGHTS)).mean() - (cheap @ np.array(WEIGHTS)).mean()
    assert paid[0][0] > 0.99 and paid[1][1] == pytest.approx(0.5 - gain, abs=0.01)


def test_return_on_cost_is_value_over_cost_less_one_and_has_no_lift():
    rng = np.random.default_rng(34)
    table = rows(rng, 5000)
    data = {"a": of(table, cost_fixed=1000), "b": of(table, cost_fixed=2000, cost_per_thousand=100)}
    posterior = value.fit_roi(data, WEAK_VALUE)
    worth = (table @ np.array(WEIGHTS)).sum()
    assert posterior.mean(0) == pytest.approx(worth / 1000 - 1, rel=0.01)
    assert posterior.mean(1) == pytest.approx(worth / 2500 - 1, rel=0.01)
    assert posterior.lift(1, 0) is None and posterior.log_moments(0) is None
    assert named("roi").kind == named("net_value").kind == "value"


def test_without_a_cost_there_is_no_return_and_the_reason_names_the_variants():
    rng = np.random.default_rng(35)
    found = value.fit_roi({"a": of(rows(rng, 500)), "b": of(rows(rng, 500), cost_fixed=10)}, WEAK_VALUE)
    assert found.code == "no_cost" and found.reason.params == {"variants": ("a",)}


def test_the_raw_return_is_net_value_over_cost():
    rng = np.random.default_rng(37)
    data = {"a": of(rows(rng, 500), cost_fixed=200), "b": of(rows(rng, 500), cost_per_thousand=900)}

    def raw(model, data):
        card = scorecard(data, control="a", metric=model, model=model, rng=rng)
        return [row.raw_mean for row in card.variants]

    assert raw("roi", data) == pytest.approx([data["a"].total / 200, data["b"].total / 450])
    assert raw("net_value", data) == pytest.approx([data["a"].total / 500, data["b"].total / 500])
    assert raw("roi", data | {"b": of(rows(rng, 500))})[1] is None


def test_a_loss_has_no_relative_lift():
    rng = np.random.default_rng(36)
    data = {"a": of(rows(rng, 900), cost_fixed=9000), "b": of(rows(rng, 900), cost_fixed=100)}
    posterior = value.fit(data, WEAK_VALUE)
    assert posterior.mean(0) < 0 and posterior.lift(1, 0) is None
    assert posterior.difference(1, 0).mean == pytest.approx(8900 / 900, rel=0.05)


def nothing(n):
    return of(np.zeros((n, 3)), cost_fixed=50)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"a": nothing(0), "b": nothing(5)}, "no_members"),
        ({"a": nothing(1), "b": nothing(5)}, "no_members"),
        ({"a": nothing(5), "b": nothing(5)}, "all_zero"),
        ({"a": of(np.ones((5, 3)), cost_fixed=1), "b": of(np.ones((6, 3)), cost_fixed=1)}, "no_spread"),
    ],
)
def test_data_without_information_are_a_named_outcome(data, code):
    assert value.fit(data, WEAK_VALUE).code == code
    assert value.fit_roi(data, WEAK_VALUE).code == code
