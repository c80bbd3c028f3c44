"""The walk-through of docs/hillstrom.py runs, with `analysis` alone, and prints the figures that are known."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.serving import ROOT

# What a notebook must not need: a server, a database, a sampler.
ALONE = "import sys, runpy; sys.argv[0] = 'hillstrom.py'; runpy.run_path('docs/hillstrom.py', run_name='__main__'); "
ALONE += "heavy = {'flask', 'sqlmodel', 'pymc', 'web'}; "
ALONE += "print('loaded:', sorted({name.split('.')[0] for name in sys.modules} & heavy))"


@pytest.fixture(scope="module")
def printed(shared_data):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(shared_data)],
        capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\u202f", " ")


def test_it_prints_words_and_no_codes(printed):
    assert "Message(" not in printed


def test_it_needs_nothing_but_the_analysis(printed):
    assert "loaded: []" in printed


def test_its_rates_are_the_published_ones(printed, shared_data):
    """Golden values: hillstrom_email of ../shared/data/expected.json (numpy)."""
    arms = json.loads((shared_data / "expected.json").read_text())["hillstrom_email"]["arms"]
    for name, arm in arms.items():
        shown = float(re.search(rf"{name} +([\d.]+)% +[\d.]+% \(", printed)[1]) / 100
        assert shown == pytest.approx(arm["visit_rate"], abs=5e-6)


def test_history_explains_next_to_nothing_and_the_verdict_is_clear(printed):
    assert "correlation 0.022, variance reduced by 0.05%" in printed, "CHANGELOG and docs/statistics.md say the same"
    assert "Verdict at the end: Ship “Mens E-Mail”." in printed
    assert "Verdict on day 2: Ship “Mens E-Mail”." in printed
    assert re.search(r"Next time: Run it for (about )?\d+ weeks?\.", printed)


@pytest.mark.parametrize("program", ["docs/hillstrom.py", "docs/priors/fit_content_prior.py"])
def test_without_a_folder_or_with_a_wrong_one_it_says_what_to_do(program, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for arguments, said in (
        ((), f".venv/bin/python {program} FOLDER"),
        ((str(tmp_path),), f"in {str(tmp_path)!r}; name"),
    ):
        command = [sys.executable, program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr and "Traceback" not in done.stderr
