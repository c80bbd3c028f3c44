"""Numbers, money and times as they stand on screen."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from web.pages.common import formatting

NARROW = "\u202f"


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.135, 1, f"13.5{NARROW}%"), (1, 0, f"100{NARROW}%"), (-0.021, 1, f"−2.1{NARROW}%"), (-1e-4, 1, f"0.0{NARROW}%")],
)
def test_a_share_is_a_percentage_with_a_narrow_space(share, digits, text):
    assert formatting.percent(share, digits) == text


def test_a_lift_always_shows_its_sign_and_zero_is_never_negative():
    assert formatting.signed_percent(0.184) == f"+18.4{NARROW}%"
    assert formatting.signed_percent(-0.02) == f"−2.0{NARROW}%"
    assert formatting.signed_percent(-0.00001) == f"+0.0{NARROW}%"


def test_a_chosen_share_has_no_more_digits_than_it_needs():
    assert [formatting.plain_percent(share) for share in (0.5, 0.3334, 0.125, 1)] == [
        f"{text}{NARROW}%" for text in ("50", "33.34", "12.5", "100")
    ]


def test_money_is_whole_above_a_hundred_and_exact_below():
    assert formatting.money(Decimal("1240.4"), "EUR") == f"€{NARROW}1,240"
    assert formatting.money(0.04, "EUR") == f"€{NARROW}0.04"
    assert formatting.money(-12, "USD") == f"−${NARROW}12.00"
    assert formatting.money(5, "SEK") == f"SEK{NARROW}5.00"


def test_counts_have_commas_and_nothing_is_a_dash():
    assert formatting.count(21306) == "21,306"
    assert (formatting.count(None), formatting.percent(None), formatting.money(None), formatting.when(None)) == (
        "–",
        "–",
        "–",
        "–",
    )
    assert (formatting.plural(1, "member"), formatting.plural(21306, "member")) == ("1 member", "21,306 members")


def test_a_time_is_told_in_the_project_zone_whatever_it_came_as():
    moment = datetime(2026, 11, 23, 8, 12, tzinfo=UTC)
    assert formatting.when(moment, "Europe/Berlin") == "23 Nov 2026, 09:12 Berlin time"
    assert formatting.when(int(moment.timestamp() * 1e6), "America/New_York") == "23 Nov 2026, 03:12 New York time"
    assert formatting.when(moment.replace(tzinfo=None), "UTC") == "23 Nov 2026, 08:12 UTC"
    assert formatting.day(datetime(2026, 11, 23, 23, 30, tzinfo=UTC), "Europe/Berlin") == "24 Nov 2026"


@pytest.mark.parametrize(
    ("seconds", "text"), [(2, "just now"), (40, f"40{NARROW}s ago"), (60, "1 minute ago"), (200_000, "2 days ago")]
)
def test_ages_are_told_in_the_largest_unit_that_fits(seconds, text):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert formatting.ago(int((now.timestamp() - seconds) * 1e6), now) == text


def test_letters_and_colours_follow_the_position():
    assert [formatting.letter(position) for position in (0, 1, 19)] == ["A", "B", "T"]
    assert (formatting.colour(0), formatting.colour(13), formatting.colour_class(2)) == ("var(--v0)", "var(--v1)", "v2")
