"""Other tools on the same data: gbstats (GrowthBook), bayesian-testing and tea-tasting, used as documented.

Two questions are asked of them: what they say of "B beats A" from two groups' counts, and how long, and with how much
memory, they take from ten million rows to their answers. They are installed by `make bench` alone, never served.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.memory import peak_mebibytes

Counts = tuple[int, int]  # members, successes


@dataclass(frozen=True)
class Peer:
    """One way of answering.

    Attributes
    ----------
    name : str
    beats : callable
        ``beats(control, treatment)``: its chance that the treatment's true rate is higher.
    predicts : (float, float) or None
        The Beta prior under which it predicts a group's further successes; None: it says nothing of a single group.
    """

    name: str
    beats: Callable[[Counts, Counts], float]
    predicts: tuple[float, float] | None = None


def _gbstats(variance: float | None) -> Callable[[Counts, Counts], float]:
    from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
    from gbstats.models.statistics import ProportionStatistic

    prior = GaussianPrior() if variance is None else GaussianPrior(0, variance, True)

    def beats(control: Counts, treatment: Counts) -> float:
        a, b = (ProportionStatistic(n=n, sum=s) for n, s in (control, treatment))
        return float(
            EffectBayesianABTest(a, b, EffectBayesianConfig(prior_effect=prior)).compute_result().chance_to_win
        )

    return beats


def _bayesian_testing(control: Counts, treatment: Counts) -> float:
    from bayesian_testing.experiments import BinaryDataTest

    test = BinaryDataTest()
    test.add_variant_data_agg("A", *control)
    test.add_variant_data_agg("B", *treatment)
    best, _, _ = test.eval_simulation(seed=1)
    return float(best["B"])


def _tea_tasting(control: Counts, treatment: Counts) -> float:
    """Return the one-sided p-value as a chance, since the tool gives p-values and no chances."""
    import tea_tasting
    from tea_tasting.aggr import Aggregates

    def aggregates(n: int, s: int) -> Aggregates:
        rate = s / n
        return Aggregates(n, {"did": rate}, {"did": rate * (1 - rate) * n / (n - 1)})

    metric = tea_tasting.Mean("did", alternative="greater")
    result = metric.analyze_aggregates(aggregates(*control), aggregates(*treatment))
    p = float(result.pvalue)
    return 0.5 if np.isnan(p) else 1 - p


def peers() -> tuple[Peer, ...]:
    """Every peer; imports them.

    Raises
    ------
    ImportError
        Where they are not installed: `make bench` does that.
    """
    from bayesian_testing.experiments import BinaryDataTest

    test = BinaryDataTest()
    test.add_variant_data_agg("A", 2, 1)
    prior = (float(test.a_priors[0]), float(test.b_priors[0]))
    return (
        Peer("gbstats, its default (flat) prior", _gbstats(None)),
        Peer("gbstats, its proper prior N(0, 0.3²)", _gbstats(0.09)),
        Peer(f"bayesian-testing, Beta({prior[0]:g}, {prior[1]:g})", _bayesian_testing, prior),
        Peer("tea-tasting, one-sided p", _tea_tasting),
    )


# From ten million rows to answers ------------------------------------------------------------------------------------


def _ours(variant: np.ndarray, bought: np.ndarray, spent: np.ndarray) -> dict[str, float]:
    from analysis import scorecard, summarise

    rate = scorecard(summarise(variant, bought, kind="proportion"), control=0).comparison(1)
    money = scorecard(summarise(variant, spent, kind="amount"), control=0).comparison(1)
    assert rate.lift and money.lift
    return {"rate lift": rate.lift.mean, "P(rate)": rate.p_beats_control, "money lift": money.lift.mean}


def _gbstats_rows(variant: np.ndarray, bought: np.ndarray, spent: np.ndarray) -> dict[str, float]:
    from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig
    from gbstats.models.statistics import ProportionStatistic, SampleMeanStatistic

    rates, means = [], []
    for arm in (0, 1):
        own = variant == arm
        money = spent[own]
        rates.append(ProportionStatistic(n=int(own.sum()), sum=int(bought[own].sum())))
        means.append(SampleMeanStatistic(n=len(money), sum=float(money.sum()), sum_squares=float((money**2).sum())))
    rate = EffectBayesianABTest(*rates, EffectBayesianConfig()).compute_result()
    amount = EffectBayesianABTest(*means, EffectBayesianConfig()).compute_result()
    return {"rate lift": rate.expected, "P(rate)": rate.chance_to_win, "money lift": amount.expected}


def _bayesian_testing_rows(variant: np.ndarray, bought: np.ndarray, spent: np.ndarray) -> dict[str, float]:
    from bayesian_testing.experiments import BinaryDataTest, DeltaLognormalDataTest

    rates, amounts = BinaryDataTest(), DeltaLognormalDataTest()
    for arm in (0, 1):
        rates.add_variant_data(str(arm), bought[variant == arm])
        amounts.add_variant_data(str(arm), spent[variant == arm])
    rate, money = rates.evaluate(seed=1), amounts.evaluate(seed=1)
    of = {row["variant"]: row for row in rate}
    # It returns means and chances but no lift, which is computed from its posterior means.
    means = {row["variant"]: row["posterior_mean"] for row in money}
    lift = of["1"]["posterior_mean"] / of["0"]["posterior_mean"] - 1
    return {"rate lift": lift, "P(rate)": of["1"]["prob_being_best"], "money lift": means["1"] / means["0"] - 1}


def _tea_tasting_rows(variant: np.ndarray, bought: np.ndarray, spent: np.ndarray) -> dict[str, float]:
    import pyarrow
    import tea_tasting

    table = pyarrow.table({"variant": variant, "bought": bought.astype("int64"), "spent": spent})
    experiment = tea_tasting.Experiment(rate=tea_tasting.Mean("bought"), money=tea_tasting.Mean("spent"))
    result = experiment.analyze(table)
    rate, money = result["rate"], result["money"]
    return {"rate lift": rate.rel_effect_size, "P(rate)": 1 - rate.pvalue / 2, "money lift": money.rel_effect_size}


ROWS = {
    "Klette": _ours,
    "gbstats": _gbstats_rows,
    "bayesian-testing": _bayesian_testing_rows,
    "tea-tasting": _tea_tasting_rows,
}


def rows_to_answers(rows: int = 10_000_000) -> list[dict[str, float | str]]:
    """Return seconds and memory from rows in memory to the results of a rate and an amount, in separate processes."""
    with tempfile.TemporaryDirectory(prefix="klette-rows-") as folder:
        rng = np.random.default_rng(10)
        variant = rng.integers(0, 2, rows, dtype=np.int8)
        bought = rng.random(rows) < np.where(variant == 1, 0.0515, 0.05)
        spent = np.where(bought, np.round(rng.lognormal(3.5, 0.9, rows), 2), 0.0)
        for name, column in (("variant", variant), ("bought", bought), ("spent", spent)):
            np.save(Path(folder) / f"{name}.npy", column)
        found = []
        for engine in ROWS:
            asked = [sys.executable, "-m", __name__, engine, folder]
            answer = subprocess.run(asked, check=True, capture_output=True, text=True)
            found.append({"engine": engine, **json.loads(answer.stdout.splitlines()[-1])})
    return found


def _answer_once(engine: str, folder: str) -> dict[str, float]:
    columns = [np.load(Path(folder) / f"{name}.npy") for name in ("variant", "bought", "spent")]
    # A thousand rows first, so that imports at the first call are not timed.
    ROWS[engine](*(column[:1_000] for column in columns))
    before = peak_mebibytes()
    best = np.inf
    for _ in range(3):
        began = time.perf_counter()
        answers = ROWS[engine](*columns)
        best = min(best, time.perf_counter() - began)
    peak = peak_mebibytes()
    return {"seconds": best, "megabytes": peak - before, **{name: float(value) for name, value in answers.items()}}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(_answer_once(*sys.argv[1:])))
