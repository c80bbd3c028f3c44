"""How often and how unevenly, as data: what the page says of a count metric."""

import pytest

from tests.web.pages.results import fixtures, sampled_parts
from tests.web.pages.results.view_of import THIN, page, with_part
from web.pages.results.sections import provenance


def test_a_count_is_taken_apart_into_who_has_none_what_the_others_have_and_the_busiest() -> None:
    (part,) = page().part("counts")
    assert (part.title, part.not_shown) == ("Active days", "")
    told, row = sampled_parts.counts()[0]["variants"][1], part.rows[1]
    assert row.never.text == f"{100 * told['never']['mean']:.1f}{THIN}%"
    assert row.busiest.text == f"{100 * told['busiest']['mean']:.0f}{THIN}%"
    assert row.alike == f"{100 * told['alike']:.0f}{THIN}%" and told["alike"] < told["busiest"]["mean"]
    assert (row.each.text, row.mean.text) == (f"1.5{THIN}d", f"0.29{THIN}d")
    assert row.never.why.startswith(f"{told['n'] - told['positive']:,} of the 7,094 members who saw B")
    assert f"{100 * told['busiest']['interval']['low']:.0f}{THIN}%" in row.busiest.why
    assert row.never.id == "counts-active_days-b-never"


def test_where_hardly_anybody_did_it_a_tenth_accounts_for_all() -> None:
    (part,) = page(sampled_parts.whole_result() | {"counts": sampled_parts.counts(mean=0.03)}).part("counts")
    assert {(row.busiest.text, row.alike) for row in part.rows} == {("all", "")}
    assert "between" not in part.rows[0].busiest.why, "no interval where a tenth accounts for all"


@pytest.mark.parametrize(("found", "said"), [(sampled_parts.no_counts(), "2 of 102 members of B did it;")])
def test_counts_of_which_nothing_can_be_said_say_why(found, said) -> None:
    (part,) = page(with_part("counts", found)).part("counts")
    assert not part.rows and part.not_shown.startswith(said)


def test_its_prior_is_named_with_what_it_is_for() -> None:
    from analysis.priors import NEGATIVE_BINOMIAL_WEAK
    from experiments.reporting.sentences.wording import Wording

    result = sampled_parts.whole_result()
    result["provenance"]["priors"]["counts"] = Wording().worded(NEGATIVE_BINOMIAL_WEAK.to_dict())
    told = [value for label, value in provenance.provenance(fixtures.reading(result)) if label == "Prior"]
    (own,) = [line for line in told if line.startswith("negative binomial weak")]
    assert own.endswith("actions per member.")
