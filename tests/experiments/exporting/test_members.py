"""The per-member table: what each member did for every metric that a single member can tell."""

import csv
import io
from decimal import Decimal

import pytest

from experiments.catalogue.metrics import METRICS
from experiments.collect.attribution import Extras
from experiments.exporting.members import MemberTable, batches, member_table, to_csv, to_parquet
from tests.audience import (
    ACTIONS,
    CUT_OFF_US,
    HISTORY_DAYS,
    WINDOW_DAYS,
    _counted,
    expected_members,
    make_audience,
    store_audience,
    store_experiment,
)
from tests.experiments.collect.test_collect import SCOPE


def test_every_member_and_every_metric_is_what_the_rules_say(database, database_url):
    audience = make_audience(21, rich=True)
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)
    table = MemberTable(database_url, SCOPE, METRICS, ("country",))
    members = expected_members(audience)
    found = {row[0]: dict(zip(table.columns, row, strict=True)) for batch in batches(table) for row in batch}
    assert found.keys() == members.keys()
    for unit, row in found.items():
        for metric in METRICS:
            wanted = members[unit].get(metric.key)
            if metric.kind in ("proportion", "count"):
                assert row[metric.key] == wanted, metric.key
            elif metric.kind == "amount":
                assert (row[metric.key], row[f"{metric.key}_uncut"]) == (min(wanted, metric.cap), wanted), metric.key
            elif metric.kind == "ratio":
                total, number = wanted
                cut = min(total, metric.cap or total)
                assert (row[metric.key], row[f"{metric.key}_number"]) == (cut, number), metric.key
            else:
                assert not any(column.startswith(metric.key) for column in table.columns)
    text = "".join(to_csv(table))
    assert [Decimal(line["sentiment"]) for line in csv.DictReader(io.StringIO(text))] == [
        row["sentiment"] for row in found.values()
    ]


def listed(table: MemberTable) -> dict[str, dict]:
    return {row[0]: dict(zip(table.columns, row, strict=True)) for batch in batches(table) for row in batch}


@pytest.mark.parametrize("days", [0, HISTORY_DAYS])
def test_the_extra_columns_hold_the_covariate_the_actions_and_word_of_mouth(database, database_url, days, tmp_path):
    import pyarrow.parquet as pq

    audience = make_audience(22, rich=True)
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)
    extras = Extras(None if days else "history", days, tuple(ACTIONS), brought=True)
    table = MemberTable(database_url, SCOPE, METRICS, ("country",), extras=extras)
    members, found = expected_members(audience), listed(table)
    assert found.keys() == members.keys()
    guests = [row for row in _counted(audience, by_arrival=True).values() if row["origin"] == "shared"]
    for unit, row in found.items():
        member = members[unit]
        assert [row[f"action.{kind}"] for kind in ACTIONS] == member["actions"]
        began = member["row"]["at_us"]
        came = [guest["at_us"] - began for guest in guests if guest.get("brought_by") == unit]
        assert row["brought"] == sum(since < WINDOW_DAYS * 86_400_000_000 for since in came)
        assert row["cascade_size"] == 1 + sum(guest.get("root") == unit for guest in guests)
        if not days:
            history = (member["row"]["attributes"] or {}).get("history")
            number = isinstance(history, int | float) and not isinstance(history, bool) and abs(history) <= 1e12
            assert row["covariate.history"] == (float(history) if number else None)
            continue
        for known in METRICS:
            wanted = member.get(f"{known.key}_before")
            if known.kind == "amount":
                wanted = min(wanted, known.cap or wanted)
            if known.kind in ("proportion", "count", "amount"):
                assert row[f"{known.key}_before"] == wanted, known.key
    assert sum(row["brought"] for row in found.values()) > 10
    file = tmp_path / "members.parquet"
    with file.open("wb") as opened:
        to_parquet(table, opened)
    assert [tuple(row[name] for name in ("unit", "brought")) for row in pq.read_table(file).to_pylist()] == [
        (unit, row["brought"]) for unit, row in found.items()
    ]


def test_the_members_give_the_adjusted_and_the_valued_figures_again(database, database_url):
    from analysis.models.cuped import adjust
    from analysis.statistics import AdjustedStatistics
    from experiments.analyses.run import analyse

    with database.write() as session:
        store_experiment(
            session,
            metrics=["click_rate", "net_value", "k_factor"],
            covariate={"attribute": "history", "days_before": None},
            action_values={"click": "0.5", "share": "2"},
            margin=0.3,
        )
        store_audience(session, make_audience(23, members=400, rich=True))
    made = analyse(database, "test", cut_off_us=CUT_OFF_US, with_models=False)
    with database.read() as session:
        from experiments.lifecycle.store import get

        table = member_table(session, database_url, get(session, "test"))
    found = list(listed(table).values())
    assert {"covariate.history", "action.click", "action.share", "revenue", "brought"} <= set(table.columns)
    rows = {entry["metric"]: entry for entry in made.result["metrics"]}
    cells = {}
    for variant in "abc":
        own = [(row["click_rate"], row["covariate.history"] or 0.0) for row in found if row["variant"] == variant]
        x, c = zip(*own, strict=True)
        both = sum(a * b for a, b in own)
        cells[variant] = AdjustedStatistics(len(x), Decimal(sum(x)), sum(x), sum(c), sum(b * b for b in c), both)
    adjusted = adjust(cells)
    for row in rows["click_rate"]["adjusted"]["variants"]:
        assert adjusted.variants[row["variant"]].mean == pytest.approx(row["evidence_mean"], rel=1e-9)
    for row in rows["net_value"]["variants"]:
        own = [one for one in found if one["variant"] == row["variant"]]
        earned = sum(0.3 * float(one["revenue"]) + 0.5 * one["action.click"] + 2 * one["action.share"] for one in own)
        assert earned / len(own) == pytest.approx(row["raw_mean"], rel=1e-9)
