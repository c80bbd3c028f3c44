import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlmodel import select

from analysis.errors import not_shown
from experiments.analyses import inputs, records
from experiments.analyses.run import analyse, new_id, repeat
from experiments.catalogue.metrics import DAY_US
from experiments.errors import ConflictError, NotFoundError
from experiments.lifecycle.store import current_run, get
from experiments.reporting import readings
from experiments.reporting.worded import Reading
from experiments.storage.tables import Analysis, Experiment, ImportedCounts, Job, Run, Variant
from tests.audience import (
    BEGAN_US,
    CUT_OFF_US,
    TOLERANCE_US,
    expected_members,
    make_audience,
    store_audience,
    store_experiment,
)
from tests.serving import ROOT

API_METRIC = {"metric", "kind", "population", "unit_of_measure", "variants", "comparisons"}
API_VARIANT = {"variant", "n", "total", "mean", "sd", "interval", "p_best", "expected_loss"}
API_COMPARISON = {"variant", "control", "lift", "difference", "p_beats_control", "p_rope"}


@pytest.fixture
def stored(database):
    """A database with an experiment and its audience."""
    with database.write() as session:
        store_experiment(session)
        store_audience(session, make_audience(11, members=600))
    return database


def as_stored(database, analysis: Analysis) -> Analysis:
    with database.read() as session:
        return session.get(Analysis, analysis.id)


def test_the_result_has_the_shape_of_the_api_and_survives_json(stored):
    result = as_stored(stored, analyse(stored, "test", cut_off_us=CUT_OFF_US, with_models=False)).result
    assert {"experiment", "run", "analysis", "cut_off", "verdict", "health", "units", "metrics", "provenance"} <= set(
        result
    )
    assert {"decision", "variant", "reason"} <= set(result["verdict"])
    assert {check["check"] for check in result["health"]} >= {"srm", "multi_exposed", "bots", "late_events", "silence"}
    assert [entry["metric"] for entry in result["metrics"]][0] == "sticky_rate"
    with stored.read() as session:
        measured = inputs.measured(get(session, "test"))
    kinds = {found.kind for found in measured}
    scored = [found.key for found in measured if found.kind not in ("retention", "cascade")]
    assert [entry["metric"] for entry in result["metrics"]] == scored
    assert (result["retention"] is not None) == ("retention" in kinds)
    assert (result["cascade"] is not None) == ("cascade" in kinds)
    for entry in result["metrics"]:
        assert set(entry) >= API_METRIC
        assert [row["variant"] for row in entry["variants"]] == ["a", "b", "c"]
        assert all(set(row) >= API_VARIANT for row in entry["variants"])
        assert all(set(row) >= API_COMPARISON for row in entry["comparisons"])
    assert {"metric_definitions", "priors", "seed", "versions"} <= set(result["provenance"])
    assert result["cut_off"].endswith("Z")
    json.dumps(result, allow_nan=False)


def test_n_and_total_give_the_raw_rate(stored):
    result = analyse(stored, "test", cut_off_us=CUT_OFF_US, with_models=False).result
    members = expected_members(make_audience(11, members=600), tolerance_us=TOLERANCE_US)
    clicks = next(entry for entry in result["metrics"] if entry["metric"] == "click_rate")
    for row in clicks["variants"]:
        own = [member for member in members.values() if member["row"]["variant"] == row["variant"]]
        assert row["n"] == len(own)
        assert row["total"] == sum(member["click_rate"] for member in own)


def test_an_analysis_repeats_to_the_digit_from_its_stored_inputs_alone(stored):
    analysis = analyse(stored, "test", cut_off_us=CUT_OFF_US, with_models=False)
    with stored.write() as session:
        # Later changes of the experiment and its rows have no effect.
        experiment = get(session, "test")
        experiment.window_days, experiment.metrics, experiment.minimum_members = 1, [], 5000
        session.add(experiment)
    with stored.read() as session:
        again = repeat(session, analysis.id)
        assert json.loads(json.dumps(again)) == session.get(Analysis, analysis.id).result


def test_a_past_day_repeats_to_the_digit_too(stored):
    analyse(stored, "test", cut_off_us=CUT_OFF_US, with_models=False)
    with stored.read() as session:
        past = [row for row in session.scalars(select(Analysis)) if row.history_only]
        assert past
        assert json.loads(json.dumps(repeat(session, past[0].id))) == past[0].result


def test_only_the_first_analysis_computes_earlier_days(stored):
    analyse(stored, "test", cut_off_us=CUT_OFF_US, with_models=False)
    with stored.read() as session:
        experiment = get(session, "test")
        curve = records.history(session, current_run(session, experiment))
        assert len(curve) == 12
        assert [point.at for point in curve] == sorted(point.at for point in curve)
        assert [point.members for point in curve[:-1]] == sorted(point.members for point in curve[:-1])
        assert all(sum(point.p_best.values()) == pytest.approx(1, abs=1e-6) for point in curve)
    analyse(stored, "test", cut_off_us=CUT_OFF_US + DAY_US, with_models=False)
    with stored.read() as session:
        assert len(records.history(session, current_run(session, get(session, "test")))) == 13


@pytest.mark.parametrize("primary", ["sticky_rate", "revenue"])
def test_an_earlier_day_equals_a_collection_at_that_day(database, primary):
    with database.write() as session:
        store_experiment(session, primary_metric=primary)
        store_audience(session, make_audience(12))
    analyse(database, "test", cut_off_us=CUT_OFF_US, with_models=False)
    with database.read() as session:
        past = [row for row in session.scalars(select(Analysis)) if row.history_only]
    assert len(past) == 11
    day = min(past, key=lambda row: abs(row.cut_off_us - (BEGAN_US + 5 * DAY_US)))
    direct = analyse(database, "test", cut_off_us=day.cut_off_us, history_only=True)
    assert direct.result["metrics"] == day.result["metrics"]
    assert direct.result["metrics"][0]["variants"][0]["n"] > 10


def test_every_look_is_passed_to_the_next_verdict(stored):
    first = analyse(stored, "test", cut_off_us=CUT_OFF_US, with_models=False)
    second = analyse(stored, "test", cut_off_us=CUT_OFF_US + DAY_US, with_models=False)
    assert first.inputs["looks"] == []
    assert second.inputs["looks"] == [first.result["verdict"]["look"]]


def test_a_failed_segment_fit_is_stored_with_its_reason(stored, monkeypatch):
    from analysis.segments import fit

    monkeypatch.setattr(fit, "fit_segments", lambda *_, **__: not_shown("fit_failed", error="no room"))
    analysis = analyse(stored, "test", cut_off_us=CUT_OFF_US)
    entry = as_stored(stored, analysis).result["segments"][0]
    assert entry["segment"] == "country"
    assert entry["not_shown"]["reason"] == {"message": "not_shown.fit_failed", "params": {"error": "no room"}}
    assert entry["segment_rows"] == []


def test_segments_wait_until_each_variant_has_members(database):
    audience = make_audience(11, members=60)
    audience.exposures = [row for row in audience.exposures if row["variant"] != "a"]
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)
    entry = analyse(database, "test", cut_off_us=CUT_OFF_US).result["segments"][0]
    assert entry["not_shown"]["code"] == "no_members"
    assert entry["not_shown"]["reason"]["params"] == {"variants": ["a"]}


def test_aggregated_counts_take_the_same_path(database):
    with database.write() as session:
        store_experiment(session, imported=True, state="stopped", primary_metric="click_rate")
        run = session.get(Run, 1)
        run.ended_at = run.started_at + timedelta(days=3)
        session.add(run)
        for variant, members, successes in (("a", 3400, 68), ("b", 3300, 130), ("c", 3300, 66)):
            session.add(
                ImportedCounts(run_id=1, variant=variant, metric="click_rate", members=members, successes=successes)
            )
    result = analyse(database, "test").result
    assert [entry["metric"] for entry in result["metrics"]] == ["click_rate"]
    rows = {row["variant"]: row for row in result["metrics"][0]["variants"]}
    assert (rows["b"]["n"], rows["b"]["total"]) == (3300, 130)
    assert result["units"]["randomised"] == 10_000
    assert rows["b"]["p_best"] > 0.99
    assert result["segments"][0]["not_shown"]["code"] == "no_cells"


def store_counts(session, rows, **changes) -> None:
    store_experiment(session, imported=True, state="stopped", **({"primary_metric": "click_rate"} | changes))
    run = session.get(Run, 1)
    run.ended_at = run.started_at + timedelta(days=3)
    session.add(run)
    for variant, name in rows:
        session.add(ImportedCounts(run_id=1, variant=variant, metric=name, members=300, successes=30))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([(key, "click_rate") for key in "abx"], "name the variant 'x', which run 1 does not have; it has a, b, c"),
        ([(key, "share_rate") for key in "abc"], "hold nothing on click_rate, its primary metric"),
    ],
)
def test_counts_that_do_not_fit_the_experiment_are_refused_by_name(database, rows, says):
    with database.write() as session:
        store_counts(session, rows)
    with pytest.raises(ConflictError, match=says):
        analyse(database, "test")


def test_a_variant_without_counts_is_an_outcome_and_no_number(database):
    with database.write() as session:
        store_counts(session, [("a", "click_rate"), ("b", "click_rate")])
    result = analyse(database, "test").result
    assert result["metrics"][0]["not_shown"]["code"] == "no_members"
    assert result["verdict"]["decision"] in ("not_enough_data", "untrusted")


def test_an_experiment_without_a_control_is_refused(database):
    with database.write() as session:
        store_experiment(session)
        store_audience(session, make_audience(11, members=60))
        for row in session.scalars(select(Variant)):
            row.control = False
            session.add(row)
    with pytest.raises(ConflictError, match="0 controls among its variants .a, b, c.; it takes exactly one"):
        analyse(database, "test", cut_off_us=CUT_OFF_US)


def test_only_the_newest_result_of_a_run_keeps_its_curves(stored):
    first = analyse(stored, "test", cut_off_us=CUT_OFF_US, with_models=False)
    assert as_stored(stored, first).drawing["densities"]
    second = analyse(stored, "test", cut_off_us=CUT_OFF_US + 1, with_models=False)
    earlier = analyse(stored, "test", cut_off_us=CUT_OFF_US - 1, with_models=False)
    drawn = [bool(as_stored(stored, analysis).drawing) for analysis in (first, second, earlier)]
    assert drawn == [False, True, False]


def test_a_failed_split_is_passed_to_the_next_analysis(stored):
    first = analyse(stored, "test", cut_off_us=CUT_OFF_US, with_models=False)
    assert first.inputs["srm_failed"] is False
    with stored.write() as session:
        kept = session.get(Analysis, first.id)
        health = [{**c, "status": "fail"} if c["check"] == "srm" else c for c in kept.result["health"]]
        kept.result = kept.result | {"health": health}
        session.add(kept)
    second = analyse(stored, "test", cut_off_us=CUT_OFF_US + 1, with_models=False)
    assert second.inputs["srm_failed"] is True
    assert second.decision == "untrusted"


@pytest.mark.parametrize(
    ("headlines", "decision", "expected"),
    [
        (("Same", "Same"), "ship", [True]),
        (("Same", "Same"), "keep_running", [False]),
        (("Same", "Same"), "untrusted", []),
        (("One", "Another"), "ship", []),
        (("", ""), "ship", []),
    ],
)
def test_finished_a_a_tests_are_part_of_the_history(database, headlines, decision, expected):
    with database.write() as session:
        past = Experiment(
            project_id=1, key="past", name="Past", state="stopped", primary_metric="click_rate", metrics=[],
            guardrails=[],
            traffic_seed="t", segments=[], currency="EUR",
        )  # fmt: skip
        session.add(past)
        session.flush()
        run = Run(experiment_id=past.id, number=1, seed="s", allocation=[])
        session.add(run)
        for place, headline in enumerate(headlines):
            content = {"headline": headline} if headline else {}
            session.add(Variant(experiment_id=past.id, position=place, key="ab"[place], weight=0.5, content=content))
        session.flush()
        session.add(
            Analysis(
                id=new_id(),
                experiment_id=past.id,
                run_id=run.id,
                cut_off_us=1,
                decision=decision,
                result={},
                inputs={},
                drawing={},
            )  # fmt: skip
        )
        session.flush()
        assert list(inputs.aa_history(session)) == expected


def test_an_experiment_that_never_ran_cannot_be_analysed(database):
    with database.write() as session:
        experiment = store_experiment(session, state="draft")
        session.delete(session.get(Run, 1))
        assert experiment.state == "draft"
    with pytest.raises(ConflictError, match="has never run; launch it"):
        analyse(database, "test")


def test_an_unknown_analysis_is_refused_with_the_list_to_read(database):
    with database.read() as session, pytest.raises(NotFoundError, match="analyses"):
        repeat(session, "nothing")


def test_one_query_reads_a_whole_list(stored):
    analyse(stored, "test", cut_off_us=CUT_OFF_US, with_models=False)
    newest = analyse(stored, "test", cut_off_us=CUT_OFF_US + 1, with_models=False)
    with stored.read() as session:
        found = readings.one_line(session, [get(session, "test"), get(session, "another")])
    assert set(found) == {1}
    verdict = Reading.of(newest).document["verdict"]
    fact = verdict["facts"][0]
    assert found[1].text == f"{verdict['headline']} {fact['label']}: {fact['value']}."
    assert found[1].members == newest.result["units"]["randomised"]


def test_ids_are_in_the_order_of_time_and_of_version_seven():
    first, second = new_id(), new_id()
    assert first[14] == second[14] == "7"
    assert first[:13] <= second[:13]


def test_the_command_analyses_and_repeats_to_the_digit(stored, database_url, tmp_path):
    environment = os.environ | {"KLETTE_DATABASE_URL": database_url, "KLETTE_DATA_DIR": str(tmp_path)}

    def klette(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "experiments.commands.cli", "analyse", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    completed = klette("test", "--no-segments", "--json")
    assert completed.returncode == 0, completed.stderr
    result = json.loads(completed.stdout)
    identity = result["analysis"]
    again = klette("test", "--repeat", identity)
    assert (again.returncode, again.stdout) == (0, f"Analysis {identity} gives exactly the stored figures.\n"), (
        again.stderr
    )
    lines = klette("test", "--quick").stdout.splitlines()
    assert lines[-1] == "http://127.0.0.1:8000/experiments/test"
    for metric in result["metrics"]:
        at = lines.index(f"{metric['name']} ({metric['unit_of_measure']})")
        assert lines[at + 1].split()[:4] == ["members", "total", "observed", "estimate"]
        assert [line.split()[:2] for line in lines[at + 2 : at + 2 + len(metric["variants"])]] == [
            [row["variant"], f"{row['n']:,}"] for row in metric["variants"]
        ]
    # The parts that a quick result leaves out are computed next, also for a finished test, and once for both results.
    assert lines[-2] == "The worker fits the remaining models next."
    with stored.read() as session:
        (waiting,) = session.exec(select(Job)).all()
        experiment = get(session, "test")
        assert (waiting.kind, waiting.state, waiting.experiment_id) == ("analyse", "due", experiment.id)
        assert (waiting.payload, waiting.requested_by) == ({}, "cli")
        newest = [row.id for row in session.exec(select(Analysis).order_by(Analysis.id.desc())) if not row.history_only]
    wrong = klette("test", "--repeat", "nothing")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Traceback" not in wrong.stderr and "'nothing'" in wrong.stderr
    assert f"The newest are {newest[0]} and {newest[1]}." in wrong.stderr
