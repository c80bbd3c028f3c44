"""``klette import`` on the command line: a short answer, one sentence and the lines on a fault, exit status 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT


@pytest.fixture
def klette(tmp_path: Path, sqlite_url: str):
    environment = os.environ | {
        "KLETTE_DATA_DIR": str(tmp_path),
        "KLETTE_DATABASE_URL": sqlite_url,
        "PYTHONPATH": str(ROOT),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "experiments.commands.cli", *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200)

    return run


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    file = tmp_path / "counts.csv"
    file.write_text("variant,members,clicks\nold,5000,500\nnew,5000,640\n")
    return file


def test_counts_are_answered_at_once_with_a_table_and_a_link(klette, counts: Path) -> None:
    ran = klette("import", "counts", str(counts), "--key", "totals", "--control", "old")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0] == "Imported totals (totals): 10,000 members in 2 variants."
    assert lines[-1] == "http://127.0.0.1:8000/experiments/totals"
    assert [line.split()[:3] for line in lines if line.startswith("  new")] == [["new", "5,000", "640"]]
    assert "12.80%" in ran.stdout
    assert "%  " not in ran.stderr  # no bar where nobody watches


def test_a_marketers_file_needs_no_word_about_its_columns(klette, tmp_path: Path) -> None:
    rows = "".join(f"m{n},{'ab'[n % 2]},0{n % 9 + 1}.10.2025\n" for n in range(40))
    (tmp_path / "Autumn mail.csv").write_text("member,group,seen_at\n" + rows)
    ran = klette("import", "members", "Autumn mail.csv", "--no-analyse")
    assert ran.stdout.splitlines()[:2] == [
        "Imported Autumn mail (autumn-mail): 40 members in 2 variants.",
        "Columns: member as unit, group as variant, seen_at as exposed_at.",
    ], ran.stderr


def test_without_an_analysis_the_worker_does_it(klette, counts: Path) -> None:
    ran = klette("import", "counts", str(counts), "--key", "totals", "--no-analyse")
    assert "The worker analyses it next." in ran.stdout
    assert "1 job done." in klette("worker", "--once").stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--key", "Totals!"), "is no key"),
        (("--key", "t", "--map", "variant"), "has no NAME=VALUE form"),
        (
            ("--key", "t", "--map", "variant=arm"),
            "has no column 'arm' for the variant; it has variant, members, clicks",
        ),
        (("--key", "t", "--control", "other"), "is no variant of the file; it has old, new"),
        (("--key", "t", "--primary", "fame"), "is no metric"),
        (("--key", "t", "--weights", "old=half"), "'half' is no number"),
        (("--key", "t", "--started", "someday"), "is no date or time"),
        (("--key", "t", "--started", "2026-03-02", "--ended", "2026-03-01"), "before it began"),
    ],
)
def test_a_bad_wish_is_one_sentence_and_exit_status_2(klette, counts: Path, arguments, sentence: str) -> None:
    ran = klette("import", "counts", str(counts), *arguments)
    assert ran.returncode == 2
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr and len(ran.stderr.strip().splitlines()) == 1
    assert ran.stdout == ""


def test_faults_of_a_file_are_listed_by_line(klette, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("unit,variant,exposed_at\nu1,a,2026-03-01\nu1,b,2026-03-01\nu2,b,never\n")
    ran = klette("import", "members", str(file), "--key", "spring")
    assert ran.returncode == 2
    assert ran.stderr.splitlines() == [
        "members.csv has 2 faults. Nothing was imported; mend the lines and try again.",
        "  line 3: the member 'u1' is already on line 2; keep one of the two",
        "  line 4: 'never' is no date or time; write it like 2026-03-06 or 2026-03-06T14:30:00Z",
    ]


def test_a_key_that_is_taken_is_refused(klette, counts: Path) -> None:
    assert klette("import", "counts", str(counts), "--key", "totals", "--no-analyse").returncode == 0
    ran = klette("import", "counts", str(counts), "--key", "totals")
    assert (ran.returncode, ran.stderr) == (2, "The key totals is taken; nothing is overwritten. Choose another.\n")


def test_an_outcome_that_is_a_slip_of_a_known_type_is_refused(klette, tmp_path: Path) -> None:
    rows = "".join(f"m{n},{'ab'[n % 2]},2025-10-0{n % 9 + 1},{n % 3}\n" for n in range(40))
    (tmp_path / "mail.csv").write_text("unit,variant,exposed_at,spend\n" + rows)
    ran = klette("import", "members", "mail.csv", "--outcome", "purchse=spend", "--no-analyse")
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert "The outcome 'purchse' cannot be counted: it is no event type, but nearly purchase" in ran.stderr


def test_types_that_no_metric_counts_are_named_and_a_covariate_is_declared(klette, tmp_path: Path) -> None:
    rows = "".join(f"m{n},{'ab'[n % 2]},2025-10-0{n % 9 + 1},{n}\n" for n in range(40))
    (tmp_path / "mail.csv").write_text("unit,variant,exposed_at,history\n" + rows)
    (tmp_path / "did.csv").write_text("unit,type,at\nm1,clicks,2025-10-20\nm2,click,2025-10-20\nm3,signup,2025-10-20\n")
    arguments = ("--events", "did.csv", "--covariate", "history", "--no-analyse")
    ran = klette("import", "members", "mail.csv", *arguments)
    assert ran.returncode == 0, ran.stderr
    assert "No metric of Klette's own counts the type 'clicks': did you mean click?" in ran.stdout
    assert "counts the type 'signup': only a value laid on it as an action counts it." in ran.stdout
    assert "type 'click'" not in ran.stdout
    ran = klette("import", "members", "mail.csv", "--key", "other", "--covariate", "age")
    assert ran.returncode == 2 and "'age'" in ran.stderr
    ran = klette("import", "members", "mail.csv", "--key", "other", "--covariate", "history", "--days-before", "28")
    assert ran.returncode == 2 and "covariate" in ran.stderr
