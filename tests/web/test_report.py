"""The report to take along: a file of the newest analysis, drawn without a sampler and without the network."""

import re
import subprocess
import sys

import pytest

from tests.serving import ROOT
from tests.web import results_fixtures as fixtures
from tests.web.results_stored import KEY, analyse, app_on, experiment, logged_in


@pytest.fixture
def app(sqlite_url, tmp_path):
    made = app_on(sqlite_url, tmp_path)
    experiment(made)
    yield made
    made.extensions["klette"].close()


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


def test_before_the_first_analysis_there_is_no_report(app):
    answer = logged_in(app).get(f"/experiments/{KEY}/report.html")
    assert answer.status_code == 404 and "no analysis yet" in answer.text


def test_the_report_loads_no_sampler():
    heavy = ("pymc", "arviz", "nutpie", "vl_convert")
    code = f"import web.pages.report, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
