"""``klette import``: a summary with a table, or one sentence with the invalid lines and exit status 2."""

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


def test_counts_are_analysed_and_printed_with_a_link(klette, counts: Path) -> None:
    ran = klette("import", "counts", str(counts), "--key", "totals", "--control", "old")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0] == "Imported totals (totals): 10,000 members in 2 variants."
    assert lines[-1] == "http://127.0.0.1:8000/experiments/totals"
    assert [line.split()[:3] for line in lines if line.startswith("  new")] == [["new", "5,000", "640"]]
    assert "12.80\u202f%" in ran.stdout
    assert "%  " not in ran.stderr  # no progress bar without a terminal


def test_columns_with_known_names_need_no_mapping(klette, tmp_path: Path) -> None:
    rows = "".join(f"m{n},{'ab'[n % 2]},0{n % 9 + 1}.10.2025\n" for n in range(40))
    (tmp_path / "Autumn mail.csv").write_text("member,group,seen_at\n" + rows)
    ran = klette("import", "members", "Autumn mail.csv", "--no-analyse")
    assert ran.stdout.splitlines()[:2] == [
        "Imported Autumn mail (autumn-mail): 40 members in 2 variants.",
        "Columns: member as unit, group as variant, seen_at as exposed_at.",
    ], ran.stderr


def test_the_worker_analyses_if_the_command_does_not(klette, counts: Path) -> None:
    ran = klette("import", "counts", str(counts), "--key", "totals", "--no-analyse")
    assert "The worker analyses it next." in ran.stdout
    assert "1 job done." in klette("worker", "--once").stdout


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (("--key", "Totals!"), "Totals!"),
        (("--key", "t", "--map", "variant"), "NAME=VALUE"),
        (("--key", "t", "--map", "variant=arm"), "variant, members, clicks"),
        (("--key", "t", "--control", "other"), "'other'"),
        (("--key", "t", "--primary", "fame"), "fame"),
        (("--key", "t", "--weights", "old=half"), "'half'"),
        (("--key", "t", "--started", "someday"), "'someday'"),
        (("--key", "t", "--started", "2026-03-02", "--ended", "2026-03-01"), "2026-03-01"),
    ],
)
def test_an_invalid_option_is_one_line_and_exit_status_2(klette, counts: Path, arguments, value: str) -> None:
    ran = klette("import", "counts", str(counts), *arguments)
    assert ran.returncode == 2
    assert value in ran.stderr
    assert "Traceback" not in ran.stderr and len(ran.stderr.strip().splitlines()) == 1
    assert ran.stdout == ""


def test_errors_of_a_file_are_listed_by_line(klette, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("unit,variant,exposed_at\nu1,a,2026-03-01\n,b,2026-03-01\nu2,b,never\n")
    ran = klette("import", "members", str(file), "--key", "spring")
    assert ran.returncode == 2
    summary, third, fourth = ran.stderr.splitlines()
    assert summary.startswith("members.csv has 2 errors.")
    assert third.startswith("  line 3: ")
    assert fourth.startswith("  line 4: ") and "'never'" in fourth


def test_an_existing_key_is_refused(klette, counts: Path) -> None:
    assert klette("import", "counts", str(counts), "--key", "totals", "--no-analyse").returncode == 0
    ran = klette("import", "counts", str(counts), "--key", "totals")
    assert ran.returncode == 2 and "key totals exists" in ran.stderr


def test_a_misspelled_event_type_is_refused(klette, tmp_path: Path) -> None:
    rows = "".join(f"m{n},{'ab'[n % 2]},2025-10-0{n % 9 + 1},{n % 3}\n" for n in range(40))
    (tmp_path / "mail.csv").write_text("unit,variant,exposed_at,spend\n" + rows)
    ran = klette("import", "members", "mail.csv", "--outcome", "purchse=spend", "--no-analyse")
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert "'purchse'" in ran.stderr and "the event type purchase" in ran.stderr


def test_event_types_without_a_metric_are_listed(klette, tmp_path: Path) -> None:
    rows = "".join(f"m{n},{'ab'[n % 2]},2025-10-0{n % 9 + 1},{n}\n" for n in range(40))
    (tmp_path / "mail.csv").write_text("unit,variant,exposed_at,history\n" + rows)
    (tmp_path / "did.csv").write_text("unit,type,at\nm1,clicks,2025-10-20\nm2,click,2025-10-20\nm3,signup,2025-10-20\n")
    arguments = ("--events", "did.csv", "--covariate", "history", "--no-analyse")
    ran = klette("import", "members", "mail.csv", *arguments)
    assert ran.returncode == 0, ran.stderr
    assert "the type 'clicks'. Did you mean click?" in ran.stdout
    assert "the type 'signup'." in ran.stdout
    assert "the type 'click'." not in ran.stdout
    ran = klette("import", "members", "mail.csv", "--key", "other", "--covariate", "age")
    assert ran.returncode == 2 and "'age'" in ran.stderr
    ran = klette("import", "members", "mail.csv", "--key", "other", "--covariate", "history", "--days-before", "28")
    assert ran.returncode == 2 and "covariate" in ran.stderr
