"""`klette plan`: a plan from a few figures, or from an analysed experiment."""

import json
import math
import re
from datetime import timedelta

import pytest
from click.testing import CliRunner

from analysis import ProportionStatistics
from experiments.analyses import plan_figures
from experiments.commands.cli import main
from experiments.definition.model import ExperimentDefinition
from experiments.errors import ConflictError, NotFoundError
from experiments.lifecycle import store, transitions
from experiments.settings import settings
from experiments.storage.tables import Analysis, utc_now
from tests.experiments.analyses import documents

KEY = "spring-headline"


@pytest.fixture
def klette(sqlite_url, tmp_path):
    def run(*arguments, url=sqlite_url):
        environment = {"KLETTE_DATABASE_URL": url, "KLETTE_DATA_DIR": str(tmp_path / "data")}
        settings.cache_clear()  # they are read once a process
        return CliRunner(env=environment).invoke(main, ["plan", *arguments])

    yield run
    settings.cache_clear()


@pytest.fixture
def database(sqlite_url):
    from experiments.storage.database import Database

    opened = Database(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def analysed(database):
    """An experiment of an uneven split with an analysis of 8 days, 1,000 members each."""
    definition = {
        "key": KEY,
        "name": "Spring headline",
        "variants": [
            {"key": "b", "name": "B", "weight": 0.3, "content": {"headline": "Meet us"}},
            {"key": "a", "name": "A", "control": True, "weight": 0.7, "content": {"headline": "New"}},
        ],
        "threshold_of_caring": 0.02,
    }
    rates = {"b": ProportionStatistics(2400, 300), "a": ProportionStatistics(5600, 560)}
    with database.write() as session:
        made = store.create(session, ExperimentDefinition.model_validate(definition), actor="cli")
        transitions.launch(session, made, actor="cli", now=utc_now() - timedelta(days=8))
        run = store.current_run(session, made)
        session.add(
            Analysis(
                id="019ab0c4-0000-7000-8000-000000000001", experiment_id=made.id, run_id=run.id, cut_off_us=1,
                decision="keep_running", result=documents.answered({"sticky_rate": rates}), inputs={}, drawing={},
            )
        )  # fmt: skip


def test_a_plan_is_a_sentence_and_a_table(klette):
    answer = klette("--baseline", "5%", "--members-a-day", "2000", "--lift", "0.1", "--prior", "sceptical")
    assert answer.exit_code == 0 and answer.stderr == ""
    first, blank, *table = answer.stdout.splitlines()
    assert first.startswith("Run it for about 5 weeks. With 2,000 members a day on 2 variants")
    gap = table.index("")
    assert blank == "" and gap == 6
    assert "announced" in table[gap + 1] and "7 days" in table[gap + 2]
    table = table[:gap]
    assert table[0].split() == ["Members", "in", "all", "70,000"]
    least = re.fullmatch(r"The smallest lift .* (\d+\.\d)\u202f%\.", table[-1])
    assert least and 9 < float(least[1]) < 10.1, "the plan is the shortest in whole weeks that finds 10 %"


def test_json_has_the_whole_plan_and_is_reproducible(klette):
    arguments = ("--baseline", "12", "--sd", "40", "--members-a-day", "5000", "--variants", "3", "--json")
    one, two = klette(*arguments), klette(*arguments)
    assert one.stdout == two.stdout
    made = json.loads(one.stdout)
    assert made["audience"]["sd"] == 40 and len(made["audience"]["weights"]) == 3
    assert made["planned_days"] % 7 == 0 and made["with_lift"]["right"]["value"] > 0.75
    assert 0.08 < made["detectable_lift"] < 0.105


def test_an_unreachable_plan_suggests_changes(klette):
    answer = klette("--baseline", "5%", "--members-a-day", "100", "--lift", "5%")
    assert answer.exit_code == 0
    assert answer.stdout.startswith("Not within a year.") and "\n- " in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ((), "--baseline and --members-a-day"),
        (("--baseline", "5%"), "--members-a-day"),
        (("--baseline", "150%", "--members-a-day", "9"), "not below 1"),
        (("--baseline", "5%", "--members-a-day", "9", "--power", "2"), "power of 2.0"),
        (("--baseline", "50%", "--members-a-day", "9", "--lift", "300%"), "stay below 1"),
        (
            ("--baseline", "1%", "--members-a-day", "9", "--lift", "10"),
            "10 would be 1,000\u202f%; write 10% or 0.1",
        ),
        (
            ("--baseline", "1%", "--members-a-day", "9", "--caring", "1"),
            "write 1% or 0.01 for 1\u202f%, or 100%",
        ),
        (("--baseline", "much", "--members-a-day", "9"), "'much'"),
        (("--like", "nobody"), "nobody"),
    ],
)
def test_an_invalid_option_is_reported_on_standard_error(klette, arguments, value):
    answer = klette(*arguments)
    assert answer.exit_code == 2 and answer.stdout == ""
    assert value in answer.stderr and "Traceback" not in answer.stderr


def test_a_large_lift_is_written_out(klette):
    answer = klette("--baseline", "0.05%", "--members-a-day", "90000", "--lift", "1200%")
    assert answer.exit_code == 0 and "1,200\u202f% better" in answer.stdout and "e+" not in answer.stdout


def test_planning_needs_no_database(klette, tmp_path):
    url = f"sqlite:///{tmp_path / 'none.sqlite'}"
    assert klette("--baseline", "5%", "--members-a-day", "90000", url=url).exit_code == 0


def test_a_notice_explains_that_no_prior_was_learned_yet(klette, tmp_path):
    url = f"sqlite:///{tmp_path / 'none.sqlite'}"
    options = ("--baseline", "5%", "--members-a-day", "90000", "--prior")
    notice = json.loads(klette(*options, "learned", "--json", url=url).stdout)["prior_notice"]
    assert "“content”" in notice and notice in klette(*options, "learned", url=url).stdout
    assert notice not in klette(*options, "content", url=url).stdout
    assert "prior_notice" not in json.loads(klette(*options, "auto", "--json", url=url).stdout)


def test_like_takes_baseline_traffic_and_split_from_the_newest_analysis(klette, database, analysed):
    with database.read() as session:
        found = plan_figures.figures(session, KEY)
        assert plan_figures.analysed(session) == [(KEY, "Spring headline")]
    assert (found.mean, found.sd, found.members_a_day) == (0.1, None, 1000.0)
    assert found.weights == pytest.approx((0.7, 0.3)) and found.caring == 0.02
    made = json.loads(klette("--like", KEY, "--json").stdout)
    assert made["audience"]["mean"] == 0.1 and made["audience"]["members_a_day"] == 1000
    assert made["audience"]["weights"] == pytest.approx([0.7, 0.3])
    assert made["rules"]["caring"] == 0.02
    more = json.loads(klette("--like", KEY, "--members-a-day", "4000", "--variants", "2", "--json").stdout)
    assert more["audience"]["weights"] == [0.5, 0.5] and more["planned_days"] < made["planned_days"]


def test_an_experiment_without_figures_is_refused(database, analysed):
    with database.write() as session:
        stored = session.get(Analysis, "019ab0c4-0000-7000-8000-000000000001")
        card = json.loads(json.dumps(stored.result["metrics"][0]))
        for row in card["variants"]:
            row["raw_mean"] = 0
        stored.result = stored.result | {"metrics": [card]}
    with database.read() as session:
        with pytest.raises(ConflictError, match="no sticky members above 0"):
            plan_figures.figures(session, KEY)
        with pytest.raises(NotFoundError):
            plan_figures.figures(session, "nobody")


def test_the_deviation_of_a_member_is_derived_from_that_of_the_mean(database, analysed):
    with database.write() as session:
        stored = session.get(Analysis, "019ab0c4-0000-7000-8000-000000000001")
        card = json.loads(json.dumps(stored.result["metrics"][0])) | {"kind": "amount"}
        card["variants"][1] |= {"raw_mean": 12.0, "sd": 0.5}
        paceless = stored.result["answer"] | {"members_per_day": None}
        stored.result = stored.result | {"metrics": [card], "answer": paceless}
    with database.read() as session:
        found = plan_figures.figures(session, KEY)
    assert found.sd == pytest.approx(0.5 * math.sqrt(5600))
    with pytest.raises(ConflictError, match="without dates"):
        found.audience()
    assert found.audience(500).members_a_day == 500
