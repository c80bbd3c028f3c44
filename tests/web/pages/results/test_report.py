"""The report to take along: a file of the newest analysis, drawn without a sampler and without the network."""

import html
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlmodel import select

from analysis import HealthCheck
from analysis.messages import message
from experiments import translation
from experiments.exporting import report
from experiments.exporting.report_scorecard import blocks
from experiments.exporting.source import newest
from experiments.reporting.withheld import none_yet, withheld_note
from experiments.storage.tables import Experiment, Variant
from tests.serving import ROOT
from tests.web.pages.results import fixtures, sampled_parts
from tests.web.pages.results.stored import KEY, analyse, experiment, logged_in
from tests.web.pages.test_translated import Marks, unmarked

THIN = "\u202f"


@pytest.fixture
def app(app):
    experiment(app)
    return app


def test_the_report_is_a_file_with_the_answer_and_no_address(app):
    result = fixtures.result() | {"created_at": "2026-11-23T08:12:00Z"}
    analyse(app, result)
    client = logged_in(app, "analyst")
    answer = client.get(f"/experiments/{KEY}/report.html")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{KEY}-run-1.html"'
    assert result["verdict"]["headline"].split(" “")[0] in answer.text
    assert answer.text.count("<svg") >= 2
    assert not re.search(r"https?://|<script", answer.text)
    assert f'href="/experiments/{KEY}/report.html"' in client.get(f"/experiments/{KEY}").text


def test_the_report_writes_figures_times_and_the_plan_as_the_page_does(app):
    result = sampled_parts.whole_result() | {"created_at": "2026-11-23T08:12:00Z"}
    entry = next(entry for entry in result["metrics"] if entry["metric"] == "net_value")
    entry["comparisons"][0]["difference"] = sampled_parts.estimate(-1.40, 0.03)
    analyse(app, result, at=datetime(2026, 11, 23, 8, 12, tzinfo=UTC))
    with app.extensions["klette"].get().database.write() as session:
        found = session.scalars(select(Experiment).where(Experiment.key == KEY)).one()
        found.simulated = True
        b = session.scalars(select(Variant).where(Variant.experiment_id == found.id, Variant.key == "b")).one()
        b.cost = {"fixed": "380", "per_thousand": "2.5", "currency": "EUR"}
    page = logged_in(app).get(f"/experiments/{KEY}/report.html").text
    text = re.sub(r"[ \n]+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))
    assert f"−€{THIN}1.40 (−€{THIN}1.46 to −€{THIN}1.34)" in text
    assert f"€{THIN}1.33 " in text
    assert f"+142{THIN}%" in text and "−126 points (" in text
    assert "+0.21 (" in text and "−0.39 (" in text, "sentiment is compared by difference"
    assert "23 Nov 2026, 09:12 Berlin time" in text
    assert 'class="tag">simulated' in page
    assert f"B €{THIN}380 once and €{THIN}2.50 per 1,000 members" in text
    assert "7 days after a member first sees a variant" in text


def text_of(page: str) -> str:
    return re.sub(r"[ \n]+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_the_report_tells_the_adjusted_figures_since_the_verdict_rests_on_them(app):
    result = sampled_parts.whole_result() | {"created_at": "2026-11-23T08:12:00Z"}
    decides = result["metrics"][0]
    decides["adjusted"] = sampled_parts.adjusted(0.231)
    for row in decides["adjusted"]["variants"]:
        row["mean"] = 0.5
    analyse(app, result)
    text = text_of(logged_in(app).get(f"/experiments/{KEY}/report.html").text)
    plain = decides["comparisons"][0]["lift"]["median"]
    assert f"50.0{THIN}%" in text and f"+11.7{THIN}% (+2.3{THIN}% to +21.1{THIN}%)" in text
    assert f"Adjusted for history: variance −23.1{THIN}%. Unadjusted: B +{100 * plain:.1f}{THIN}%" in text
    assert "The figures above are adjusted, and the verdict rests on them." in text


def test_the_report_puts_the_groups_together_again(app):
    result = sampled_parts.whole_result() | {"created_at": "2026-11-23T08:12:00Z"}
    analyse(app, result)
    text = text_of(logged_in(app).get(f"/experiments/{KEY}/report.html").text)
    b, c = (f"{100 * row['lift']['mean']:+.1f}{THIN}% (" for row in result["segments"][0]["overall"])
    assert f": B {b}" in text and f" and C {c}" in text


def test_the_report_says_why_a_covariate_was_not_used(app):
    result = sampled_parts.plain_result()
    why = sampled_parts.not_shown("no_spread", "All members have the same history.")
    result["metrics"][0]["adjusted"] = {"covariate": {"days_before": 28}, "variance_reduction": None} | why
    analyse(app, result)
    text = text_of(logged_in(app).get(f"/experiments/{KEY}/report.html").text)
    assert "Not adjusted for the 28 days before. All members have the same history." in text


def blocks_of(app) -> dict:
    with app.extensions["klette"].get().database.read() as session:
        stored = newest(session, KEY)
    return {block.name: block for block in blocks(stored)}


@pytest.mark.parametrize(
    ("complaints", "tag"), [(28, "guardrail holds"), (43, "guardrail in doubt for C"), (95, "guardrail broken by C")]
)
def test_the_report_says_of_a_guardrail_what_the_page_says_and_gives_it_no_chances(app, complaints, tag):
    n, done = fixtures.SPRING["c"]
    result = fixtures.result(fixtures.SPRING | {"c": (n, done | {"negative_rate": complaints})})
    analyse(app, result | {"created_at": "2026-11-23T08:12:00Z"})
    guardrail = blocks_of(app)["Complaints"]
    assert guardrail.tag == tag and not guardrail.chances
    assert guardrail.remark.startswith("Probably higher with C") == ("in doubt" in tag)
    assert guardrail.remark.startswith("Proven higher with C") == ("broken" in tag)
    page = logged_in(app).get(f"/experiments/{KEY}/report.html").text
    rows = page.split("Complaints <span", 1)[1].split("</table>", 1)[0]
    assert tag in rows and "beats control" not in rows and ">best<" not in rows
    assert text_of(page).count("beats control") == len(result["metrics"]) - 1


def test_the_report_leaves_out_what_the_page_leaves_out(app):
    result = fixtures.result(scale=0.01)
    assert result["verdict"]["decision"] == "not_enough_data"
    nobody = next(entry for entry in result["metrics"] if entry["metric"] == "negative_rate")
    for row in nobody["variants"]:
        row["total"] = 0
    analyse(app, result)
    text = text_of(logged_in(app).get(f"/experiments/{KEY}/report.html").text)
    assert withheld_note() in text
    assert ", ".join(f"{letter} {none_yet(71)}" for letter in "ABC") in text
    assert blocks_of(app)["Complaints"].tone == "calm"
    assert "Loss if wrong" not in text and "Chance B" not in text
    assert blocks_of(app)["Sticky members"].tone == "decides"


def test_members_inside_their_window_are_a_note_and_not_a_tick():
    stored = SimpleNamespace(reading=fixtures.reading())
    check = HealthCheck("immature", "ok", 0.3, message("health.bots.none"))
    shown = report._health(stored, check)
    assert (shown.status, shown.mark) == ("info", "i")
    assert report._health(stored, replace(check, value=0.0)).mark == "✓"
    assert report._health(stored, replace(check, check="srm")).mark == "✓"


def test_every_text_of_the_report_goes_through_gettext(app, monkeypatch):
    analyse(app, sampled_parts.whole_result() | {"created_at": "2026-11-23T08:12:00Z"})
    monkeypatch.setattr(translation, "catalogue", lambda _: Marks())
    with app.extensions["klette"].get().database.read() as session:
        stored = newest(session, KEY)
    page = re.sub(r"(?s)<svg.*?</svg>|<code>.*?</code>", "", report.rendered(stored))
    data = (stored.name, *(variant.called.strip("“”") for variant in stored.variants))
    names = (*data, stored.answer.heading.analysis, *stored.answer.provenance.versions)
    assert [line for line in unmarked(page) if not line.strip("“”").startswith(names)] == []


def test_before_the_first_analysis_there_is_no_report(app):
    answer = logged_in(app).get(f"/experiments/{KEY}/report.html")
    assert answer.status_code == 404 and "no analysis yet" in answer.text


def test_the_report_loads_no_sampler():
    heavy = ("pymc", "arviz", "nutpie", "vl_convert")
    code = f"import web.pages.results.report, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
