"""What README and the documents say is held against the code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.assignment.bucketing import bucket
from experiments.commands.cli import COMMANDS
from experiments.settings import Settings
from tests.serving import ROOT

README = (ROOT / "README.md").read_text()
EXPORTS = (ROOT / "docs" / "exports.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()

VECTORS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| (\d+) \|$", README, re.MULTILINE)


def test_readme_has_test_vectors():
    assert len(VECTORS) >= 4


@pytest.mark.parametrize(("seed", "unit", "expected"), VECTORS)
def test_a_vector_of_the_readme_is_what_the_code_gives(seed, unit, expected):
    assert bucket(seed, unit) == int(expected)


@pytest.mark.parametrize(("name", "field"), Settings.model_fields.items())
def test_a_setting_is_documented_as_it_is(name, field):
    default = field.get_default()
    shown = default.get_secret_value() if hasattr(default, "get_secret_value") else default
    row = f"| `KLETTE_{name.upper()}` | {f'`{shown}`' if shown != '' else 'empty'} | {field.description} |"
    assert row in SETTINGS, f"docs/settings.md lacks or misstates {name}; its row should be:\n{row}"


def test_no_setting_is_documented_that_does_not_exist():
    documented = set(re.findall(r"^\| `KLETTE_([A-Z_]+)`", SETTINGS, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_each_column_of_the_summary_is_described_and_no_other():
    from experiments.reporting.table import CSV_COLUMNS

    told = EXPORTS.split("## The summary", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", told, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(CSV_COLUMNS)


def test_each_command_that_the_readme_calls_exists():
    called = set(re.findall(r"klette (\w+)", README))
    assert called, "README shows no command"
    assert called <= {name for name, _, _ in COMMANDS}


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_a_link_of_the_readme_leads_somewhere(target):
    assert (ROOT / target).exists()


def test_the_python_of_the_readme_runs():
    for program in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(program, "README.md", "exec"), {})


def test_each_metric_stands_in_the_statistics_under_its_name_on_screen():
    from experiments.catalogue.metrics import METRICS

    statistics = (ROOT / "docs" / "statistics.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", statistics, re.MULTILINE))
    assert rows == {found.key: found.name for found in METRICS}


def test_the_analysts_commands_of_the_readme_work_as_they_are(tmp_path, monkeypatch):
    program = next(found for found in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "klette import" in found)
    # Where the commands of this very environment lie, under the name that the README gives them.
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    monkeypatch.setenv("KLETTE_DATA_DIR", str(tmp_path / "var"))
    done = subprocess.run(
        ["sh", "-ec", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    assert "11.34%" in done.stdout and '"experiment": "headline-2026"' in done.stdout
