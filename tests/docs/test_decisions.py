"""The decision records: numbered without holes, listed under their titles, linked to what exists."""

import re

from tests.serving import ROOT

FOLDER = ROOT / "docs" / "decisions"
INDEX = (FOLDER / "README.md").read_text()
RECORDS = sorted(file for file in FOLDER.glob("*.md") if file.name != "README.md")


def test_the_numbers_have_no_holes() -> None:
    assert [file.name[:4] for file in RECORDS] == [f"{number:04}" for number in range(1, len(RECORDS) + 1)]


def test_the_index_lists_each_record_with_its_date() -> None:
    listed = re.findall(r"^\| \[(\d{4})\]\(([\w.-]+)\) \| .+ \| (\d{4}-\d\d-\d\d) \|$", INDEX, re.MULTILINE)
    dates = [re.search(r"^\*Decided (\S+)\.\*$", file.read_text(), re.MULTILINE) for file in RECORDS]
    assert listed == [(file.name[:4], file.name, date and date[1]) for file, date in zip(RECORDS, dates, strict=True)]


def test_each_record_has_its_number_a_question_a_decision_and_a_reason() -> None:
    for file in RECORDS:
        text = file.read_text()
        assert text.startswith(f"# {file.name[:4]}: "), file.name
        parts = set(re.findall(r"^\*\*(Question|Decision|Why|Why not|Cost)\b", text, re.MULTILINE))
        assert {"Question", "Decision"} <= parts and parts & {"Why", "Why not", "Cost"}, (file.name, parts)
