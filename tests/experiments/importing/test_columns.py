"""Columns are guessed by their names and by what stands in them; how dates and amounts are read is told."""

import pytest

from experiments.importing.amounts import Amounts
from experiments.importing.column_guesses import guess, key_of, name_of, values
from experiments.importing.values import moment_us

MARKETER = ("member", "group", "seen_at", "country", "clicked", "spent")
ROWS = [
    [f"m{n}", ("old", "new")[n % 2], f"2026-10-0{n % 9 + 1} 10:00:00", ("DE", "AT")[n % 2], "01"[n % 5 == 0], paid]
    for n, paid in enumerate(["", "19.90", "", "", "0", "5.00", "", ""])
]


def roles(kind: str, header: tuple[str, ...], rows: list[list[str]]) -> dict[str, str]:
    return dict(zip(header, guess(kind, header, rows), strict=True))


def test_a_marketers_file_is_understood_as_it_is() -> None:
    assert roles("members", MARKETER, ROWS) == {
        "member": "unit",
        "group": "variant",
        "seen_at": "exposed_at",
        "country": "segment",
        "clicked": "outcome:click",
        "spent": "outcome:purchase",
    }


def test_content_decides_where_no_name_is_known() -> None:
    header = ("id", "arm", "first contact", "basket", "x", "note")
    rows = [[str(n), "ab"[n % 2], f"0{n + 1}.03.2026", money, money, f"n{n}"] for n, money in enumerate("0" * 5)]
    rows[2][3] = "12,50"
    assert roles("members", header, rows) == {
        "id": "unit",
        "arm": "variant",
        "first contact": "exposed_at",
        "basket": "outcome:purchase",
        "x": "attribute",  # only zeros: unsure
        "note": "attribute",  # differs in every row: no split
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
def test_content_that_speaks_against_a_name_wins(name: str, cells: list[str]) -> None:
    rows = [[f"m{n}", "ab"[n % 2], cell] for n, cell in enumerate(cells)]
    assert roles("members", ("member", "group", name), rows)[name] in ("attribute", "segment")


def test_covariates_of_zero_and_one_stay_attributes() -> None:
    header = ("id", "arm", "newbie", "age", "zip")
    rows = [[str(n), "ab"[n % 2], "01"[n % 2], str(30 + n % 3), "1010"] for n in range(6)]
    assert set(guess("members", header, rows)[2:]) == {"attribute"}


def test_a_split_has_two_to_thirty_levels_and_there_are_eight_at_most() -> None:
    header = ("id", "arm", "many", "one", *(f"level_{n}" for n in range(9)))
    rows = [[str(n), "ab"[n % 2], f"t{n % 31}", "same", *["xy"[n % 2]] * 9] for n in range(100)]
    found = roles("members", header, rows)
    assert (found["many"], found["one"]) == ("attribute", "attribute")
    assert list(found.values()).count("segment") == 8


def test_events_and_counts_are_guessed_too() -> None:
    rows = [["m1", "click", "06.03.2026 14:05", ""]]
    found = roles("events", ("member", "action", "moment of it", "spent"), rows)
    assert found == {"member": "unit", "action": "type", "moment of it": "at", "spent": "value"}
    found = roles("counts", ("version", "recipients", "Unique clicks"), [["a", "100", "12"]])
    assert found == {"version": "variant", "recipients": "members", "Unique clicks": "successes"}


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (["06.03.2026"], "06.03.2026 is read as 6 March 2026"),
        (["", "06.03.2026 14:05"], "06.03.2026 14:05 is read as 6 March 2026, 14:05"),
        (["0", "120,50"], "120,50 is read as 120.50"),
        (["2026-03-06"], ""),
        (["19.90"], ""),
        (["DE"], ""),
    ],
)
def test_what_could_be_misread_is_told(cells: list[str], note: str) -> None:
    assert values(("x",), [[cell] for cell in cells])[0].note == note


def test_a_date_with_slashes_is_refused_with_its_remedy() -> None:
    assert "day and month cannot be told apart" in values(("x",), [["03/06/2026"]])[0].note
    with pytest.raises(ValueError, match="'03/06/2026' can be read day first or month first; write the date like 2026"):
        moment_us("03/06/2026")


def test_dates_with_dots_are_read_day_first() -> None:
    assert moment_us("06.03.2026 14:05") == moment_us("2026-03-06T14:05:00Z")
    assert moment_us("6.3.2026") == moment_us("2026-03-06")
    with pytest.raises(ValueError, match="no date or time"):
        moment_us("31.02.2026")


def test_amounts_with_a_decimal_comma_are_read_exactly() -> None:
    column = Amounts()
    assert [column.micro(text, 2) for text in ("120,50", "0", "1.234,56", "-3,5")] == [
        120_500_000,
        0,
        1_234_560_000,
        -3_500_000,
    ]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("19.90", "120,50"), "'120,50' has a decimal comma, but '19.90' on line 2 has a decimal point"),
        (("120,50", "19.90"), "'19.90' has a decimal point, but '120,50' on line 2 has a decimal comma"),
        (("99,50", "1.234"), "write the whole column in one way"),
        (("1", "1,234"), "'1,234' may be thousands or decimals; write it without its comma, such as 1234"),
    ],
)
def test_a_column_that_mixes_marks_is_refused(texts: tuple[str, str], words: str) -> None:
    column = Amounts()
    column.micro(texts[0], 2)
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        column.micro(texts[1], 3)


def test_key_and_name_begin_with_the_files_name() -> None:
    assert key_of("Hillstrom E-Mail (2008).csv.gz") == "hillstrom-e-mail-2008"
    assert key_of("Größe_1.csv") == "grosse-1"
    assert key_of("日本.csv") == "imported"
    assert name_of("spring_mail.CSV") == "Spring mail"
