import json
import sqlite3
from dataclasses import replace
from decimal import Decimal

import pytest

from analysis.statistics import (
    AdjustedStatistics,
    AmountStatistics,
    CountStatistics,
    ProportionStatistics,
    RatioStatistics,
    RetentionStatistics,
    ValueStatistics,
)
from experiments.catalogue.metrics import DAY_US, METRICS, metric
from experiments.collect import MOST_LEVELS, Covariate, Worth, audience, collect, levels
from experiments.collect.attribution import Scope
from experiments.collect.collected import OTHERS, UNKNOWN, Collected, SegmentCells
from experiments.collect.engine import source
from experiments.storage.database import Database
from tests.audience import (
    ACTIONS,
    BEGAN_US,
    COSTS,
    CUT_OFF_US,
    HISTORY_DAYS,
    MARGIN,
    MEASURED,
    TOLERANCE_US,
    WINDOW_DAYS,
    Audience,
    expected_cascades,
    expected_members,
    make_audience,
    store_audience,
    store_experiment,
)

SCOPE = Scope(1, 1, "test", "EUR", WINDOW_DAYS * DAY_US, CUT_OFF_US, ("a", "b", "c"))
WORTH = Worth(MARGIN, ACTIONS, COSTS)


def collected_from(database: Database, audience: Audience, scope: Scope = SCOPE, **options) -> Collected:
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)
    return collect(source.source(database.url), scope, METRICS, **options)


def by_hand(members: list, found, variant: str):
    """Return a metric's statistics computed from the members."""
    values = [member.get(found.key) for member in members]
    if found.kind == "proportion":
        return ProportionStatistics(len(values), sum(values))
    if found.kind == "count":
        return CountStatistics(tuple((value, 1) for value in values))
    if found.kind == "amount":
        return AmountStatistics.from_values(values, found.cap)
    if found.kind == "ratio":
        return ratio_by_hand([(min(x, found.cap or x), y) for x, y in values])
    if found.kind == "retention":
        observed = [(CUT_OFF_US - member["row"]["at_us"]) // DAY_US for member in members]
        days = [member["return_days"] for member in members]
        return RetentionStatistics.from_members(zip(observed, days, strict=True), WINDOW_DAYS)
    fixed, per_thousand = WORTH.cost_of(variant)
    cost = {"cost_fixed": fixed, "cost_per_thousand": per_thousand}
    outcomes = [(min(member["revenue"], found.cap), *member["actions"]) for member in members]
    return ValueStatistics.from_rows(outcomes, WORTH.outcomes, WORTH.weights, **cost)


def ratio_by_hand(pairs: list) -> RatioStatistics:
    x, y = [x for x, _ in pairs], [Decimal(y) for _, y in pairs]
    squares = (sum(a * a for a in x), sum(b * b for b in y), sum(a * b for a, b in pairs))
    return RatioStatistics(len(pairs), sum(x, Decimal(0)), sum(y, Decimal(0)), *map(float, squares))


def same(seen, expected) -> None:
    """Assert that statistics are equal to the digit, except for floating-point sums."""
    actual, wanted = seen.to_dict(), expected.to_dict()
    assert actual.keys() == wanted.keys()
    for name, value in wanted.items():
        exact = not isinstance(value, float) and name != "products"
        if name == "products":
            assert actual[name] == [pytest.approx(row, rel=1e-13) for row in value]
        elif exact and name in ("total", "x_total", "y_total", "cap"):
            assert (actual[name] is None) == (value is None)
            assert value is None or Decimal(actual[name]) == Decimal(value), name
        elif name == "sums":
            assert [Decimal(total) for total in actual[name]] == [Decimal(total) for total in value]
        elif exact:
            assert actual[name] == value, name
        else:
            assert actual[name] == pytest.approx(value, rel=1e-12), name


def of(members: dict, variant: str, **wanted) -> list:
    """Return the members of a variant, optionally of one epoch or only those whose window was over."""
    found = [member for member in members.values() if member["row"]["variant"] == variant]
    if "epoch" in wanted:
        found = [member for member in found if member["row"]["epoch"] == wanted["epoch"]]
    if wanted.get("mature"):
        found = [member for member in found if member["row"]["at_us"] + WINDOW_DAYS * DAY_US <= CUT_OFF_US]
    return found


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("by_arrival", "tolerance"), [(True, TOLERANCE_US), (False, 0)])
@pytest.mark.parametrize("rich", [False, True])
def test_every_metric_equals_the_rules_applied_to_each_member(database, seed, by_arrival, tolerance, rich):
    audience = make_audience(seed, rich=rich)
    scope = replace(SCOPE, by_arrival=by_arrival, tolerance_us=tolerance, begun_us=BEGAN_US)
    collected = collected_from(database, audience, scope, worth=WORTH)
    members = expected_members(audience, by_arrival=by_arrival, tolerance_us=tolerance)
    assert sum(collected.counts.values()) == len(members) > 50
    cascades = expected_cascades(audience, by_arrival=by_arrival)
    for found in METRICS:
        for variant in "abc":
            seen = collected.metric_data[found.key][variant]
            if found.kind == "cascade":
                assert seen == cascades[variant]
            else:
                same(seen, by_hand(of(members, variant), found, variant))
    quality = collected.quality
    for name in ("events", "late", "ahead", "early"):
        assert getattr(quality, name) == sum(member[name] for member in members.values()), name
    assert quality.early > 10


def test_epochs_and_mature_members_are_separate_sums_of_members(database):
    audience = make_audience(11, rich=True)
    collected = collected_from(database, audience, worth=WORTH)
    members = expected_members(audience)
    assert collected.epochs == (1, 3)
    assert set(collected.mature_counts) == {"a", "b", "c"}
    assert 0 < sum(collected.mature_counts.values()) < collected.randomised
    for found in METRICS:
        if found.kind == "cascade":
            assert found.key not in collected.strata and found.key not in collected.mature_data
            continue
        assert (found.key in collected.mature_data) == (found.kind != "retention")
        for variant in "abc":
            for place, epoch in enumerate(collected.epochs):
                here = of(members, variant, epoch=epoch)
                assert collected.counts_by_epoch[variant][place] == len(here)
                same(collected.strata[found.key][variant][place], by_hand(here, found, variant))
            mature = of(members, variant, mature=True)
            assert collected.mature_counts[variant] == len(mature)
            if found.kind != "retention":
                expected = by_hand(mature, found, variant)
                if found.kind == "value":  # mature members bear their share of the fixed cost
                    total = collected.metric_data[found.key][variant]
                    expected = replace(expected, cost_fixed=total.cost_fixed * len(mature) / total.n)
                    assert variant not in COSTS or 0 < expected.cost_fixed < total.cost_fixed
                same(collected.mature_data[found.key][variant], expected)


def test_one_epoch_and_full_windows_add_no_split_statistics(database):
    audience = make_audience(12)
    for row in audience.exposures:
        row["at_us"] = min(row["at_us"], CUT_OFF_US - WINDOW_DAYS * DAY_US)
        row["received_us"] = row["at_us"]
    collected = collected_from(database, audience)
    assert (collected.epochs, collected.strata, collected.counts_by_epoch, collected.mature_data) == ((), {}, {}, {})
    assert collected.mature_counts == collected.counts


def adjusted_by_hand(pairs: list) -> AdjustedStatistics:
    x, c = [Decimal(x) for x, _ in pairs], [Decimal(c) for _, c in pairs]
    sums = (sum(a * a for a in x), sum(c), sum(b * b for b in c), sum(a * b for a, b in zip(x, c, strict=True)))
    return AdjustedStatistics(len(pairs), sum(x, Decimal(0)), *map(float, sums))


def capped(found, value) -> Decimal:
    return min(Decimal(value), found.cap) if found.cap else Decimal(value)


@pytest.mark.parametrize("rich", [False, True])
def test_a_covariate_of_earlier_days_is_the_same_outcome_before_exposure(database, rich):
    audience = make_audience(13, rich=rich)
    collected = collected_from(database, audience, covariate=Covariate(days_before=HISTORY_DAYS))
    members = expected_members(audience)
    adjustable = [found for found in METRICS if found.kind in ("proportion", "amount", "count")]
    assert list(collected.adjusted_data) == [found.key for found in adjustable]
    for found in adjustable:
        for variant in "abc":
            pairs = [
                (capped(found, member[found.key]), capped(found, member[f"{found.key}_before"]))
                for member in of(members, variant)
            ]
            same(collected.adjusted_data[found.key][variant], adjusted_by_hand(pairs))
    # Reading earlier events does not change the outcomes and the health counts.
    plain = collect(source.source(database.url), SCOPE, METRICS)
    assert replace(collected, adjusted_data={}).to_dict() == plain.to_dict()


def test_a_covariate_from_an_attribute_uses_only_numbers(database):
    audience = make_audience(14, rich=True)
    collected = collected_from(database, audience, covariate=Covariate(attribute="history"))
    members = expected_members(audience)

    def history(member) -> Decimal:
        value = (member["row"]["attributes"] or {}).get("history")
        fits = type(value) in (int, float) and abs(value) <= 10**12
        return Decimal(str(value)) if fits else Decimal(0)

    assert sum(history(member) > 0 for member in members.values()) > 10
    for found in (metric("sticky_rate"), metric("revenue"), metric("orders"), metric("active_days")):
        for variant in "abc":
            pairs = [(capped(found, member[found.key]), history(member)) for member in of(members, variant)]
            same(collected.adjusted_data[found.key][variant], adjusted_by_hand(pairs))


def test_members_with_more_events_than_a_packed_field_holds_are_counted_correctly(database, monkeypatch):
    monkeypatch.setattr("experiments.collect.FIELD_BITS", 2)  # a field holds three events at most
    audience = make_audience(15)
    collected = collected_from(database, audience)
    members = expected_members(audience)
    assert max(member["events"] for member in members.values()) > 3
    for found in map(metric, MEASURED):
        for variant in "abc":
            same(collected.metric_data[found.key][variant], by_hand(of(members, variant), found, variant))


def test_the_audience_has_members_above_the_caps():
    members = expected_members(make_audience(1))
    assert sum(member["revenue"] > metric("revenue").cap for member in members.values()) > 0
    assert sum(member["dwell"] > metric("dwell").cap for member in members.values()) > 0


def test_excluded_members_are_counted_by_reason(database):
    audience = make_audience(4)
    collected = collected_from(database, audience)
    run = [
        row
        for row in audience.exposures
        if row["run_id"] == 1 and row["at_us"] <= CUT_OFF_US and row["received_us"] <= CUT_OFF_US
    ]
    twice = {row["unit"] for row in audience.multi_exposed if row["run_id"] == 1 and row["received_us"] <= CUT_OFF_US}
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
    # A number, a boolean and a text of the same letters are distinct levels; missing and null are one.
    assert levels == {"DE", "AT", "Bär", 'a"b', "true", "1", "1.5", "(not given)"}
    assert {level for _, level in collected.segment_data["a.b"]} == {"x", "(not given)"}


def joint_by_hand(members: dict, names: list[str], primary: str) -> SegmentCells:
    """Return the cells of all attributes together, by variant and levels."""
    cells: dict = {}
    for member in members.values():
        given = member["row"]["attributes"] or {}
        levels = tuple(source.words(given.get(name)) or UNKNOWN for name in names)
        cell = cells.setdefault((member["row"]["variant"], levels), [0, 0])
        cell[0] += 1
        cell[1] += member[primary]
    return SegmentCells(tuple(names), {key: ProportionStatistics(*cells[key]) for key in sorted(cells)})


@pytest.mark.parametrize("kinds", [audience.MOST_KINDS, 0], ids=["as stored", "by the engine"])
def test_cells_of_several_segments_together_equal_the_members(database, monkeypatch, kinds):
    monkeypatch.setattr(audience, "MOST_KINDS", kinds)
    made, names = make_audience(16), ["country", "a.b"]
    collected = collected_from(database, made, segments=names, segmented=metric("sticky_rate"))
    together = collected.segment_cells
    assert together.to_dict() == joint_by_hand(expected_members(made), names, "sticky_rate").to_dict()
    for place, name in enumerate(names):
        for (variant, level), cell in collected.segment_data[name].items():
            parts = [part for (key, by), part in together.cells.items() if (key, by[place]) == (variant, level)]
            assert (cell.n, cell.successes) == (sum(part.n for part in parts), sum(part.successes for part in parts))


def test_with_too_many_cells_each_segment_is_still_collected_alone(database, monkeypatch):
    names = ["country", "a.b"]
    made = make_audience(17)
    few = collected_from(database, made, segments=names, segmented=metric("sticky_rate"))
    monkeypatch.setattr(audience, "MOST_KINDS", 0)
    monkeypatch.setattr(levels, "MOST_CELLS", 3)
    backend = source.source(database.url)
    many = collect(backend, SCOPE, METRICS, segments=names, segmented=metric("sticky_rate"))
    assert many.segment_cells is None
    assert many.segment_data == few.segment_data


@pytest.mark.parametrize("kinds", [audience.MOST_KINDS, 0], ids=["as stored", "by the engine"])
def test_levels_beyond_the_largest_thirty_are_others(database, monkeypatch, kinds):
    monkeypatch.setattr(audience, "MOST_KINDS", kinds)
    made = make_audience(6)
    for place, row in enumerate(made.exposures):
        row["attributes"] = {"country": f"land {place % 70:02d}"}
    collected = collected_from(database, made, segments=["country"], segmented=metric("sticky_rate"))
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


def test_collected_statistics_survive_json_to_the_digit(sqlite_url):
    database = Database(sqlite_url)
    options = {"segments": ["country", "a.b"], "segmented": metric("sticky_rate"), "worth": WORTH}
    options |= {"covariate": Covariate(days_before=HISTORY_DAYS)}
    collected = collected_from(database, make_audience(8, rich=True), **options)
    assert collected.strata and collected.mature_data and collected.adjusted_data and collected.segment_cells
    assert Collected.from_dict(json.loads(json.dumps(collected.to_dict(), sort_keys=True))) == collected
    database.close()


def test_both_engines_give_the_same_figures(sqlite_url, postgres_url):
    found = []
    for url in (sqlite_url, postgres_url):
        database = Database(url)
        options = {"segments": ["country", "a.b"], "segmented": metric("sticky_rate"), "worth": WORTH}
        options |= {"covariate": Covariate(days_before=HISTORY_DAYS)}
        found.append(collected_from(database, make_audience(9, rich=True), **options))
        database.close()
    first, second = (_without_logs(collected.to_dict()) for collected in found)
    assert first == second


def _without_logs(document):
    """Drop the sums of logarithms, whose last digit depends on the order of rows; all other figures are exact."""
    if isinstance(document, dict):
        return {name: _without_logs(value) for name, value in document.items() if not name.startswith("log_total")}
    return [_without_logs(value) for value in document] if isinstance(document, list) else document


def test_the_connection_is_opened_once_a_process_and_cannot_write(sqlite_url):
    database = Database(sqlite_url)
    collected_from(database, make_audience(1, members=10))
    backend = source.source(sqlite_url)
    assert source.source(sqlite_url) is backend
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        backend.raw_sql("DELETE FROM exposure")
    leftover = backend.raw_sql("SELECT count(*) FROM sqlite_temp_master").fetchone()
    assert leftover == (0,)
    database.close()
