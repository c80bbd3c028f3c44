"""Results over HTTP, on both engines: from nothing to the newest analysis, its CSV and the members behind it."""

import csv
import io
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from experiments.analyses.run import analyse
from experiments.jobs.worker import work
from experiments.lifecycle import store
from experiments.settings import read_settings
from experiments.storage.tables import ImportedCounts, utc_now
from tests.web.api.calls import Api, make_experiment, make_key
from web.api.schemas.results import AnalysisList, JobAnswer, Results

MEMBERS = 240
# No pause and nothing by itself: only what the test asks for is analysed.
QUIET = read_settings(analyse_new_events=1_000_000_000)


@pytest.fixture
def api(api, database):
    api.server = make_key(database, "server")
    return api


def get(api: Api, path: str, key: str | None = None):
    return api.client.get(f"/api/v1/experiments/{path}", headers={"Authorization": f"Bearer {key or api.server}"})


def ask(api: Api, experiment: str = "spring"):
    return api.post(f"/api/v1/experiments/{experiment}/analyse", {}, key=api.server)


def meet(api: Api) -> Counter:
    """Members who come, and some who click and buy, all over HTTP; who bought, by variant."""
    bought = Counter()
    events = []
    for number in range(MEMBERS):
        unit, at = f"u-{number}", utc_now().isoformat()
        variant = api.assign(unit, attributes={"country": ("DE", "AT")[number % 2]})["spring"]["variant"]
        at = utc_now().isoformat()
        if number % 3 == 0:
            events.append({"id": f"c-{number}", "unit": unit, "type": "click", "at": at})
        if number % 8 == 0:
            sale = {"id": f"p-{number}", "unit": unit, "type": "purchase", "at": at, "value": 19.99, "currency": "EUR"}
            events.append(sale)
            bought[variant] += 1
    assert api.events(*events)["accepted"] == len(events)
    return bought


def analysed(api: Api) -> None:
    analyse(api.database, "spring", with_models=False)


def test_before_any_analysis_the_answer_is_a_problem_with_its_remedy(api):
    answer = get(api, "spring/results")
    assert (answer.status_code, answer.json["code"]) == (404, "no_analysis")
    assert "POST /api/v1/experiments/spring/analyse" in answer.json["detail"]
    assert get(api, "nothing/results").json["code"] != "no_analysis"


def test_what_was_sent_is_what_is_counted(api):
    bought = meet(api)
    analysed(api)
    result = get(api, "spring/results").json
    Results.model_validate(result)
    assert "drawing" not in result
    assert result["units"]["randomised"] == MEMBERS
    sales = next(entry for entry in result["metrics"] if entry["metric"] == "purchase_rate")
    money = next(entry for entry in result["metrics"] if entry["metric"] == "revenue")
    assert {row["variant"]: row["total"] for row in sales["variants"]} == dict(bought)
    for row in money["variants"]:
        assert Decimal(str(row["total"])) == Decimal("19.99") * bought[row["variant"]]


def test_a_clock_a_little_behind_is_tolerated_and_one_far_behind_is_reported(api):
    with api.database.write() as session:
        run = store.current_run(session, store.get(session, "spring"))
        run.started_at -= timedelta(hours=1)
        session.add(run)
    for unit, behind in (("little", 2), ("far", 30)):
        api.assign(unit)
        at = (utc_now() - timedelta(seconds=behind)).isoformat()
        api.events({"id": unit, "unit": unit, "type": "click", "at": at})
    analysed(api)
    result = get(api, "spring/results").json
    clicks = next(entry for entry in result["metrics"] if entry["metric"] == "click_rate")
    assert sum(row["total"] for row in clicks["variants"]) == 1
    (check_result,) = (check for check in result["health"] if check["check"] == "before_exposure")
    assert (check_result["status"], check_result["value"]) == ("warn", 0.5)
    assert "5 seconds" in check_result["detail"]
    definition = result["provenance"]["metric_definitions"]["click_rate"]
    assert definition["counts_from"] == "the member's first exposure, less 5 seconds for clocks that are behind"
    rows = csv.DictReader(io.StringIO(get(api, "spring/units.csv").text))
    assert {row["unit"]: row["click_rate"] for row in rows} == {"little": "1", "far": "0"}


def test_stored_analyses_are_read_by_id_and_by_run(api):
    meet(api)
    analysed(api)
    first = get(api, "spring/results").json
    with api.database.write() as session:
        store.start_run(session, store.get(session, "spring"))
    analysed(api)
    assert get(api, "spring/results").json["run"] == 2
    over = get(api, "spring/results?run=1").json
    ended = {"verdict": None, "answer": None}
    assert over | ended == first | ended
    # Its run is over by now, so it waits for nothing more; the stored analysis is answered as it was at its time.
    assert (first["verdict"]["more_days"], over["verdict"]["more_days"]) == (1, None)
    assert get(api, f"spring/analyses/{first['analysis']}").json == first
    listed = get(api, "spring/analyses?run=1").json["analyses"]
    assert [row["analysis"] for row in listed] == [first["analysis"]]
    for path, status, code in (
        ("spring/results?run=3", 404, "run_unknown"),
        ("spring/analyses/zzz", 404, "analysis_unknown"),
        ("spring/analyses?before=zzz", 422, "invalid"),
    ):
        refused = get(api, path)
        assert (refused.status_code, refused.json["code"]) == (status, code)
    assert "'zzz'" in refused.json["fields"]["before"]


def test_a_result_looks_the_same_on_both_engines(api):
    meet(api)
    analysed(api)
    answer = get(api, "spring/results")
    assert list(answer.json) == list(Results.model_fields)
    assert list(answer.json["verdict"])[:3] == ["decision", "variant", "headline"]
    entry = answer.json["metrics"][0]
    assert list(entry)[:4] == ["metric", "name", "hint", "kind"]
    assert list(entry["variants"][0])[:4] == ["variant", "n", "total", "mean"]
    for metric in answer.json["metrics"]:
        kinds = {type(row["total"]) for row in metric["variants"]}
        assert kinds == {int} or metric["kind"] == "amount", metric["metric"]


def test_the_mature_members_are_answered_alone_where_they_are_asked_for(api):
    meet(api)
    analysed(api)
    all_members, grown = get(api, "spring/results").json, get(api, "spring/results?mature=true").json
    Results.model_validate(grown)
    assert [entry["metric"] for entry in grown["metrics"]] == [entry["metric"] for entry in all_members["metrics"]]
    assert {row["n"] for entry in all_members["metrics"] for row in entry["variants"]} != {0}
    assert {row["n"] for entry in grown["metrics"] for row in entry["variants"]} == {0}, "nobody's window is over yet"
    assert grown["verdict"] == all_members["verdict"]
    rows = list(csv.DictReader(io.StringIO(get(api, "spring/results?mature=true&format=csv").text)))
    assert {row["n"] for row in rows} == {"0"}
    assert get(api, "spring/results?mature=perhaps").status_code == 422


def test_an_analysis_asked_for_is_a_job_that_can_be_followed_to_its_end(api):
    meet(api)
    asked = ask(api)
    assert asked.status_code == 202
    JobAnswer.model_validate(asked.json)
    assert asked.json["state"] == "due"
    assert asked.headers["Location"] == asked.json["status_url"]
    assert ask(api).json["job"] == asked.json["job"], "one that waits is not doubled"
    with api.database.write() as session:
        experiment = store.get(session, "spring")
        experiment.segments = []  # PyMC has its own test
        session.add(experiment)
    assert work(api.database, QUIET, once=True) == 1
    done = api.client.get(asked.json["status_url"], headers={"X-API-Key": api.server}).json
    assert (done["state"], done["progress"]) == ("done", 1.0)
    assert get(api, "spring/results").json["analysis"] == done["analysis"]
    assert get(api, "spring/analyse/999999").status_code == 404


def test_a_draft_has_nothing_to_analyse(api):
    make_experiment(api.database, key="draft", launched=False)
    answer = ask(api, "draft")
    assert (answer.status_code, answer.json["code"]) == (409, "never_run")


def test_the_csv_has_a_row_a_metric_and_variant_with_the_same_figures(api):
    meet(api)
    analysed(api)
    result = get(api, "spring/results").json
    answer = get(api, "spring/results?format=csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 2 * len(result["metrics"])
    first = result["metrics"][0]["variants"][0]
    assert rows[0]["variant"] == first["variant"]
    assert (int(rows[0]["n"]), float(rows[0]["mean"])) == (first["n"], first["mean"])
    assert float(rows[0]["low"]) == first["interval"]["low"]
    compared = result["metrics"][0]["comparisons"][0]
    assert float(rows[1]["p_beats_control"]) == compared["p_beats_control"]
    wrong = get(api, "spring/results?format=xml")
    assert (wrong.status_code, wrong.mimetype) == (422, "application/problem+json")


def test_the_stored_analyses_are_listed_newest_first_and_in_pages(api):
    meet(api)
    for _ in range(3):
        analysed(api)
    whole = get(api, "spring/analyses").json
    AnalysisList.model_validate(whole)
    assert len(whole["analyses"]) == 3 and whole["next"] is None
    times = [entry["cut_off"] for entry in whole["analyses"]]
    assert times == sorted(times, reverse=True)
    page = get(api, "spring/analyses?limit=2").json
    rest = api.client.get(page["next"], headers={"X-API-Key": api.server}).json
    assert page["analyses"] + rest["analyses"] == whole["analyses"]


def test_the_members_reproduce_every_total(api):
    meet(api)
    analysed(api)
    result = get(api, "spring/results").json
    rows = list(csv.DictReader(io.StringIO(get(api, "spring/units.csv").text)))
    assert len(rows) == MEMBERS
    assert {row["segment.country"] for row in rows} == {"DE", "AT"}
    for entry in result["metrics"]:
        for found in entry["variants"]:
            own = [row for row in rows if row["variant"] == found["variant"]]
            assert len(own) == found["n"]
            assert sum(Decimal(row[entry["metric"]]) for row in own) == Decimal(str(found["total"]))


def test_the_members_come_as_parquet_too(api):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    meet(api)
    analysed(api)
    answer = get(api, "spring/units.parquet")
    table = parquet.read_table(io.BytesIO(answer.data)).to_pylist()
    rows = list(csv.DictReader(io.StringIO(get(api, "spring/units.csv").text)))
    assert [row["unit"] for row in table] == [row["unit"] for row in rows]
    assert sum(row["revenue"] for row in table) == sum(Decimal(row["revenue"]) for row in rows)


def test_an_experiment_of_counts_has_no_members_to_list(api):
    with api.database.write() as session:
        run = store.current_run(session, store.get(session, "spring"))
        for variant, successes in (("a", 40), ("b", 60)):
            session.add(
                ImportedCounts(run_id=run.id, variant=variant, metric="sticky_rate", members=500, successes=successes)
            )
    analysed(api)
    assert get(api, "spring/results").json["units"]["randomised"] == 1000
    answer = get(api, "spring/units.csv")
    assert (answer.status_code, answer.json["code"]) == (409, "no_members")


@pytest.mark.parametrize("path", ["results", "analyses", "units.csv", "units.parquet"])
def test_results_need_a_server_key(api, path):
    assert get(api, f"spring/{path}", api.key).status_code == 403
    assert get(api, f"spring/{path}", "ks_unknown").status_code == 401
