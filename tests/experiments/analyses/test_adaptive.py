"""An adaptive run from its first member to its last epoch: assigned, recorded, analysed by epoch and exported."""

import csv
import io
import json
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from experiments.analyses.reallocation import open_next
from experiments.analyses.run import analyse, repeat
from experiments.assignment.configuration import load
from experiments.assignment.decision import decide
from experiments.assignment.epochs import epochs_of
from experiments.assignment.exposure import ExposureRow
from experiments.catalogue.metrics import DAY_US
from experiments.exporting.members import member_table, to_csv
from experiments.ingestion.events import bulk_insert as bulk_insert_events
from experiments.ingestion.exposures import bulk_insert
from experiments.ingestion.rows import EventRow
from experiments.jobs import queue, worker
from experiments.lifecycle.store import current_run, get
from experiments.settings import read_settings
from experiments.storage.tables import Analysis, Exposure, utc_now
from tests.web.api.calls import make_experiment

BEGAN_US = 1_790_000_000_000_000
BASE = (0.05, 0.12, 0.25, 0.4)
"""The click rate of each day, which doubles from day to day in every variant, as for a growing campaign."""
LIFTS = {"a": 1.0, "b": 1.25, "c": 0.8}
A_DAY = 2_500


def launched(database, **fields) -> None:
    """A running experiment with an allocation that adapts, started at a given time."""
    variants = [
        {"key": key, "weight": 1 / 3, "control": key == "a", "content": {"headline": key.upper()}} for key in "abc"
    ]
    defaults = {
        "variants": variants,
        "primary_metric": "click_rate",
        "metrics": [],
        "guardrails": [],
        "segments": [],
        "window_days": 1,
        "planned_days": 4,
        "allocation": {"method": "thompson", "floor": 0.1, "every_hours": 24},
    }
    make_experiment(database, **(defaults | fields))
    with database.write() as session:
        run = current_run(session, get(session, "spring"))
        run.started_at, run.seed = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=BEGAN_US), "the same"
        session.add(run)


def live_a_day(database, day: int) -> None:
    """Assign new members by the current snapshot; some of them click."""
    chance = random.Random(day)
    with database.read() as session:
        live = load(session).of(1).experiments["spring"]
    exposures, clicks = [], []
    for number in range(A_DAY):
        unit, at = f"d{day}-{number}", BEGAN_US + day * DAY_US + number * (DAY_US // (A_DAY + 1))
        variant = decide(live, unit, {}, at).variant
        country = {"country": "DE" if number % 3 else "AT"}
        exposures.append(
            ExposureRow(1, live.run_id, unit, variant.key, at, at, "randomised", live.epoch, attributes=country)
        )
        if chance.random() < BASE[day] * LIFTS[variant.key]:
            clicks.append(EventRow(1, f"c-{unit}", unit, "click", at + 1000, at + 1000))
    with database.write() as session:
        bulk_insert(session, exposures)
        bulk_insert_events(session, clicks)


def evening(database, day: int) -> Analysis:
    """Analyse at the end of a day, and open the next epoch if one is proposed."""
    cut_off_us = BEGAN_US + (day + 1) * DAY_US
    analysis = analyse(database, "spring", cut_off_us=cut_off_us, with_models=False)
    with database.write() as session:
        open_next(session, session.get(Analysis, analysis.id), now_us=cut_off_us)
    return analysis


@pytest.fixture
def lived(database) -> tuple:
    """Run four days and return the last analysis."""
    launched(database)
    for day in range(len(BASE)):
        live_a_day(database, day)
        analysis = evening(database, day)
    return database, analysis


def test_an_adaptive_run_moves_its_shares_and_compares_within_its_epochs(lived):
    database, analysis = lived
    result = json.loads(json.dumps(analysis.result))
    allocation = result["allocation"]
    assert [epoch["number"] for epoch in allocation["epochs"]] == [1, 2, 3, 4]
    last = allocation["epochs"][-1]
    assert last["weights"]["b"] > 0.6 and min(last["weights"].values()) >= 0.1 - 1e-9
    assert (
        sum(sum(epoch["members"].values()) for epoch in allocation["epochs"])
        == result["units"]["randomised"]
        == 4 * A_DAY
    )
    assert allocation["caveat"]["message"] == "note.adaptive_shares"

    by = {row["variant"]: row for row in result["metrics"][0]["comparisons"]}
    rows = {row["variant"]: row for row in result["metrics"][0]["variants"]}
    pooled = (rows["b"]["total"] / rows["b"]["n"]) / (rows["a"]["total"] / rows["a"]["n"]) - 1
    low, high = (by["b"]["lift"]["interval"][side] for side in ("low", "high"))
    assert low < LIFTS["b"] - 1 < high
    assert pooled > high, "pooled over the days, a variant with more traffic on later days looks too good"

    mature = result["mature"]["metrics"][0]
    assert 0 < sum(row["n"] for row in mature["variants"]) < 4 * A_DAY
    (lift,) = (row["lift"]["interval"] for row in mature["comparisons"] if row["variant"] == "b")
    assert mature["stratified"] and lift["low"] < LIFTS["b"] - 1 < lift["high"], "so do those seen in full"

    (srm,) = (check for check in result["health"] if check["check"] == "srm")
    assert srm["status"] == "ok", srm


def test_each_exposure_has_its_epoch_and_each_split_comes_from_a_stored_analysis(lived):
    database, analysis = lived
    with database.read() as session:
        run = current_run(session, get(session, "spring"))
        stretches = epochs_of(session, run)
        analyses = {row.id: row for row in session.scalars(select(Analysis))}
        exposures = session.scalars(select(Exposure)).all()
    assert [epoch.number for epoch in stretches][:4] == [1, 2, 3, 4]
    for epoch in stretches[1:]:
        proposed = analyses[epoch.analysis_id].result["allocation"]["next"]
        assert epoch.weights == pytest.approx(proposed)
    for row in exposures:
        assert row.epoch == int(row.unit[1]) + 1
        assert stretches[row.epoch - 1].started_us <= row.at_us
    # At the floor the shares do not change, so no new epoch is opened.
    assert analysis.result["allocation"]["next"] == pytest.approx(stretches[-1].weights, abs=3e-4)


def test_an_adaptive_analysis_repeats_to_the_digit(lived):
    database, analysis = lived
    with database.read() as session:
        assert json.loads(json.dumps(repeat(session, analysis.id))) == session.get(Analysis, analysis.id).result


def test_an_uneven_epoch_fails_the_check_and_stops_the_reallocation(database):
    """The split is checked against the shares of each epoch, not those at the start."""
    launched(database)
    live_a_day(database, 0)
    evening(database, 0)
    live_a_day(database, 1)
    with database.write() as session:
        for row in session.scalars(select(Exposure).where(Exposure.epoch == 2, Exposure.variant == "b").limit(500)):
            session.delete(row)
    analysis = evening(database, 1)
    (srm,) = (check for check in analysis.result["health"] if check["check"] == "srm")
    assert srm["status"] == "fail"
    assert analysis.result["allocation"]["next"] is None
    assert analysis.result["allocation"]["next_not_shown"]["code"] == "health"
    with database.read() as session:
        assert len(epochs_of(session, current_run(session, get(session, "spring")))) == 2


def test_shares_wait_for_the_minimum_members(database):
    launched(database, minimum_members=5_000)
    live_a_day(database, 0)
    analysis = evening(database, 0)
    assert analysis.result["allocation"]["next"] is None
    assert analysis.result["allocation"]["next_not_shown"]["reason"]["params"]["fewest"] == 5_000


def test_fixed_weights_have_no_allocation_result(database):
    launched(database, allocation=None)
    live_a_day(database, 0)
    assert evening(database, 0).result["allocation"] is None


def test_exported_members_of_an_adaptive_run_have_their_epoch(lived):
    database, analysis = lived
    with database.read() as session:
        table = member_table(session, database.url, get(session, "spring"))
    rows = list(csv.DictReader(io.StringIO("".join(to_csv(table)))))
    assert len(rows) == analysis.result["units"]["randomised"]
    by_epoch = Counter((int(row["epoch"]), row["variant"]) for row in rows)
    for epoch in analysis.result["allocation"]["epochs"]:
        assert {key: by_epoch[epoch["number"], key] for key in "abc"} == epoch["members"]


def test_the_workers_analysis_opens_the_next_epoch_in_its_transaction(database):
    """With the real clock: new members are assigned by the new edges."""
    launched(database)
    now_us = time.time_ns() // 1000
    with database.write() as session:
        run = current_run(session, get(session, "spring"))
        run.started_at -= datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=BEGAN_US) - utc_now()
        run.started_at -= timedelta(days=2)
        session.add(run)
        exposures, clicks = [], []
        for number in range(1_500):
            unit, variant, at = f"u{number}", "abc"[number % 3], now_us - DAY_US + number
            exposures.append(ExposureRow(1, run.id, unit, variant, at, at))
            if number % 3 == 1 and number % 2:
                clicks.append(EventRow(1, unit, unit, "click", at + 1000, at + 1000))
        bulk_insert(session, exposures)
        bulk_insert_events(session, clicks)
        queue.enqueue(session, "analyse", experiment=get(session, "spring"), requested_by="test")
    worker.work(database, read_settings(analyse_every_seconds=3600), once=True)
    with database.read() as session:
        analyses = session.scalars(select(Analysis).where(Analysis.history_only.is_(False))).all()
        live = load(session).of(1).experiments["spring"]
        _, second = epochs_of(session, current_run(session, get(session, "spring")))
    assert second.analysis_id in {row.id for row in analyses}
    assert (live.epoch, live.edges) == (2, second.edges)
    assert second.weights["b"] > 0.5
    early = analyse(database, "spring", cut_off_us=now_us, with_models=False)
    assert early.result["allocation"]["next"] is not None, "it proposes, but a look into the past opens nothing"
    with database.read() as session:
        assert load(session).of(1).experiments["spring"].epoch == 2
