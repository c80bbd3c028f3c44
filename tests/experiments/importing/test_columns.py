"""Suggested roles of columns, from their names and values, and how dates and amounts are read."""

import pytest

from experiments.importing.amounts import Amounts
from experiments.importing.columns import column_samples, key_of, name_of, suggest_roles
from experiments.importing.values import attribute, read_moment

MARKETER = ("member", "group", "seen_at", "country", "clicked", "spent")
ROWS = [
    [f"m{n}", ("old", "new")[n % 2], f"2026-10-0{n % 9 + 1} 10:00:00", ("DE", "AT")[n % 2], "01"[n % 5 == 0], paid]
    for n, paid in enumerate(["", "19.90", "", "", "0", "5.00", "", ""])
]


def roles(kind: str, header: tuple[str, ...], rows: list[list[str]]) -> dict[str, str]:
    return dict(zip(header, suggest_roles(kind, header, rows), strict=True))


def test_a_marketers_file_needs_no_mapping() -> None:
    assert roles("members", MARKETER, ROWS) == {
        "member": "unit",
        "group": "variant",
        "seen_at": "exposed_at",
        "country": "segment",
        "clicked": "outcome:click",
        "spent": "outcome:purchase",
    }


def test_values_decide_if_no_name_is_known() -> None:
    header = ("id", "arm", "first contact", "basket", "x", "note")
    rows = [[str(n), "ab"[n % 2], f"0{n + 1}.03.2026", money, money, f"n{n}"] for n, money in enumerate("0" * 5)]
    rows[2][3] = "12,50"
    assert roles("members", header, rows) == {
        "id": "unit",
        "arm": "variant",
        "first contact": "exposed_at",
        "basket": "outcome:purchase",
        "x": "attribute",  # only zeros: ambiguous
        "note": "attribute",  # differs in every row: not a segment
    }


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("clicked", ["yes", "no", "yes"]),
        ("spent", ["a lot", "nothing", "a lot"]),
        ("clicks", ["0.5", "1", "0"]),
        ("seen_at", ["monday", "tuesday", "monday"]),
    ],
)
def test_values_that_contradict_a_name_win(name: str, cells: list[str]) -> None:
    rows = [[f"m{n}", "ab"[n % 2], cell] for n, cell in enumerate(cells)]
    assert roles("members", ("member", "group", name), rows)[name] in ("attribute", "segment")


def test_covariates_of_zero_and_one_stay_attributes() -> None:
    header = ("id", "arm", "newbie", "age", "zip")
    rows = [[str(n), "ab"[n % 2], "01"[n % 2], str(30 + n % 3), "1010"] for n in range(6)]
    assert set(suggest_roles("members", header, rows)[2:]) == {"attribute"}


def test_a_segment_has_2_to_30_levels_and_at_most_8_are_suggested() -> None:
    header = ("id", "arm", "many", "one", *(f"level_{n}" for n in range(9)))
    rows = [[str(n), "ab"[n % 2], f"t{n % 31}", "same", *["xy"[n % 2]] * 9] for n in range(100)]
    suggested = roles("members", header, rows)
    assert (suggested["many"], suggested["one"]) == ("attribute", "attribute")
    assert list(suggested.values()).count("segment") == 8


def test_roles_of_events_and_counts_are_suggested() -> None:
    rows = [["m1", "click", "06.03.2026 14:05", ""]]
    suggested = roles("events", ("member", "action", "moment of it", "spent"), rows)
    assert suggested == {"member": "unit", "action": "type", "moment of it": "at", "spent": "value"}
    suggested = roles("counts", ("version", "recipients", "Unique clicks"), [["a", "100", "12"]])
    assert suggested == {"version": "variant", "recipients": "members", "Unique clicks": "successes"}


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (["06.03.2026"], "06.03.2026 is read as 6 March 2026 in UTC"),
        (["", "06.03.2026 14:05"], "06.03.2026 14:05 is read as 6 March 2026, 14:05 in UTC"),
        (["0", "120,50"], "120,50 is read as 120.50"),
        (["2026-03-06"], "2026-03-06 is read as 6 March 2026 in UTC"),
        (["2026-03-06T00:00Z"], ""),
        (["19.90"], ""),
        (["DE"], ""),
    ],
)
def test_a_note_shows_how_an_ambiguous_value_is_read(cells: list[str], note: str) -> None:
    assert column_samples(("x",), [[cell] for cell in cells])[0].note == note


def test_a_date_with_slashes_is_refused() -> None:
    assert column_samples(("x",), [["03/06/2026"]])[0].note.startswith("03/06/2026 is ambiguous")
    with pytest.raises(ValueError, match="'03/06/2026' is ambiguous"):
        read_moment("03/06/2026")


def test_dates_with_dots_are_read_day_first() -> None:
    assert read_moment("06.03.2026 14:05").us == read_moment("2026-03-06T14:05:00Z").us
    assert read_moment("6.3.2026") == read_moment("2026-03-06")
    with pytest.raises(ValueError, match="'31.02.2026' is not a date"):
        read_moment("31.02.2026")


def test_amounts_with_a_decimal_comma_are_read_exactly() -> None:
    column = Amounts()
    assert [column.micro(text, 2) for text in ("120,50", "0", "1.234,56", "-3,5")] == [
        120_500_000,
        0,
        1_234_560_000,
        -3_500_000,
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("19.90", "120,50"), "'120,50' .* '19.90' on line 2"),
        (("120,50", "19.90"), "'19.90' .* '120,50' on line 2"),
        (("99,50", "1.234"), "'1.234' .* '99,50' on line 2"),
        (("1", "1,234"), "'1,234' .* write 1234"),
    ],
)
def test_a_column_that_mixes_decimal_marks_is_refused(texts: tuple[str, str], message: str) -> None:
    column = Amounts()
    column.micro(texts[0], 2)
    with pytest.raises(ValueError, match=message):
        column.micro(texts[1], 3)


def test_key_and_name_are_suggested_from_the_files_name() -> None:
    assert key_of("Hillstrom E-Mail (2008).csv.gz") == "hillstrom-e-mail-2008"
    assert key_of("Größe_1.csv") == "grosse-1"
    assert key_of("日本.csv") == "imported"
    assert name_of("spring_mail.CSV") == "Spring mail"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("79.80", 79.8), ("40.00", 40.0), ("0", 0), ("-3", -3), ("0.5", 0.5), ("12", 12), ("007", "007"),
        ("1e5", "1e5"), ("+5", "+5"), ("1_000", "1_000"), ("١٢", "١٢"), ("nan", "nan"), ("DE", "DE"), ("", None),
        ("1.2.3", "1.2.3"), ("12345678901234567890", "12345678901234567890"), ("-0", "-0"),
    ],
)  # fmt: skip
def test_an_attribute_is_a_number_where_it_is_written_as_one(text, value):
    """79.80 stayed text, and counted as missing among the numbers of a covariate."""
    found = attribute(text)
    assert (found, type(found)) == (value, type(value))
