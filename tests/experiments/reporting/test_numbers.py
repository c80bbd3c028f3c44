"""Numbers, money and times in both languages."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from experiments.reporting import numbers, phrases
from experiments.translation import speaking

NARROW = "\u202f"
MOMENT = datetime(2026, 11, 23, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.135, 1, f"13.5{NARROW}%"), (1, 0, f"100{NARROW}%"), (-0.021, 1, f"−2.1{NARROW}%"), (-1e-4, 1, f"0.0{NARROW}%")],
)
def test_a_share_is_a_percentage_with_a_narrow_space(share, digits, text):
    assert numbers.percent(share, digits) == text


def test_a_lift_always_shows_its_sign_and_zero_is_never_negative():
    assert numbers.signed_percent(0.184) == f"+18.4{NARROW}%"
    assert numbers.signed_percent(-0.02) == f"−2.0{NARROW}%"
    assert numbers.signed_percent(-0.00001) == f"+0.0{NARROW}%"


def test_a_lift_in_a_sentence_has_a_decimal_only_below_ten_per_cent():
    assert [phrases.lift(share) for share in (0.18, -0.021)] == [f"+18{NARROW}%", f"−2.1{NARROW}%"]


def test_a_chosen_share_has_no_more_digits_than_it_needs():
    assert [numbers.plain_percent(share) for share in (0.5, 0.3334, 0.125, 1)] == [
        f"{text}{NARROW}%" for text in ("50", "33.34", "12.5", "100")
    ]


def test_money_is_whole_above_a_hundred_and_exact_below():
    assert numbers.money(Decimal("1240.4"), "EUR") == f"€{NARROW}1,240"
    assert numbers.money(0.04, "EUR") == f"€{NARROW}0.04"
    assert numbers.money(-12, "USD") == f"−${NARROW}12.00"
    assert numbers.money(5, "SEK") == f"SEK{NARROW}5.00"


def test_counts_have_commas_and_nothing_is_a_dash():
    assert numbers.count(21306) == "21,306"
    assert {numbers.count(None), numbers.percent(None), numbers.money(None), numbers.when(None)} == {"–"}


def test_a_time_is_written_in_the_project_zone_whatever_it_came_as():
    assert numbers.when(MOMENT, "Europe/Berlin") == "23 Nov 2026, 09:12 Berlin time"
    assert numbers.when(int(MOMENT.timestamp() * 1e6), "America/New_York") == "23 Nov 2026, 03:12 New York time"
    assert numbers.when(MOMENT.replace(tzinfo=None), "UTC") == "23 Nov 2026, 08:12 UTC"
    assert numbers.day(datetime(2026, 11, 23, 23, 30, tzinfo=UTC), "Europe/Berlin") == "24 Nov 2026"


def test_a_time_on_a_known_day_has_no_date():
    assert numbers.time_of_day(MOMENT, "Europe/Berlin", MOMENT.replace(hour=20)) == "09:12 Berlin time"
    assert numbers.time_of_day(MOMENT, "Europe/Berlin", MOMENT.replace(day=25)) == "23 Nov 2026, 09:12 Berlin time"


@pytest.mark.parametrize(
    ("seconds", "text"), [(2, "just now"), (40, f"40{NARROW}s ago"), (60, "1 minute ago"), (200_000, "2 days ago")]
)
def test_an_age_is_in_the_largest_unit_that_fits(seconds, text):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert numbers.ago(int((now.timestamp() - seconds) * 1e6), now) == text


def test_a_chance_never_claims_certainty():
    assert [phrases.chance(p) for p in (1.0, 0.994, 0.94, 0.0)] == [
        f"over 99.9{NARROW}%",
        f"99.4{NARROW}%",
        f"94{NARROW}%",
        f"under 0.1{NARROW}%",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12345.6, "12,346"), (1.234, "1.23"), (-56.78, "−56.8"), (0.001, "under 0.01"), (-0.001, "over −0.01")],
)
def test_a_small_number_has_about_two_figures(value, text):
    assert phrases.small(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.005, "0.5"), (0.01, "1"), (0.125, "12.5"), (1.0, "100"), (1.5, "150"), (9.996, "1,000"), (10.0, "1,000")],
)
def test_a_threshold_is_written_without_an_exponent(share, text):
    assert phrases.threshold(share) == f"{text}{NARROW}%"


@pytest.mark.parametrize(
    ("share", "text"), [(0.81, "81 of 100"), (1.0, "more than 99 of 100"), (0.0, "fewer than 1 of 100")]
)
def test_no_simulation_promises_all_or_none(share, text):
    assert phrases.of_100(share) == text


@pytest.mark.parametrize(("days", "text"), [(7, "1 week"), (35, "5 weeks"), (1, "1 day"), (10, "10 days")])
def test_durations_are_in_weeks_where_they_are_whole(days, text):
    assert phrases.duration(days) == text


def test_amounts_are_in_100_members_or_per_member():
    assert phrases.in_100_members(0.0123) == "1.23 in 100 members"
    assert phrases.in_100_members(0.00001) == "fewer than 0.01 in 100 members"
    assert phrases.per_member(0.5) == "0.50 per member"


def test_a_span_of_time_is_in_hours_below_a_day():
    assert [phrases.length(days) for days in (0.01, 1 / 24, 0.5, 1, 2.5, 120)] == [
        "under an hour",
        "1 hour",
        "12 hours",
        "1 day",
        "2.5 days",
        "120 days",
    ]
    assert [phrases.more_days(days) for days in (1, 4)] == ["1 more day", "4 more days"]


def test_names_are_listed_with_and_or_or():
    assert [numbers.listed(names) for names in ("", "A", "AB", "ABC")] == ["", "A", "A and B", "A, B and C"]
    assert [numbers.either(names) for names in ("A", "AB", "ABC")] == ["A", "A or B", "A, B or C"]


def test_german_has_its_own_marks_months_and_order():
    with speaking("de"):
        assert numbers.count(21306) == "21.306"
        assert numbers.percent(0.135) == f"13,5{NARROW}%"
        assert numbers.signed_percent(-0.02) == f"−2,0{NARROW}%"
        assert numbers.money(-1240.5, "EUR", 2) == f"−1.240,50{NARROW}€"
        assert numbers.clock(MOMENT, "Europe/Berlin") == "23. Nov. 2026, 09:12"
        assert numbers.ago(MOMENT.replace(day=20), MOMENT) == "vor 3 Tagen"
        assert numbers.listed(["A", "B", "C"]) == "A, B und C"
        assert numbers.either(["A", "B"]) == "A oder B"
