"""What the README and the documents say agrees with the code."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from experiments.assignment.bucketing import bucket
from experiments.commands.cli import COMMANDS
from experiments.reporting.numbers import NARROW
from experiments.settings import Settings
from tests.benchmarks.run import PARTS as BENCH_PARTS
from tests.proofs.run import PARTS as PROOF_PARTS
from tests.serving import ROOT

README = (ROOT / "README.md").read_text()
EXPORTS = (ROOT / "docs" / "exports.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()

PAGES = {
    str(file.relative_to(ROOT)): file.read_text()
    for file in (ROOT / "README.md", *sorted(ROOT.glob("CONTRIBUTING.md")), *sorted((ROOT / "docs").rglob("*.md")))
}
MODULES = re.compile(r"python -m (tests\.[\w.]+)")
FILES = re.compile(
    r"`(?!.*NAME)((?:analysis|experiments|web|tests|docs|migrations)/[\w/.-]+\.(?:py|md|html|css|js|txt))`"
)

TESTS = re.compile(r"(?<![\w/`])(tests/[\w/.-]*\w)")

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

    section = EXPORTS.split("## The summary", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(CSV_COLUMNS)


def test_each_command_that_a_document_calls_exists():
    called = {
        name for text in PAGES.values() for name in re.findall(r"(?:^|[`/ ])klette ([a-z]+)\b", text, re.MULTILINE)
    }
    assert "import" in called
    assert called <= {name for name, _, _ in COMMANDS}


def test_each_make_target_that_a_document_calls_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {name for text in PAGES.values() for name in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)}
    assert "run" in called
    assert called <= targets


def test_each_part_of_a_measurement_that_a_document_names_exists():
    parts = {"bench": {name for name, _ in BENCH_PARTS}, "proof": {name for name, _ in PROOF_PARTS}}
    for text in PAGES.values():
        for target, arguments in re.findall(r'make (bench|proof) ARGS="([^"]+)"', text):
            named = set(re.findall(r"--part ([\w-]+)", arguments))
            assert named - {"NAME"} <= parts[target], arguments


@pytest.mark.parametrize("name", sorted({name for text in PAGES.values() for name in MODULES.findall(text)}))
def test_a_module_that_a_document_runs_exists(name):
    assert find_spec(name) is not None


@pytest.mark.parametrize("path", sorted({path for text in PAGES.values() for path in FILES.findall(text)}))
def test_a_file_that_a_document_names_exists(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("path", sorted({path for text in PAGES.values() for path in TESTS.findall(text)}))
def test_the_tests_that_a_document_runs_exist(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_links_of_a_document_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^):#]*)(#[^)]+)?\)", PAGES[page]):
        found = (ROOT / page).parent / target if target else ROOT / page
        assert found.exists(), target
        if anchor and found.suffix == ".md":
            assert anchor[1:] in {slug(title) for title in re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)}


def slug(title: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


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
    assert f"11.34{NARROW}%" in done.stdout and '"experiment": "headline-2026"' in done.stdout


def test_the_buttons_and_pages_of_the_documents_exist():
    folders = ((ROOT / "web" / "templates").rglob("*.html"), (ROOT / "web" / "pages").rglob("*.py"))
    screen = "".join(file.read_text() for files in folders for file in files)
    steps = README.split("## Five minutes as a marketer", 1)[1].split("## Five minutes as an analyst", 1)[0]
    named = re.findall(r"\*\*(.+?)\*\*", steps) + re.findall(r"page's \*(.+?)\*", EXPORTS)
    assert len(named) >= 7
    assert [name for name in named if f'_("{name}")' not in screen] == []
