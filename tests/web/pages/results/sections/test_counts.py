"""Actions per member as data: the figures of a count metric and their explanations."""

import pytest

from tests.web.pages.results import fixtures, sampled_parts
from tests.web.pages.results.view_of import THIN, page, with_part
from web.pages.results.sections import provenance


def test_a_count_is_split_into_none_the_others_and_the_busiest() -> None:
    (part,) = page().part("counts")
    assert (part.title, part.not_shown) == ("Active days", "")
    shown, row = sampled_parts.counts()[0]["variants"][1], part.rows[1]
    assert row.never.text == f"{100 * shown['never']['mean']:.1f}{THIN}%"
    assert row.busiest.text == f"{100 * shown['busiest']['mean']:.0f}{THIN}%"
    assert row.alike == f"{100 * shown['alike']:.0f}{THIN}%" and shown["alike"] < shown["busiest"]["mean"]
    assert (row.each.text, row.mean.text) == (f"1.5{THIN}d", f"0.29{THIN}d")
    assert row.never.why.startswith(f"{shown['n'] - shown['positive']:,} of the 7,094 members who saw B")
    assert f"{100 * shown['busiest']['interval']['low']:.0f}{THIN}%" in row.busiest.why
    assert row.never.id == "counts-active_days-b-never"


def test_where_few_members_act_a_tenth_accounts_for_all() -> None:
    (part,) = page(sampled_parts.whole_result() | {"counts": sampled_parts.counts(mean=0.03)}).part("counts")
    assert {(row.busiest.text, row.alike) for row in part.rows} == {("all", "")}
    assert "between" not in part.rows[0].busiest.why, "no interval where a tenth accounts for all"


@pytest.mark.parametrize(("found", "words"), [(sampled_parts.no_counts(), "2 of 102 members of B did it;")])
def test_counts_that_are_not_shown_give_the_reason(found, words) -> None:
    (part,) = page(with_part("counts", found)).part("counts")
    assert not part.rows and part.not_shown.startswith(words)


def test_its_prior_is_named_with_its_use() -> None:
    from analysis.priors import NEGATIVE_BINOMIAL_WEAK
    from experiments.reporting.sentences.wording import Wording

    result = sampled_parts.whole_result()
    result["provenance"]["priors"]["counts"] = Wording().worded(NEGATIVE_BINOMIAL_WEAK.to_dict())
    shown = [value for label, value in provenance.provenance(fixtures.reading(result)) if label == "Prior"]
    (own,) = [line for line in shown if line.startswith("negative binomial weak")]
    assert own.endswith("actions per member.")
