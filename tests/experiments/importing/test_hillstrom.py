"""Hillstrom's e-mail test through ``klette import``: published and independently computed figures, to the digit."""

import json
import os
import subprocess
import sys
from decimal import Decimal

import pytest
from sqlmodel import select

from experiments.lifecycle import store
from experiments.reporting import readings
from experiments.storage.database import Database
from experiments.storage.tables import Exposure
from tests.serving import ROOT

COMMAND = (
    *("--key", "hillstrom", "--map", "unit=customer_no", "--map", "variant=segment", "--control", "No E-Mail"),
    *("--exposed-at", "2008-03-06", "--outcome", "click=visit", "--outcome", "purchase=spend"),
    *("--segments", "channel,zip_code", "--currency", "USD", "--window-days", "14"),
)
# Of this, six compiled models take about 600 MB for any file (analysis/sampling/engine.py).
MOST_MEBIBYTES = 1_400


@pytest.fixture(scope="module")
def imported(shared_data, sqlite_template, tmp_path_factory):
    """Import and analyse the file, with segments; yield the database, the output and the peak memory in MiB."""
    folder = tmp_path_factory.mktemp("hillstrom")
    url = sqlite_template.copy(folder)
    environment = os.environ | {"KLETTE_DATA_DIR": str(folder), "KLETTE_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    arguments = ["import", "members", str(shared_data / "hillstrom_email.csv.gz"), *COMMAND]
    command = [sys.executable, "-m", "tests.memory", "experiments.commands.cli", *arguments]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    database = Database(url)
    yield database, ran.stdout, int(ran.stderr.splitlines()[-1])
    database.close()


@pytest.fixture(scope="module")
def expected(shared_data) -> dict:
    """Figures computed with numpy and scipy; see ``_conventions`` in the file."""
    return json.loads((shared_data / "expected.json").read_text())["hillstrom_email"]


@pytest.fixture(scope="module")
def result(imported) -> dict:
    database, _, _ = imported
    with database.read() as session:
        return readings.latest(session, store.get(session, "hillstrom")).document


def rows(result: dict, metric: str) -> dict[str, dict]:
    names = {"no-e-mail": "No E-Mail", "mens-e-mail": "Mens E-Mail", "womens-e-mail": "Womens E-Mail"}
    entry = next(entry for entry in result["metrics"] if entry["metric"] == metric)
    return {names[row["variant"]]: row for row in entry["variants"]}


@pytest.mark.slow
def test_members_visits_conversions_and_spend_match_the_file(result: dict, expected: dict) -> None:
    clicks, buyers, money = (rows(result, metric) for metric in ("click_rate", "purchase_rate", "revenue"))
    for arm, figures in expected["arms"].items():
        assert (clicks[arm]["n"], clicks[arm]["total"]) == (figures["n"], figures["visits"])
        assert (buyers[arm]["n"], buyers[arm]["total"]) == (figures["n"], figures["conversions"])
        assert Decimal(str(money[arm]["total"])) == Decimal(str(figures["spend_sum"]))
        assert clicks[arm]["total"] / clicks[arm]["n"] == pytest.approx(figures["visit_rate"], rel=1e-9)
        assert money[arm]["raw_mean"] == pytest.approx(figures["mean_spend"], rel=1e-9)
        # The posterior mean is above the sample mean, by at most half a standard error (`models/moments.py`).
        excess = money[arm]["mean"] - figures["mean_spend"]
        assert 0 <= excess <= 0.5 * figures["sd_spend"] / figures["n"] ** 0.5


@pytest.mark.slow
def test_the_published_visit_rates_are_printed(imported) -> None:
    """18.28 % (Mens), 15.14 % (Womens), 10.62 % (no e-mail): W-Tran/uplift-modelling, Uplift_Modelling.ipynb."""
    _, printed, _ = imported
    for rate in ("18.28\u202f%", "15.14\u202f%", "10.62\u202f%"):
        assert rate in printed
    assert "64,000 members in 3 variants" in printed
    assert printed.rstrip().endswith("/experiments/hillstrom")


@pytest.mark.slow
def test_the_interval_of_the_difference_agrees_with_the_wald_interval(result: dict, expected: dict) -> None:
    """With 21,000 members per arm, prior and skewness move the ends by less than 10 % of the half width."""
    clicks = next(entry for entry in result["metrics"] if entry["metric"] == "click_rate")
    assert {row["control"] for row in clicks["comparisons"]} == {"no-e-mail"}
    for row in clicks["comparisons"]:
        arm = {"mens-e-mail": "Mens E-Mail", "womens-e-mail": "Womens E-Mail"}[row["variant"]]
        low, high = expected[f"No E-Mail (A) vs {arm} (B)"]["visit"]["ci95_diff_unpooled"]
        interval = row["difference"]["interval"]
        assert interval["low"] == pytest.approx(low, abs=(high - low) / 20)
        assert interval["high"] == pytest.approx(high, abs=(high - low) / 20)


@pytest.mark.slow
def test_the_traffic_split_is_as_planned_with_its_known_p_value(result: dict, expected: dict) -> None:
    check = next(check for check in result["health"] if check["check"] == "srm")
    assert check["status"] == "ok"
    assert expected["srm_equal_thirds"]["p"] == pytest.approx(0.9037, abs=1e-4)
    assert check["value"] == pytest.approx(expected["srm_equal_thirds"]["p"], abs=1e-9)


@pytest.mark.slow
def test_segments_have_the_known_counts(result: dict, expected: dict) -> None:
    channels = next(entry for entry in result["segments"] if entry["segment"] == "channel")
    counts = {(row["level"], row["variant"]): (row["n"], row["total"]) for row in channels["segment_rows"]}
    for level, figures in expected["visit_by_channel_No_vs_Mens"].items():
        for side, variant in (("A", "no-e-mail"), ("B", "mens-e-mail")):
            assert counts[level, variant] == (figures[side]["n"], figures[side]["successes"])
    places = next(entry for entry in result["segments"] if entry["segment"] == "zip_code")
    assert {row["level"] for row in places["segment_rows"]} == {"Urban", "Surburban", "Rural"}


@pytest.mark.slow
def test_memory_stays_below_the_limit(imported) -> None:
    assert imported[2] < MOST_MEBIBYTES


@pytest.mark.slow
def test_unmapped_columns_are_attributes(imported) -> None:
    database, _, _ = imported
    with database.read() as session:
        first = session.exec(select(Exposure).where(Exposure.unit == "1")).one()
    assert first.attributes == {
        "recency": 10,
        "history_segment": "2) $100 - $200",
        "history": 142.44,
        "mens": 1,
        "womens": 0,
        "zip_code": "Surburban",
        "newbie": 0,
        "channel": "Phone",
        "conversion": 0,
    }
