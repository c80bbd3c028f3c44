"""Word of mouth: the simulator, the sums that a fit needs, and the likelihood that is that of the rows."""

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from analysis import AnalysisError, CascadeStatistics, priors, simulate
from analysis.models.cascade import offspring
from analysis.simulate import Spreading, simulate_cascades

PRIOR = priors.WORD_OF_MOUTH


def naive(cell: CascadeStatistics) -> float:
    return cell.brought / cell.n


def test_the_simulated_cascades_have_the_stated_r_among_members_of_full_age():
    law = Spreading(0.8, 0.4, 1.5)
    found = simulate_cascades(30_000, law, 7, run=14, seed=3)
    old = [(brought, members) for age, brought, members in found.offspring if age == 7]
    mean = sum(b * m for b, m in old) / sum(m for _, m in old)
    assert mean == pytest.approx(0.8, abs=0.03)
    assert naive(found) < 0.74
    assert sum(roots for _, roots in found.sizes) == found.roots == 30_000
    # a member who is not a root was brought by another
    assert sum(size * roots for size, roots in found.sizes) == found.n == found.brought + found.roots
    assert sum(brought for *_, brought in found.delays) == found.brought
    assert sum(roots for depth, roots in found.depths if depth == 0) == dict(found.sizes)[1]
    complete = np.zeros(7)
    for age, delay, brought in found.delays:
        complete[delay] += brought * (age == 7)
    assert complete / complete.sum() == pytest.approx(law.delay_days(7), abs=0.02)


def test_a_cascade_without_end_is_stopped_with_a_remedy(monkeypatch):
    monkeypatch.setattr(simulate, "MOST_MEMBERS", 20_000)
    with pytest.raises(AnalysisError, match="lower it or shorten the run"):
        simulate_cascades(100, Spreading(5.0, 1.0, 0.1), 7, run=60, seed=1)


def test_bins_of_delay_cover_the_horizon_and_their_weights_are_the_priors():
    for horizon in (1, 2, 7, 8, 14, 30, 90):
        edges = offspring.delay_edges(horizon)
        assert edges[0] == 0 and edges[-1] == horizon and list(edges) == sorted(set(edges))
        assert offspring.delay_weights(horizon, 2.0).sum() == pytest.approx(2.0)
        over, begun = offspring.done_by_age(horizon)
        assert over[-1] == pytest.approx(np.ones(len(edges) - 1)) and not begun[-1].any()
        # what is over at an age and what has begun make what is over a day later
        assert (over + begun)[:-1] == pytest.approx(over[1:])


def test_the_sums_leave_members_of_age_0_out():
    cell = CascadeStatistics(
        3, ((0, 1, 5), (1, 0, 4), (1, 2, 1), (3, 1, 2)), ((0, 0, 5), (1, 0, 1), (1, 1, 1), (3, 2, 2))
    )
    sums = offspring.offspring_of({"a": cell})
    assert sums.members.tolist() == [[5, 0, 2]] and sums.brought.tolist() == [[2, 0, 2]]
    assert dict(zip(sums.counts.tolist(), sums.having[0].tolist(), strict=True)) == {0: 4, 1: 2, 2: 1}
    assert sums.delays.tolist() == [[1, 1, 2]] and sums.partly.tolist() == [1]
    assert sums.delayed.tolist() == [[2, 0, 2]]


def test_the_models_likelihood_is_that_of_the_rows():
    """Against SciPy's negative binomial row by row and the multinomial of the delays, between two points."""
    pytest.importorskip("pymc")
    cell = simulate_cascades(300, Spreading(0.7, 0.5, 1.5), 4, run=8, seed=5)
    sums = offspring.offspring_of({"a": cell})
    model = offspring.build(*sums.shape)
    for name, value in offspring.data_of(sums, PRIOR).items():
        model.set_data(name, value)
    log_likelihood = model.compile_logp([model["numbers"], model["delays_given"]], mode="FAST_COMPILE")
    weights = offspring.delay_weights(4, PRIOR["delay_members"])

    def by_row(r: float, k: float, part: float, power: np.ndarray) -> float:
        share = power ** (1 / weights[1:])
        until = np.append(np.cumprod((1 - share)[::-1])[::-1], 1.0)
        p = until * np.append(1.0, share)
        done = [p[:age].sum() + (part * p[age] if age < 4 else 0.0) for age in range(5)]
        total = 0.0
        for age, brought, members in cell.offspring:
            if age:
                mean = r * done[age]
                law = nbinom.logpmf(brought, k, k / (k + mean)) if k < 1e6 else poisson.logpmf(brought, mean)
                total += members * law
        for age, delay, brought in cell.delays:
            if age:
                came = p[delay] * (part if delay == age else 1.0)
                total += brought * np.log(came / done[age])
        return total

    def by_model(r: float, k: float, part: float, power: np.ndarray) -> float:
        logit = lambda x: np.log(x / (1 - x))  # noqa: E731
        return float(
            log_likelihood(
                {
                    "log_r": np.array([np.log(r)]),
                    "log_k": np.array([np.log(k)]),
                    "part_logodds__": np.array(logit(part)),
                    "power_interval__": logit(power)[None],
                }
            )
        )

    here, there = (0.7, 0.5, 0.4, np.array([0.3, 0.6, 0.2])), (1.1, 0.2, 0.7, np.array([0.8, 0.1, 0.5]))
    at_random = (0.7, 1e13, 0.4, here[3])
    assert by_model(*here) - by_model(*there) == pytest.approx(by_row(*here) - by_row(*there), rel=1e-9)
    assert by_model(*here) - by_model(*at_random) == pytest.approx(by_row(*here) - by_row(*at_random), rel=1e-9)
