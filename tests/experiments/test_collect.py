import json
import sqlite3
from dataclasses import replace

import pytest

from analysis.statistics import AmountStatistics, CountStatistics, ProportionStatistics
from experiments import rows
from experiments.collect import MOST_LEVELS, collect
from experiments.collected import OTHERS, Collected
from experiments.database import Database
from experiments.member_rows import Scope
from experiments.metrics import DAY_US, metric
from experiments.metrics import METRICS as ALL_METRICS
from tests.audience import (
    BEGAN_US,
    CUT_OFF_US,
    TOLERANCE_US,
    WINDOW_DAYS,
    Audience,
    expected_members,
    make_audience,
    store_audience,
    store_experiment,
)

METRICS = ALL_METRICS[:10]
SCOPE = Scope(1, "test", "EUR", WINDOW_DAYS * DAY_US, CUT_OFF_US, ("a", "b", "c"))


def collected_from(database: Database, audience: Audience, scope: Scope = SCOPE, **options) -> Collected:
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)
    return collect(rows.source(database.url), scope, METRICS, **options)


def by_hand(members: dict, found, variant: str):
    """A variant's statistics of a metric from the members themselves."""
    values = [member[found.key] for member in members.values() if member["row"]["variant"] == variant]
    if found.kind == "proportion":
        return ProportionStatistics(len(values), sum(values))
    if found.kind == "count":
        return CountStatistics(tuple((value, 1) for value in values))
    return AmountStatistics.from_values(values, found.cap)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("by_arrival", [True, False])
@pytest.mark.parametrize("tolerance", [0, TOLERANCE_US])
def test_every_count_equals_the_rules_applied_by_hand(database, seed, by_arrival, tolerance):
    audience = make_audience(seed)
    scope = replace(SCOPE, by_arrival=by_arrival, tolerance_us=tolerance, begun_us=BEGAN_US)
    collected = collected_from(database, audience, scope)
    members = expected_members(audience, by_arrival=by_arrival, tolerance_us=tolerance)
    assert sum(collected.counts.values()) == len(members) > 100
    for found in METRICS:
        for variant in "abc":
            expected = by_hand(members, found, variant)
            seen = collected.metric_data[found.key][variant]
            if found.kind == "amount":
                assert (seen.n, seen.positive, seen.total, seen.capped) == (
                    expected.n,
                    expected.positive,
                    expected.total,
                    expected.capped,
                )
                assert seen.total_squares == pytest.approx(expected.total_squares, rel=1e-14)
                assert seen.log_total == pytest.approx(expected.log_total, rel=1e-12)
                assert seen.log_total_squares == pytest.approx(expected.log_total_squares, rel=1e-12)
            else:
                assert seen == expected, (found.key, variant)
    quality = collected.quality
    for name in ("events", "late", "ahead", "early"):
        assert getattr(quality, name) == sum(member[name] for member in members.values()), name
    assert quality.early > 10


def test_the_caps_and_their_number_are_really_exercised():
    members = expected_members(make_audience(1))
    assert sum(member["revenue"] > metric("revenue").cap for member in members.values()) > 0
    assert sum(member["dwell"] > metric("dwell").cap for member in members.values()) > 0


def test_members_set_aside_are_counted_by_reason(database):
    audience = make_audience(4)
    collected = collected_from(database, audience)
    run = [
        row
        for row in audience.exposures
        if row["run_id"] == 1 and row["at_us"] <= CUT_OFF_US and row["received_us"] <= CUT_OFF_US
    ]
    twice = {row["unit"] for row in audience.met_twice if row["run_id"] == 1 and row["received_us"] <= CUT_OFF_US}
    people = [row for row in run if not row["bot"]]
    assert collected.excluded == {
        "multi_exposed": sum(row["unit"] in twice and row["origin"] == "randomised" for row in people),
        "bots": sum(row["bot"] for row in run),
    }
    assert collected.shared == sum(row["origin"] == "shared" for row in people)
    assert collected.excluded["multi_exposed"] and collected.excluded["bots"] and collected.shared


def test_segment_cells_add_up_to_the_whole_on_every_level(database):
    audience = make_audience(5)
    primary = metric("sticky_rate")
    collected = collected_from(database, audience, segments=["country", "a.b"], segmented=primary)
    for cells in collected.segment_data.values():
        for variant in "abc":
            total = ProportionStatistics.empty()
            for (key, _), cell in cells.items():
                total = total + cell if key == variant else total
            assert total == collected.metric_data["sticky_rate"][variant]
    levels = {level for _, level in collected.segment_data["country"]}
    # A number, a truth and a text of the same letters stay apart; a missing and a null attribute do not.
    assert levels == {"DE", "AT", "Bär", 'a"b', "true", "1", "1.5", "(not given)"}
    assert {level for _, level in collected.segment_data["a.b"]} == {"x", "(not given)"}


def test_levels_beyond_the_largest_thirty_are_others(database):
    audience = make_audience(6)
    for place, row in enumerate(audience.exposures):
        row["attributes"] = {"country": f"land {place % 70:02d}"}
    collected = collected_from(database, audience, segments=["country"], segmented=metric("sticky_rate"))
    cells = collected.segment_data["country"]
    levels = {level for _, level in cells}
    assert OTHERS in levels and len(levels) == MOST_LEVELS + 1
    assert sum(cell.n for cell in cells.values()) == collected.randomised


def test_arrivals_add_up_to_the_members_and_begin_on_day_zero(database):
    collected = collected_from(database, make_audience(7))
    for variant in "abc":
        assert sum(n for key, _, n in collected.arrivals if key == variant) == collected.counts[variant]
    assert min(day for _, day, _ in collected.arrivals) == 0
    assert collected.first_exposure_us >= BEGAN_US


def test_a_run_without_members_gives_empty_statistics_and_no_error(database):
    collected = collected_from(database, Audience(), segments=["country"], segmented=metric("sticky_rate"))
    assert collected.counts == {"a": 0, "b": 0, "c": 0}
    assert all(cell.n == 0 for data in collected.metric_data.values() for cell in data.values())
    assert collected.quality.last_event_us is None


def test_collected_survives_json_to_the_digit(sqlite_url):
    database = Database(sqlite_url)
    collected = collected_from(database, make_audience(8), segments=["country"], segmented=metric("sticky_rate"))
    assert Collected.from_dict(json.loads(json.dumps(collected.to_dict(), sort_keys=True))) == collected
    database.close()


def test_both_engines_give_the_same_figures(sqlite_url, postgres_url):
    found = []
    for url in (sqlite_url, postgres_url):
        database = Database(url)
        found.append(collected_from(database, make_audience(9), segments=["country"], segmented=metric("sticky_rate")))
        database.close()
    first, second = (_without_logs(collected.to_dict()) for collected in found)
    assert first == second


def _without_logs(document: dict) -> dict:
    """Sums of logarithms depend on the order of the rows in their last digit; everything else is exact."""
    for data in document["metric_data"].values():
        for cell in data.values():
            cell.pop("log_total", None)
            cell.pop("log_total_squares", None)
    return document


def test_the_connection_is_opened_once_a_process_and_cannot_write(sqlite_url):
    database = Database(sqlite_url)
    collected_from(database, make_audience(1, members=10))
    backend = rows.source(sqlite_url)
    assert rows.source(sqlite_url) is backend
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        backend.raw_sql("DELETE FROM exposure")
    leftover = backend.raw_sql("SELECT count(*) FROM sqlite_temp_master").fetchone()
    assert leftover == (0,)
    database.close()
