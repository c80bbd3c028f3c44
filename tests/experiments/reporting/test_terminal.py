"""The answer in a terminal: the figures that the verdict goes by, and none that would be little more than a guess."""

import re

import pytest

from experiments.analyses.answer import Answer
from experiments.reporting.numbers import NARROW, percent
from experiments.reporting.terminal import table
from experiments.reporting.withheld import withheld_note
from experiments.reporting.worded import Reading, wording
from experiments.translation import speaking
from tests.experiments.analyses.documents import RATES, answered, with_history
from tests.web.pages.results import fixtures

NAMES = {"a": "A", "b": "B"}


def test_adjusted_figures_are_shown_and_named_where_they_decide():
    result = answered(
        {"click_rate": RATES},
        collected={"adjusted_data": {"click_rate": with_history(0.8)}},
        covariate={"attribute": "last_year", "days_before": None},
    )
    answer = Answer.from_dict(result)
    lines = table(Reading(answer, wording(answer, NAMES))).splitlines()
    at = next(place for place, line in enumerate(lines) if line.endswith(", adjusted for last year)"))
    for line, row in zip(lines[at + 2 :], result["metrics"][0]["adjusted"]["variants"], strict=False):
        assert percent(row["mean"], 2) in line and percent(row["interval"]["low"], 2) in line


def test_chances_wait_until_there_is_enough_data():
    early, enough = table(fixtures.reading(fixtures.result(scale=0.01))), table(fixtures.reading())
    assert withheld_note() in early and withheld_note() not in enough
    rows = [line for line in early.splitlines() if line.startswith(("  a ", "  b ", "  c "))]
    assert rows and all(line.endswith(" -") for line in rows)


def test_a_guardrail_has_no_chance_of_being_best_and_letters_in_its_warning():
    members, done = fixtures.SPRING["c"]
    lines = table(fixtures.reading(fixtures.result(fixtures.SPRING | {"c": (members, done | {"negative_rate": 95})})))
    blocks = {block.split(" (")[0]: block for block in lines.split("\n\n")[1:]}
    assert [name for name, block in blocks.items() if not block.splitlines()[1].endswith("best")] == ["Complaints"]
    warnings = [line for line in lines.splitlines() if line.startswith("! ")]
    assert len(warnings) == 1 and warnings[0].endswith(" C.")


@pytest.mark.parametrize("code", ["en", "de"])
def test_every_percentage_is_written_as_everywhere_else(code):
    with speaking(code):
        rows = [line for line in table(fixtures.reading()).splitlines() if line.startswith(("  a ", "  b ", "  c "))]
    found = [before for row in rows for before in re.findall(r"(.)%", row)]
    assert found and set(found) == {NARROW}
