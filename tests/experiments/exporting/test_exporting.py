"""`klette export`: draws that ArviZ reads, figures equal to the stored ones, a report without requests."""

import csv
import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.sampling.diagnostics import Diagnostics
from experiments.analyses.run import analyse
from experiments.analyses.sampled.segments import SegmentEntry
from experiments.commands.cli import main
from experiments.errors import NotFoundError
from experiments.exporting import posterior, report, summary
from experiments.exporting.source import newest
from experiments.reporting.table import CSV_COLUMNS, rows, to_csv
from experiments.settings import settings
from experiments.storage.database import Database
from tests.audience import CUT_OFF_US, make_audience, store_audience, store_experiment
from tests.snapshots import matches


@pytest.fixture(scope="module")
def database(sqlite_template, tmp_path_factory):
    """A database with an analysed experiment of three variants."""
    opened = Database(sqlite_template.copy(tmp_path_factory.mktemp("export")))
    with opened.write() as session:
        store_experiment(session)
        store_audience(session, make_audience(11, members=900))
    analyse(opened, "test", cut_off_us=CUT_OFF_US, with_models=False)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def stored(database):
    with database.read() as session:
        return newest(session, "test")


@pytest.fixture
def klette(database):
    def run(*arguments):
        settings.cache_clear()  # they are read once a process
        return CliRunner(env={"KLETTE_DATABASE_URL": database.url}).invoke(main, ["export", *arguments])

    yield run
    settings.cache_clear()


# Posterior ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def draws(stored, tmp_path_factory):
    file = tmp_path_factory.mktemp("nc") / "test.nc"
    posterior.write(stored, file, sampled=False)
    return file


def test_arviz_reads_the_draws_and_their_means_are_the_stored_ones(stored, draws):
    import arviz as az

    read = az.from_netcdf(draws)
    shown = [entry for entry in stored.reading.document["metrics"] if not entry["not_shown"]]
    assert len(shown) >= 8
    for entry in shown:
        drawn = read.posterior[entry["metric"]]
        assert drawn.dims == ("chain", "draw", "variant") and drawn.shape == (4, 1000, 3)
        for row in entry["variants"]:
            own = drawn.sel(variant=row["variant"]).values
            # The error of a mean of 4,000 draws, five times: some 30 are looked at.
            assert own.mean() == pytest.approx(row["mean"], abs=5 * row["sd"] / np.sqrt(4000)), entry["metric"]
            assert own.std() == pytest.approx(row["sd"], rel=0.12)


def test_the_draws_of_variants_are_joint(stored, draws):
    import arviz as az

    sticky = az.from_netcdf(draws).posterior[stored.primary].values.reshape(4000, 3)
    best = (sticky.argmax(axis=1)[:, None] == np.arange(3)).mean(axis=0)
    rows = {row["variant"]: row for row in stored.reading.document["metrics"][0]["variants"]}
    assert best == pytest.approx([rows[v.key]["p_best"] for v in stored.variants], abs=0.04)


def test_the_file_carries_the_statistics_and_the_provenance(stored, draws):
    import arviz as az

    read = az.from_netcdf(draws)
    attributes = read.posterior.attrs
    assert attributes["analysis"] == stored.reading.document["analysis"]
    assert attributes["seed"] == str(stored.inputs.seed)
    assert json.loads(attributes["versions"]) == stored.reading.document["provenance"]["versions"]
    assert json.loads(attributes["priors"]) == stored.reading.document["provenance"]["priors"]
    first = stored.reading.document["metrics"][0]
    for row in first["variants"]:
        one = read.observed_data.sel(variant=row["variant"])
        assert int(one[f"{first['metric']}_n"]) == row["n"]
        assert float(one[f"{first['metric']}_total"]) == row["total"]
        text = str(read.constant_data[f"{first['metric']}_statistics"].sel(variant=row["variant"]).values)
        assert json.loads(text) == stored.collected.metric_data[first["metric"]][row["variant"]].to_dict()


def test_the_same_analysis_gives_the_same_draws(stored, draws, tmp_path):
    import arviz as az

    posterior.write(stored, tmp_path / "again.nc", sampled=False)
    one, two = az.from_netcdf(draws), az.from_netcdf(tmp_path / "again.nc")
    assert (one.posterior[stored.primary].values == two.posterior[stored.primary].values).all()


# Summary -----------------------------------------------------------------------------------------------------------


def test_the_summary_is_the_table_of_the_api_and_equals_the_result(stored, tmp_path):
    file = tmp_path / "summary.csv"
    number = summary.write(stored, file)
    assert file.read_bytes().decode() == to_csv(stored.reading)
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == number >= sum(len(entry["variants"]) for entry in stored.reading.document["metrics"])
    assert list(rows[0]) == list(CSV_COLUMNS)
    entry = stored.reading.document["metrics"][0]
    for row, shown in zip(rows, entry["variants"], strict=False):
        assert row["metric"] == entry["metric"] and row["variant"] == shown["variant"]
        assert float(row["mean"]) == shown["mean"] and int(row["n"]) == shown["n"]
        assert float(row["low"]) == shown["interval"]["low"] and float(row["high"]) == shown["interval"]["high"]
        assert (row["interval_kind"], row["interval_probability"]) == ("eti", "0.95")
        assert float(row["raw_mean"]) == shown["raw_mean"] and row["model"] == entry["model"]
        assert row["answer"] == "true"
    lift = entry["comparisons"][0]
    own = next(row for row in rows if row["metric"] == entry["metric"] and row["variant"] == lift["variant"])
    assert float(own["lift"]) == lift["lift"]["median"] and float(own["lift_low"]) == lift["lift"]["interval"]["low"]


def test_parquet_holds_the_same_summary(stored, tmp_path):
    import pyarrow.parquet as pq

    summary.write(stored, tmp_path / "summary.parquet")
    table = pq.read_table(tmp_path / "summary.parquet")
    assert table.to_pylist() == list(rows(stored.reading))
    assert str(table.schema.field("answer").type) == "bool" and str(table.schema.field("n").type) == "int64"


# Report ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(stored):
    return report.rendered(stored)


def test_the_report_makes_no_requests(page):
    assert not re.search(r"https?://", page)
    assert not re.search(r"<(script|link|iframe|img|object)\b", page)
    assert "@import" not in page and "url(" not in page


def test_words_of_the_report(page):
    """Only the words: figures depend on the data, and ids, times and versions on the day and the machine."""
    body = re.sub(r"(?s)<head>.*</head>|<svg.*?</svg>|<code>.*?</code>", "", page)
    body = re.sub(r"(?s)(<dt>(?:Analysis|Seed|Versions)</dt><dd>).*?</dd>", r"\1…</dd>", body)
    body = re.sub(r"Klette on .*? UTC", "Klette on TIME", body)
    body = re.sub(r"\d[\d.,]*", "0", body)
    parts = (" ".join(html.unescape(part).split()) for part in re.split(r"<[^>]+>", body))
    matches("experiments/exporting/report", "\n".join(part for part in parts if re.search("[a-z]{2}", part)))


def test_the_report_holds_the_answer_its_health_and_every_metric(stored, page):
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    verdict = stored.reading.document["verdict"]
    assert verdict["headline"] in text and verdict["reason"] in text
    for check in stored.reading.document["health"]:
        assert check["detail"] in text
    for entry in stored.reading.document["metrics"]:
        assert entry["name"] in text
    assert stored.reading.document["analysis"] in text
    assert page.count("<svg") >= 2 and "var(--v1)" in page


def test_the_report_names_the_primary_metric_once(sqlite_url, tmp_path):
    opened = Database(sqlite_url)
    with opened.write() as session:
        metrics = ["click_rate", "sticky_rate"]
        store_experiment(session, imported=True, planned_days=1, metrics=metrics, guardrails=[], segments=[])
        store_audience(session, make_audience(12, members=200))
    analyse(opened, "test", cut_off_us=CUT_OFF_US, with_models=False)
    with opened.read() as session:
        exported = newest(session, "test")
    opened.close()
    lines = {line.key: line.sentence for line in exported.definition}
    assert lines["others"] == "Click rate"
    assert "Guardrails" not in report.rendered(exported)


def test_the_report_opens_in_a_browser_in_light_and_dark(page, tmp_path, browser):
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    for scheme, paper in (("light", "rgb(251, 250, 247)"), ("dark", "rgb(24, 22, 20)")):
        context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800})
        shown, asked = context.new_page(), []
        shown.on("request", lambda request, asked=asked: asked.append(request.url))
        shown.goto(file.as_uri())
        assert asked == [file.as_uri()]
        assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        assert shown.evaluate("document.documentElement.scrollWidth") <= 390
        context.close()


# The command -------------------------------------------------------------------------------------------------------


def test_one_command_writes_everything(klette, stored, tmp_path):
    files = {
        name: tmp_path / f"out.{end}" for name, end in (("summary", "parquet"), ("members", "csv"), ("report", "html"))
    }
    answer = klette("test", *(part for name, file in files.items() for part in (f"--{name}", str(file))))
    assert answer.exit_code == 0, answer.stderr
    assert all(file.stat().st_size > 500 for file in files.values())
    with files["members"].open(newline="") as opened:
        members = list(csv.DictReader(opened))
    assert len(members) == stored.reading.document["units"]["randomised"]
    sticky = next(entry for entry in stored.reading.document["metrics"] if entry["metric"] == "sticky_rate")
    for row in sticky["variants"]:
        own = [int(member["sticky_rate"]) for member in members if member["variant"] == row["variant"]]
        assert (len(own), sum(own)) == (row["n"], row["total"])


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("test",), "Choose --posterior"),
        (("test", "--summary", "figures.txt"), "must end with .csv or .parquet"),
        (("test", "--posterior", "draws"), "--posterior draws was not written: the file name must end with .nc"),
        (("nobody", "--summary", "figures.csv"), "nobody"),
        (("test", "--summary", "no/such/folder/figures.csv"), "cannot be written"),
    ],
)
def test_an_error_is_one_sentence(klette, arguments, part):
    answer = klette(*arguments)
    assert answer.exit_code == 2 and part in answer.stderr and "Traceback" not in answer.stderr


def test_a_refused_file_leaves_the_others_alone(klette, tmp_path):
    summary_file, report_file, nowhere = tmp_path / "s.csv", tmp_path / "r.html", tmp_path / "no" / "m.csv"
    files = (
        "--summary",
        str(summary_file),
        "--members",
        str(nowhere),
        "--posterior",
        "d",
        "--report",
        str(report_file),
    )
    answer = klette("test", *files)
    assert answer.exit_code == 2 and "Traceback" not in answer.stderr
    assert summary_file.stat().st_size > 500 and report_file.stat().st_size > 500
    assert [line.split(":")[0] for line in answer.stdout.splitlines()] == [str(summary_file), str(report_file)]
    assert f"--members {nowhere} was not written: the file cannot be written" in answer.stderr
    assert "--posterior d was not written" in answer.stderr


def test_counts_without_members_give_every_other_file(sqlite_url, tmp_path):
    (tmp_path / "counts.csv").write_text("variant,members,clicks\nold,5000,500\nnew,5000,640\n")
    runner = CliRunner(env={"KLETTE_DATABASE_URL": sqlite_url, "KLETTE_DATA_DIR": str(tmp_path)})
    settings.cache_clear()
    counts = ("import", "counts", str(tmp_path / "counts.csv"), "--key", "totals", "--control", "old")
    assert runner.invoke(main, counts).exit_code == 0
    files = {
        name: tmp_path / f"{name}.{end}" for name, end in (("members", "csv"), ("summary", "csv"), ("report", "html"))
    }
    asked = [part for name, file in files.items() for part in (f"--{name}", str(file))]
    answer = runner.invoke(main, ["export", "totals", *asked])
    settings.cache_clear()
    assert answer.exit_code == 2 and "no members" in answer.stderr
    assert files["summary"].exists() and files["report"].exists() and not files["members"].exists()


def test_an_experiment_without_analysis_cannot_be_exported(sqlite_url):
    opened = Database(sqlite_url)
    with opened.write() as session:
        store_experiment(session)
    with opened.read() as session, pytest.raises(NotFoundError) as caught:
        newest(session, "test")
    assert caught.value.code == "no_analysis"
    opened.close()


# Sampled models ----------------------------------------------------------------------------------------------------


def test_every_metric_is_drawn_or_left_out_with_its_reason(stored, draws):
    import arviz as az

    read = az.from_netcdf(draws).posterior
    left_out = json.loads(read.attrs["not_shown"])
    assert set(read.data_vars) | set(left_out) == set(stored.collected.metric_data)
    assert not set(read.data_vars) & set(left_out)
    assert all(reason.endswith(".") for reason in left_out.values())


@pytest.mark.slow
def test_segments_are_drawn_again_with_the_seed_of_the_answer(stored, tmp_path):
    import arviz as az

    pytest.importorskip("pymc")
    fit = Diagnostics(True, 1.0, 1000.0, 0)
    shown = [
        SegmentEntry(name, stored.primary, (), (), fit, (), 7, "nutpie", False, (), None)
        for name in stored.collected.segment_data
    ]
    answer = replace(stored.answer, sampled={**stored.answer.sampled, "segments": tuple(shown)})
    answered = replace(stored, reading=replace(stored.reading, answer=replace(answer, metrics=answer.metrics[:1])))
    names = posterior.write(answered, tmp_path / "segments.nc")
    (variable,) = (name for name in names if "_by_" in name and not name.endswith("_overall"))
    drawn = az.from_netcdf(tmp_path / "segments.nc").posterior[variable]
    assert drawn.dims[:3] == ("chain", "draw", "variant") and drawn.shape[:2] == (4, 1000)
    cells = stored.collected.segment_data[shown[0].segment]
    levels = drawn[drawn.dims[3]].values.tolist()
    assert sorted(levels) == sorted({level for _, level in cells})
    for (variant, level), cell in cells.items():
        if cell.n > 60:
            own = drawn.sel({"variant": variant, drawn.dims[3]: level}).values.mean()
            assert own == pytest.approx(cell.mean, abs=0.12)
