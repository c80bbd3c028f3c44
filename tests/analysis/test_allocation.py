"""Adaptive allocation: shares from chances to be best, and what they gain and cost where the truth is known."""

import numpy as np
import pytest

from analysis import AnalysisError, NotShown, ProportionStatistics, scorecard
from analysis.allocation import METHODS, floored, from_posterior, propose, stepped, target_shares
from analysis.posterior.joint import IndependentPosterior
from analysis.posterior.marginals import BetaMarginal

ONE_BETTER = np.array([0.05, 0.05, 0.05, 0.05, 0.06])
LADDER = np.array([0.05, 0.0525, 0.055, 0.0575, 0.06])


def test_thompson_gives_each_its_chance_to_be_best():
    assert target_shares([0.7, 0.2, 0.1], "thompson") == pytest.approx([0.7, 0.2, 0.1])


def test_top_two_gives_what_drawing_again_until_another_leads_gives():
    p = np.array([0.6, 0.25, 0.1, 0.05])
    rng = np.random.default_rng(1)
    leader, turn = rng.choice(4, 100_000, p=p), rng.choice(4, 100_000, p=p)
    while (same := turn == leader).any():
        turn[same] = rng.choice(4, same.sum(), p=p)
    turns = np.concatenate([leader, turn])
    assert target_shares(p, "top_two") == pytest.approx(np.bincount(turns) / len(turns), abs=0.005)


def test_top_two_still_samples_others_if_one_is_certain():
    assert target_shares([1.0, 0.0, 0.0], "top_two") == pytest.approx([0.5, 0.25, 0.25])
    assert target_shares([1.0, 0.0, 0.0], "thompson") == pytest.approx([1, 0, 0])
    # far beyond what floating point can subtract from 1
    assert target_shares([1.0 - 1e-20, 9e-21, 1e-21], "top_two") == pytest.approx([0.5, 0.45, 0.05])


@pytest.mark.parametrize("p", [[0.97, 0.01, 0.02], [0.5, 0.3, 0.2], [1.0, 0.0, 0.0], [0.12, 0.86, 0.02]])
@pytest.mark.parametrize("floor", [0.0, 0.05, 0.2, 1 / 3])
@pytest.mark.parametrize("method", METHODS)
def test_shares_add_up_and_none_is_below_the_floor(p, floor, method):
    shares = floored(target_shares(p, method), floor)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares.min() >= floor - 1e-15
    assert np.all(np.argsort(-shares, kind="stable")[:1] == np.argmax(shares))


def test_the_floor_leaves_the_others_in_proportion():
    assert floored(np.array([0.6, 0.3, 0.1, 0.0]), 0.1) == pytest.approx([0.8 * 2 / 3, 0.8 / 3, 0.1, 0.1])
    # lifting one to the floor may push another below it
    assert floored(np.array([0.88, 0.11, 0.01]), 0.1) == pytest.approx([0.9 * 0.88 / 0.99, 0.1, 0.1])


def test_one_look_moves_shares_half_the_way():
    assert stepped(np.array([1.0, 0.0]), np.array([0.5, 0.5]), 0.5) == pytest.approx([0.75, 0.25])


def card(**cells):
    return scorecard({key: ProportionStatistics(*cell) for key, cell in cells.items()}, control="a")


def test_a_proposal_comes_from_the_scorecard_in_its_direction_and_is_the_same_each_time():
    result = card(a=(5000, 250), b=(5000, 320), c=(5000, 255))
    proposal = propose(result, method="thompson", floor=0.05)
    assert proposal == propose(result, method="thompson", floor=0.05)
    assert list(proposal.shares) == ["a", "b", "c"]
    assert proposal.shares["b"] > 0.85 and proposal.shares["a"] == 0.05
    assert proposal.target["b"] == pytest.approx(result.variant("b").p_best)
    third = {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}
    slower = propose(result, method="thompson", floor=0.05, current=third)
    assert slower.shares["b"] == pytest.approx((1 / 3 + slower.target["b"]) / 2, abs=0.01)
    assert slower.to_dict()["method"] == "thompson"


def test_without_data_shares_stay():
    found = propose(card(a=(0, 0), b=(0, 0)), method="top_two", floor=0.1)
    assert isinstance(found, NotShown) and found.code == "no_posterior"
    assert found.reason.params["reason"].code == "not_shown.no_members.variants"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: target_shares([0.5, 0.4], "thompson"), "add up to 1"),
        (lambda: target_shares([0.5, np.nan], "thompson"), "add up to 1"),
        (lambda: target_shares([1.0], "thompson"), "at least 2"),
        (lambda: target_shares([0.5, 0.5], "greedy"), "thompson or top_two"),
        (lambda: floored(np.array([0.5, 0.5]), 0.6), "equal share of 0.5"),
        (lambda: floored(np.array([0.5, 0.5]), -0.1), "between 0"),
        (lambda: stepped(np.array([1.0, 0.0]), np.array([0.5, 0.5]), 0.0), "above 0"),
        (
            lambda: propose(card(a=(9, 1), b=(9, 2)), method="thompson", floor=0, current={"a": 1.0}),
            "'b' has no current",
        ),
        (lambda: propose(card(a=(9, 1), b=(9, 2)), method="thompson", floor=0, current={"a": 0, "b": 0}), "no shares"),
    ],
)
def test_bad_input_is_refused_with_its_remedy(call, says):
    with pytest.raises(AnalysisError, match=says):
        call()


def test_straight_from_a_posterior():
    posterior = IndependentPosterior(("a", "b"), (BetaMarginal(50, 950), BetaMarginal(70, 930)))
    higher = from_posterior(posterior, higher=True, method="thompson", floor=0.0)
    lower = from_posterior(posterior, higher=False, method="thompson", floor=0.0)
    assert higher["b"] == pytest.approx(lower["a"]) and higher["b"] > 0.9


def simulate(rates, method, *, floor=0.05, step=0.5, runs=120, looks=20, members=2500, seed=1):
    """Run tests of 20 days; None = equal shares. Chances to be best by 500 draws.

    Returns the mean regret in successes, the share of runs that end with the best in front, and the mean relative
    error of each variant's plain rate.
    """
    rng = np.random.default_rng(seed)
    n, s = np.zeros((runs, len(rates))), np.zeros((runs, len(rates)))
    shares = np.full((runs, len(rates)), 1 / len(rates))
    for _ in range(looks):
        came = rng.multinomial(members, shares)
        n, s = n + came, s + rng.binomial(came, rates)
        draws = rng.beta(1 + s, 1 + n - s, (500, *s.shape))
        p_best = np.eye(len(rates))[draws.argmax(axis=-1)].mean(axis=0)
        if method is not None:
            shares = np.array(
                [
                    floored(stepped(target_shares(p, method), w, step), floor)
                    for p, w in zip(p_best, shares, strict=True)
                ]
            )
    regret = ((rates.max() - rates) * n).sum(axis=1).mean()
    return regret, (p_best.argmax(axis=1) == rates.argmax()).mean(), (s / n / rates - 1).mean(axis=0)


@pytest.mark.slow
def test_thompson_halves_the_regret_and_the_floor_keeps_the_bias_small():
    equal, *_ = simulate(ONE_BETTER, None)
    regret, _, bias = simulate(ONE_BETTER, "thompson")
    assert equal == pytest.approx(400, rel=0.01)
    assert regret < 0.52 * equal
    assert np.all(bias > -0.03)
    _, _, unguarded = simulate(ONE_BETTER, "thompson", floor=0.0, step=1.0)
    assert unguarded[:4].mean() < 1.8 * bias[:4].mean() < 0  # the means of those left behind are low


@pytest.mark.slow
def test_top_two_finds_the_best_at_least_as_often_and_still_saves():
    equal, by_equal, _ = simulate(LADDER, None, runs=200)
    regret, found, _ = simulate(LADDER, "top_two", runs=200)
    thompsons, by_thompson, _ = simulate(LADDER, "thompson", runs=200)
    # three standard errors of a difference of two shares of 200
    assert found >= max(by_thompson, by_equal) - 0.03
    assert thompsons < regret < 0.75 * equal
