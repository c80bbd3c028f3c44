"""How many buy × how much: the rows' own likelihood, closed forms, recovery, and the amounts that follow no family."""

import json
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from analysis import AmountStatistics, AnalysisError, CountStatistics, NotShown, priors
from analysis.messages import message
from analysis.models import amount_families, hurdle
from analysis.priors import NamedPrior
from analysis.sampling import engine

pm = pytest.importorskip("pymc")

FAMILIES = {family.name: family for family in amount_families.FAMILIES}
WIDE = NamedPrior(
    "wide", {"level_sd": 100, "variant_sd": 50, "shape_sd": 50, "shape_variant_sd": 20}.items(), "For closed forms."
)


def statistics_of(members: int, amounts: np.ndarray, cap: float | None = None) -> AmountStatistics:
    """`members` of whom the first spent these amounts and the others nothing."""
    cut = amounts if cap is None else np.minimum(amounts, cap)
    logs = np.log(cut)
    return AmountStatistics(
        members,
        len(cut),
        Decimal(repr(float(cut.sum()))),
        float(cut @ cut),
        float(logs.sum()),
        float(logs @ logs),
        0 if cap is None else int((amounts > cap).sum()),
        None if cap is None else Decimal(str(cap)),
    )


def log_normals(seed: int, buyers: int = 800, members: int = 10_000) -> dict[str, AmountStatistics]:
    rng = np.random.default_rng(seed)
    return {
        "a": statistics_of(members, rng.lognormal(3.0, 1.1, buyers)),
        "b": statistics_of(members, rng.lognormal(3.2, 1.1, buyers + 200)),
    }


def likelihood(family: str, data: dict[str, AmountStatistics], **at: np.ndarray) -> float:
    """The model's own log likelihood at a point, prior left out."""
    stored = amount_families.data_of(data.values(), priors.HURDLE_WEAK)
    with FAMILIES[family].build(len(data)) as model:
        pm.set_data({name: stored[name] for name in FAMILIES[family].data}, model=model)
        total = model["buying"] + model["amounts"]
        return float(total.eval({model[name]: np.asarray(value) for name, value in at.items()}))


def near(estimate, truth: float) -> bool:
    """Within 3.5 posterior sd: a test that looks at many estimates would trip over 95 % intervals."""
    return abs(estimate.mean - truth) < 3.5 * (estimate.interval.high - estimate.interval.low) / 3.92


def rows_of_two_variants() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(9)
    return {"a": rng.lognormal(2.0, 0.8, 60), "b": rng.gamma(1.4, 20.0, 45)}


def test_the_log_normal_likelihood_is_that_of_the_rows():
    rows = rows_of_two_variants()
    data = {key: statistics_of(200, own) for key, own in rows.items()}
    for share, mean, sd in (((0.2, 0.3), (1.8, 2.5), (0.7, 1.3)), ((0.4, 0.1), (3.0, 2.9), (2.0, 0.5))):
        known = sum(
            stats.bernoulli.logpmf(np.arange(200) < len(own), p).sum()
            + stats.lognorm.logpdf(own, s, scale=np.exp(m)).sum()
            for own, p, m, s in zip(rows.values(), share, mean, sd, strict=True)
        )
        assert likelihood("log_normal", data, share=share, log_mean=mean, log_sd=sd) == pytest.approx(known, rel=1e-12)


def test_the_gamma_likelihood_is_that_of_the_rows():
    rows = rows_of_two_variants()
    data = {key: statistics_of(200, own) for key, own in rows.items()}
    for share, mean, shape in (((0.2, 0.3), (9.0, 30.0), (1.5, 0.7)), ((0.4, 0.1), (20.0, 15.0), (0.3, 9.0))):
        known = sum(
            stats.bernoulli.logpmf(np.arange(200) < len(own), p).sum() + stats.gamma.logpdf(own, k, scale=m / k).sum()
            for own, p, m, k in zip(rows.values(), share, mean, shape, strict=True)
        )
        found = likelihood("gamma", data, share=share, log_amount=np.log(mean), log_shape=np.log(shape))
        assert found == pytest.approx(known, rel=1e-12)


@pytest.mark.slow
def test_the_log_normal_posterior_is_the_closed_form_one():
    data = log_normals(4)
    result = hurdle.fit_hurdle(data, control="a", prior=WIDE, draws=2000)
    assert result.family == "log_normal"
    for v, own in enumerate(data.values()):
        mean, n = own.log_total / own.positive, own.positive
        spread = own.log_total_squares - n * mean**2
        # Flat in the mean and in the logarithm of the sd: Student t and a scaled inverse chi-square (Gelman, BDA 3.2).
        level = stats.t(n - 1, mean, np.sqrt(spread / (n - 1) / n))
        for p in (0.025, 0.25, 0.5, 0.75, 0.975):
            sd = np.sqrt(spread / stats.chi2(n - 1).isf(p))
            drawn = result.draws.values
            assert np.quantile(drawn["log_mean"][:, :, v], p) == pytest.approx(level.ppf(p), abs=0.15 * level.std())
            assert np.quantile(drawn["log_sd"][:, :, v], p) == pytest.approx(sd, abs=0.15 * sd / np.sqrt(2 * n))
        assert result.variants[v].share.mean == pytest.approx((n + 1) / (own.n + 2), abs=2e-4)


def test_log_normal_amounts_are_recognised_and_split():
    data = log_normals(1)
    result = hurdle.fit_hurdle(data, control="a", metric="revenue", seed=3)
    assert (result.family, result.not_shown, result.metric, result.note) == ("log_normal", None, "revenue", None)
    assert all(one.passed for one in result.checks) and len(result.checks) == 4
    a, b = result.variants
    for row, share, mean in ((a, 0.08, 3.0), (b, 0.10, 3.2)):
        truth = np.exp(mean + 1.1**2 / 2)
        assert near(row.amount, truth) and near(row.mean, share * truth)
    assert a.share_lift is a.amount_lift is a.mean_lift is None
    assert near(b.share_lift, 0.25) and near(b.amount_lift, np.expm1(0.2))
    both = (1 + b.share_lift.mean) * (1 + b.amount_lift.mean) - 1
    assert b.mean_lift.mean == pytest.approx(both, abs=0.01)
    stored = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert stored["variants"][1]["amount"]["interval"]["kind"] == "eti"
    assert stored["engine"] and stored["diagnostics"]["passed"]


def test_the_same_seed_gives_the_same_digits_and_the_draws_are_for_arviz():
    data = log_normals(1)
    first, again = (hurdle.fit_hurdle(data, control="a", seed=3) for _ in range(2))
    assert json.dumps(first.to_dict()) == json.dumps(again.to_dict())
    shortest = hurdle.fit_hurdle(data, control="a", seed=3, interval="hdi").variants[1].amount_lift.interval
    equal = first.variants[1].amount_lift.interval
    assert shortest.kind == "hdi" and shortest.high - shortest.low <= equal.high - equal.low
    posterior = engine.to_arviz(first.draws)["posterior"]
    assert list(posterior["amount"].sel(variant="b").dims) == ["chain", "draw"]
    assert float(posterior["amount"].sel(variant="b").mean()) == pytest.approx(first.variants[1].amount.mean)


@pytest.mark.slow
def test_gamma_amounts_are_recognised():
    rng = np.random.default_rng(2)
    data = {key: statistics_of(20_000, rng.gamma(0.7, mean / 0.7, 2000)) for key, mean in (("a", 30.0), ("b", 33.0))}
    result = hurdle.fit_hurdle(data, control="a")
    assert result.family == "gamma"
    for row, mean in zip(result.variants, (30.0, 33.0), strict=True):
        assert near(row.amount, mean)


@pytest.mark.parametrize(
    "amounts",
    [
        lambda rng: rng.choice([9.99, 49.0], 2000),
        lambda rng: np.r_[rng.lognormal(2, 0.3, 1500), rng.lognormal(5, 0.3, 300)],
        lambda rng: rng.uniform(5, 100, 2000),
    ],
    ids=["two price points", "two kinds of goods", "flat"],
)
def test_amounts_that_follow_no_family_are_not_shown(amounts):
    rng = np.random.default_rng(5)
    result = hurdle.fit_hurdle({key: statistics_of(9000, amounts(rng)) for key in "ab"}, control="a")
    assert result.not_shown.code == "fits_no_family"
    assert result.not_shown.reason.params["check"].code == "check.range"
    assert result.variants == () and {one.passed for one in result.checks} >= {False}


def test_the_interface_of_every_model_gives_the_posterior_of_the_mean_or_the_reason():
    data = log_normals(1)
    posterior = hurdle.fit(data, priors.HURDLE_WEAK, np.random.default_rng(2))
    assert posterior.mean(1) == pytest.approx(data["b"].mean, rel=0.05)
    few = hurdle.fit({"a": AmountStatistics.empty()}, priors.HURDLE_WEAK)
    assert isinstance(few, NotShown) and few.code == "too_few_amounts"


def test_cut_amounts_are_reported_and_the_mean_includes_the_cut():
    rng = np.random.default_rng(6)
    rows = {key: rng.lognormal(3.0, 1.1, 3000) for key in "ab"}
    cap = float(np.quantile(rows["a"], 0.995))
    data = {key: statistics_of(9000, own, cap) for key, own in rows.items()}
    result = hurdle.fit_hurdle(data, control="a")
    assert result.family == "log_normal", result.not_shown
    cut = data["a"].capped + data["b"].capped
    assert result.note == message("note.amounts_cut", amounts=cut, cap=float(data["a"].cap))
    for row, own in zip(result.variants, data.values(), strict=True):
        assert row.amount.mean == pytest.approx(float(own.total) / own.positive, rel=0.03)
    too_many = {key: statistics_of(9000, own, 20.0) for key, own in rows.items()}
    refused = hurdle.fit_hurdle(too_many, control="a").not_shown
    assert refused.code == "cut_amounts" and refused.reason.params["cap"] == 20


def test_too_few_buyers_or_one_price_are_outcomes_with_a_reason():
    few = log_normals(1) | {"b": statistics_of(500, np.array([3.0, 4.0, 9.0]))}
    stored = hurdle.fit_hurdle(few, control="a").not_shown
    assert stored.code == "too_few_amounts" and stored.reason.params == {"variant": "b", "buyers": 3, "fewest": 20}
    one_price = {key: statistics_of(500, np.full(50, 9.99)) for key in "ab"}
    assert hurdle.fit_hurdle(one_price, control="a").not_shown.code == "no_spread"
    assert hurdle.fit_hurdle({"a": AmountStatistics.empty()}, control="a").not_shown.code == "too_few_amounts"


def test_impossible_requests_are_refused():
    with pytest.raises(AnalysisError, match="'z' has no data; there is a, b"):
        hurdle.fit_hurdle(log_normals(1), control="z")
    with pytest.raises(AnalysisError, match="give AmountStatistics"):
        hurdle.fit_hurdle({"a": CountStatistics(((0, 5), (1, 5)))}, control="a")
    with pytest.raises(AnalysisError, match="at least one variant"):
        hurdle.fit({}, priors.HURDLE_WEAK)
