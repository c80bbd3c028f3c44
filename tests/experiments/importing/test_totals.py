"""Totals of amounts, counts and ratios: mean and standard deviation, or sum and sum of squares, by variant."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.analyses.run import analyse
from experiments.catalogue.metrics import metric
from experiments.catalogue.sums import complete, statistic
from experiments.errors import ImportFailedError
from experiments.importing import Source, make_plan, run_import
from experiments.lifecycle import store
from experiments.storage.database import Database


def import_file(database: Database, text: str, **options: object):
    plan = make_plan(**{"kind": "counts", "key": "sums", **options})
    return run_import(database, plan, Source("sums.csv", content=text.encode()), currency="EUR", actor="cli")


@given(st.lists(st.integers(0, 5_000), min_size=2, max_size=60))
def test_mean_and_deviation_give_the_sums_of_the_members(values: list[int]) -> None:
    data = np.array(values, float)
    sums = complete(len(values), {"mean": data.mean(), "sd": data.std(ddof=1)})
    assert sums["total"] == pytest.approx(data.sum())
    assert sums["squares"] == pytest.approx((data**2).sum())
    found = statistic(metric("revenue"), len(values), 0, sums)
    assert (found.n, float(found.total)) == (len(values), pytest.approx(data.sum()))


def test_mean_and_deviation_of_amounts_and_counts_are_analysed(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    text = (
        "variant,members,metric,successes,mean,sd\n"
        "a,5000,revenue,,2.00,9.5\nb,5000,revenue,,2.60,10.5\n"
        "a,5000,orders,,0.10,0.35\nb,5000,orders,,0.12,0.40\n"
        "a,5000,purchase_rate,450,,\nb,5000,purchase_rate,520,,\n"
    )
    import_file(database, text, primary_metric="revenue")
    with database.read() as session:
        stored = store.get(session, "sums")
    assert {stored.primary_metric, *stored.metrics} == {"revenue", "orders", "purchase_rate"}
    result = analyse(database, "sums").result
    rows = {entry["metric"]: entry["variants"] for entry in result["metrics"]}
    assert rows["revenue"][1]["mean"] == pytest.approx(2.6, rel=0.02)
    assert Decimal(str(rows["revenue"][1]["total"])) == Decimal(13_000)
    low, high = rows["revenue"][1]["interval"]["low"], rows["revenue"][1]["interval"]["high"]
    error = 10.5 / np.sqrt(5_000)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    assert rows["orders"][1]["mean"] == pytest.approx(0.12, rel=0.02)
    assert rows["purchase_rate"][0]["total"] == 450


def test_sums_of_a_ratio_are_analysed(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    rng = np.random.default_rng(3)
    lines = ["variant,members,total,squares,denominator,denominator_squares,products"]
    truth = {}
    for name, price in (("a", 30), ("b", 36)):
        y = rng.poisson(0.2, 4_000)
        x = y * rng.gamma(4, price / 4, 4_000)
        truth[name] = x.sum() / y.sum()
        lines.append(f"{name},4000,{x.sum():.6f},{(x * x).sum():.6f},{y.sum()},{(y * y).sum()},{(x * y).sum():.6f}")
    import_file(database, "\n".join(lines) + "\n", metrics=["order_value"])
    (entry,) = analyse(database, "sums").result["metrics"]
    assert [row["mean"] for row in entry["variants"]] == [pytest.approx(truth[name], rel=0.02) for name in "ab"]


@pytest.mark.parametrize(
    ("text", "options", "named"),
    [
        ("variant,members,mean\na,10,2\nb,10,3\n", {"metrics": ["revenue"]}, "squares"),
        ("variant,members,mean,sd\na,10,2,-1\nb,10,3,1\n", {"metrics": ["revenue"]}, "-1"),
        ("variant,members,total,squares\na,10,20,1\nb,10,30,900\n", {"metrics": ["revenue"]}, "total_squares"),
        ("variant,members,mean,sd\na,10,2,1\nb,10,3,1\n", {"metrics": ["order_value"]}, "denominator"),
        ("variant,members,mean,sd\na,10,2,1\nb,10,3,1\n", {"metrics": ["half_life"]}, "half_life"),
        ("variant,members,mean,sd\na,10,2,1\nb,10,3,1\n", {"metrics": ["click_rate"]}, "successes"),
        ("variant,members,clicks\na,10,2\nb,10,3\n", {"metrics": ["click_rate", "revenue"]}, "revenue"),
        ("variant,members,clicks\na,10,2\nb,10,3\n", {"guardrails": ["negative_rate"]}, "negative_rate"),
    ],
)
def test_what_totals_cannot_give_is_refused(sqlite_url: str, text: str, options: dict, named: str) -> None:
    options |= {"columns": {"successes": "clicks"}} if "clicks" in text else {}
    with pytest.raises(ImportFailedError) as caught:
        import_file(Database(sqlite_url), text, **options)
    assert named in " ".join([caught.value.detail, *(message for _, message in caught.value.lines)])
