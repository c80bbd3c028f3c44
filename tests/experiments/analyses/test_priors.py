"""Learning the lift prior from finished experiments; a run keeps the prior of its first analysis."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlmodel import select

from analysis import NotShown
from analysis.learning.learn import FEWEST_TESTS
from analysis.statistics import ProportionStatistics
from experiments.analyses import priors
from experiments.analyses.run import analyse, new_id
from experiments.assignment.exposure import ExposureRow
from experiments.ingestion.events import bulk_insert as bulk_insert_events
from experiments.ingestion.exposures import bulk_insert
from experiments.ingestion.rows import EventRow
from experiments.lifecycle.checklist import checklist
from experiments.lifecycle.current_prior import notice
from experiments.lifecycle.document import document_of
from experiments.lifecycle.store import current_run, get
from experiments.storage.tables import Analysis, AuditEntry, Experiment, LearnedPrior, Run
from tests.experiments.analyses import documents
from tests.serving import ROOT
from tests.web.api.calls import make_experiment

TAU = 0.25
ENDED = datetime(2026, 5, 1, tzinfo=UTC)


def store_finished(session, number, *, members=4000, tau=TAU, analysed=True, decision="ship", **changes):
    """A finished experiment of three variants whose true log-odds lie `tau` apart, with its last analysis."""
    chance = np.random.default_rng(number)
    rates = 1 / (1 + np.exp(-(-2.5 + chance.normal(0, tau, 3))))
    successes = chance.binomial(members, rates)
    values = {
        "project_id": 1, "key": f"past-{number}", "name": "Past", "state": "stopped",
        "primary_metric": "click_rate", "metrics": [],
        "guardrails": [], "traffic_seed": "t", "segments": [], "currency": "EUR",
    } | changes  # fmt: skip
    experiment = Experiment(**values)
    session.add(experiment)
    session.flush()
    run = Run(
        experiment_id=experiment.id, number=1, seed="s", allocation=[], started_at=ENDED - timedelta(7), ended_at=ENDED
    )
    session.add(run)
    session.flush()
    cells = {key: ProportionStatistics(members, int(count)) for key, count in zip("abc", successes, strict=True)}
    if analysed:
        session.add(
            Analysis(
                id=new_id(),
                experiment_id=experiment.id,
                run_id=run.id,
                cut_off_us=1,
                decision=decision,
                result={},
                inputs=documents.inputs({values["primary_metric"]: cells}).to_dict(),
                drawing={},
            )  # fmt: skip
        )
    return experiment


def store_history(database, tests: int = 30) -> None:
    with database.write() as session:
        for number in range(100, 100 + tests):
            store_finished(session, number)


def run_one(database) -> None:
    """A running experiment with sixty exposed members, some of whom clicked."""
    make_experiment(database, primary_metric="click_rate", metrics=[], guardrails=[], segments=[])
    now = time.time_ns() // 1000
    with database.write() as session:
        run = current_run(session, get(session, "spring"))
        units = [f"u-{number}" for number in range(60)]
        exposures = [ExposureRow(1, run.id, unit, "ab"[place % 2], now, now) for place, unit in enumerate(units)]
        bulk_insert(session, exposures)
        bulk_insert_events(session, [EventRow(1, unit, unit, "click", now, now) for unit in units[::3]])


def learn(database) -> LearnedPrior:
    with database.write() as session:
        found = priors.learn_from_history(session)
        return priors.store(session, found, found.learned)


def test_the_spread_of_a_known_history_is_recovered(database):
    store_history(database, 60)
    with database.read() as session:
        found = priors.learn_from_history(session)
    assert found.learned.tests == 60
    assert found.learned.tau_low < TAU < found.learned.tau_high
    assert found.learned.tau == pytest.approx(TAU, rel=0.25)
    assert found.left_out == {}


def test_experiments_without_information_are_left_out_with_their_reason(database):
    store_history(database, 3)
    with database.write() as session:
        store_finished(session, 1, analysed=False)
        store_finished(session, 2, decision="untrusted")
        store_finished(session, 3, primary_metric="revenue")
        store_finished(session, 4, simulated=True)
        store_finished(session, 5, state="running")
    with database.read() as session:
        found = priors.learn_from_history(session)
    assert [one.key for one in found.used] == ["past-100", "past-101", "past-102"]
    assert found.left_out == {
        "never_analysed": 1,
        "health_check_failed": 1,
        "primary_metric_no_share": 1,
    }
    assert isinstance(found.learned, NotShown)
    assert found.learned.reason.params["fewest"] == FEWEST_TESTS


def test_the_learned_prior_is_stored_with_its_evidence_and_used_by_new_runs(database):
    store_history(database)
    row = learn(database)
    assert row.evidence["tests"] == 30
    assert row.evidence["metrics"] == {"click_rate": 30}
    assert len(row.evidence["experiments"]) == 30
    with database.read() as session:
        for requested, expected in (("auto", "learned"), ("learned", "learned"), ("content", "content"),
                                ("sceptical", "sceptical")):  # fmt: skip
            found = priors.choose(session, requested)
            assert (found.prior.name, found.requested) == (expected, requested)
        found = priors.choose(session, "auto")
        assert found.prior["sd"] == pytest.approx(row.parameters["sd"])
        assert found.evidence.tests == 30


def test_without_a_history_the_prior_for_content_is_used_under_the_requested_name(database):
    with database.read() as session:
        for requested in ("auto", "learned"):
            found = priors.choose(session, requested)
            assert (found.prior.name, found.evidence, found.requested) == ("content", None, requested)


def test_a_notice_explains_that_no_prior_was_learned_yet(database):
    with database.read() as session:
        notices = {
            requested: notice(requested, priors.choose(session, requested).prior.name)
            for requested in ("auto", "learned", "content", "sceptical")
        }
    assert notices["learned"].startswith("No prior has been learned")
    assert "the prior “content”" in notices["learned"] and "klette prior learn" in notices["learned"]
    assert [requested for requested, text in notices.items() if text] == ["learned"]
    store_history(database)
    learn(database)
    with database.read() as session:
        assert notice("learned", priors.choose(session, "learned").prior.name) == ""


def test_the_document_and_the_checklist_show_the_used_prior(database):
    store_history(database)
    run_one(database)
    with database.write() as session:
        get(session, "spring").prior = "learned"

    def shown() -> tuple:
        with database.read() as session:
            found = get(session, "spring")
            checks = {check.key: check for check in checklist(session, found)}
            return document_of(session, found)["prior_in_force"], checks.get("prior")

    (before, check) = shown()
    assert before["name"] == "content" and before["notice"].startswith("No prior has been learned")
    assert (check.ok, check.blocking, check.detail) == (False, False, before["notice"])
    learn(database)
    assert shown() == ({"name": "learned", "notice": None}, None)
    with database.write() as session:
        session.delete(priors.newest(session))
    analyse(database, "spring", with_models=False)
    learn(database)
    assert shown()[0]["name"] == "content" and shown()[0]["notice"], "a run keeps the prior of its first analysis"


def test_a_run_keeps_the_prior_of_its_first_analysis(database):
    store_history(database)
    run_one(database)
    first = analyse(database, "spring", with_models=False)
    assert first.result["provenance"]["priors"]["lift"]["name"] == "content"
    row = learn(database)
    second = analyse(database, "spring", with_models=False)
    lift = second.result["provenance"]["priors"]["lift"]
    assert lift["name"] == "content"
    assert lift["parameters"] == first.result["provenance"]["priors"]["lift"]["parameters"]
    with database.read() as session:
        assert priors.choose(session, get(session, "spring").prior).prior["sd"] == pytest.approx(row.parameters["sd"])


def test_the_answer_shows_the_prior_with_what_it_was_learned_from(database):
    store_history(database)
    learn(database)
    run_one(database)
    analysis = analyse(database, "spring", with_models=False)
    lift = analysis.result["provenance"]["priors"]["lift"]
    assert (lift["name"], lift["asked"], lift["evidence"]["tests"]) == ("learned", "auto", 30)
    assert analysis.result["provenance"]["rules"]["lift_prior"]["name"] == "learned"
    with database.read() as session:
        assert session.get(Analysis, analysis.id).inputs["plan"]["lift_prior"]["name"] == "learned"


def test_the_command_learns_lists_and_shows(database, database_url, tmp_path):
    environment = os.environ | {"KLETTE_DATABASE_URL": database_url, "KLETTE_DATA_DIR": str(tmp_path)}

    def klette(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "experiments.commands.cli", "prior", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    too_few = klette("learn")
    assert too_few.returncode == 0 and f"at least {FEWEST_TESTS}" in too_few.stdout, too_few.stderr
    store_history(database)
    dry = klette("learn", "--dry-run")
    assert "30 finished experiments" in dry.stdout and "Dry run: nothing was stored" in dry.stdout, dry.stderr
    with database.read() as session:
        assert session.scalars(select(LearnedPrior)).all() == []
    kept = klette("learn")
    assert "Stored." in kept.stdout, kept.stderr
    with database.read() as session:
        assert len(session.scalars(select(LearnedPrior)).all()) == 1
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "cli:prior:learn")).one()
    listed = klette("list").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["learned", "content", "sceptical"]
    shown = json.loads(klette("show", "learned").stdout)
    assert shown["evidence"]["tests"] == 30
    wrong = klette("show", "nothing")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "learned, content, sceptical" in wrong.stderr and "Traceback" not in wrong.stderr
