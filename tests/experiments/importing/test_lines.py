"""Broken files: every fault is named by its line with what to do, and nothing is half-written."""

import gzip
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlmodel import select

from experiments.errors import ConflictError, ImportFailedError, InvalidError, NotFoundError
from experiments.importing import Source, bring_in, make_plan
from experiments.storage.database import Database
from experiments.storage.tables import AuditEntry, Event, Experiment, Exposure, Run, Variant

HEADER = "unit,variant,exposed_at,country\n"
GOOD = HEADER + "u1,old,2026-03-01T10:00:00Z,DE\nu2,new,2026-03-01T11:00:00Z,AT\n"


# Without the time of day, so that a test is named alike in every process that runs some of them.
_packed = partial(gzip.compress, mtime=0)


@pytest.fixture
def database(sqlite_url: str) -> Database:
    return Database(sqlite_url)


def bring(database: Database, members: str | bytes, events: str | None = None, **wishes: object):
    content = members.encode() if isinstance(members, str) else members
    second = None if events is None else Source("events.csv", content=events.encode())
    plan = make_plan(**{"kind": "members", "key": "spring", **wishes})
    return bring_in(database, plan, Source("members.csv", content=content), second, currency="EUR", actor="cli")


def nothing_is_stored(database: Database) -> bool:
    with database.read() as session:
        return not any(session.exec(select(table)).first() for table in (Experiment, Run, Exposure, Event, AuditEntry))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("u3,old,2026-03-01", "3 columns where the header has 4"),
        ("u3,old,03/06/2026,DE", "write the date like 2026-03-06 (6 March)"),
        ("u3,old,yesterday,DE", "'yesterday' is no date or time; write it like 2026-03-06"),
        ("u3,old,2126-03-01,DE", "'2126-03-01' lies in the future"),
        ("u3,old,1926-03-01,DE", "'1926-03-01' lies before 1970"),
        ("u3,old,,DE", "the moment of exposure is empty"),
        (",old,2026-03-01,DE", "the unit is empty"),
        (f"{'u' * 257},old,2026-03-01,DE", "the unit has 257 characters; 256 is the most"),
        ("u3,,2026-03-01,DE", "the variant is empty"),
        ("u1,new,2026-03-01,DE", "the member 'u1' is already on line 2; keep one of the two"),
        ("u\x00,new,2026-03-01,DE", "no UTF-8 text"),
        ('"u3,new,2026-03-01,DE', "no valid CSV"),
    ],
)
def test_a_broken_member_line_is_named_with_its_remedy(database: Database, row: str, words: str) -> None:
    with pytest.raises(ImportFailedError) as caught:
        bring(database, GOOD + row + "\n")
    assert [line for line, _ in caught.value.lines] == [4]
    assert words in caught.value.lines[0][1]
    assert "Nothing was imported" in caught.value.detail
    assert nothing_is_stored(database)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("u1,purchase,2026-03-02,-5,EUR", "-5 is negative"),
        ("u1,purchase,2026-03-02,,EUR", "a purchase needs a value"),
        ("u1,purchase,2026-03-02,5,USD", "the currency is USD, this experiment counts in EUR"),
        ('u1,purchase,2026-03-02,"1,234",EUR', "may be thousands or decimals; write it without its comma"),
        ('u1,purchase,2026-03-02,"1,5.0",EUR', "is no number; write it as 49.90"),
        ("u1,purchase,2026-03-02,1.1234567,EUR", "more than 6 decimals"),
        ("u1,review,2026-03-02,6,", "not within 1 to 5"),
        ("u1,dwell,2026-03-02,9999999,", "seconds (a week)"),
        ("u1,,2026-03-02,,", "the type is empty"),
        ("u1,exposure,2026-03-02,,", "exposures come from the members' file"),
        ("u9,click,2026-03-02,,", "'u9' is no member in the members' file"),
        ("u1,click,2026-13-02,,", "is no date or time"),
    ],
)
def test_a_broken_event_line_is_named_with_its_remedy(database: Database, row: str, words: str) -> None:
    events = "unit,type,at,value,currency\nu1,click,2026-03-01T12:00:00Z,,\n" + row + "\n"
    with pytest.raises(ImportFailedError) as caught:
        bring(database, GOOD, events)
    assert [line for line, _ in caught.value.lines] == [3]
    assert words in caught.value.lines[0][1]
    assert caught.value.detail.startswith("events.csv")
    assert nothing_is_stored(database)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"customer,group\n1,a\n", "no column 'unit'"),
        (b"unit,unit,variant,exposed_at\n", "names the column 'unit' twice"),
        (b"unit,,variant,exposed_at\n", "a column without a name"),
        (HEADER.encode(), "a header but no rows"),
        (GOOD.encode("utf-16-le"), "UTF-16 without its mark"),
        (b"PK\x03\x04 a spreadsheet", "begins with the bytes of an Excel or other packed spreadsheet"),
        (b"\x89PNG\r\n\x1a\n", "this is no CSV text (it begins with the bytes of a PNG picture)"),
        (_packed(_packed(GOOD.encode())), "packed twice"),
        (b"\x1f\x8bno gzip", "is damaged"),
        (_packed(GOOD.encode())[:-9], "is damaged"),
        (b"unit,variant,exposed_at\nu1,a,2026-01-01\nu2,a,2026-01-01\n", "one variant (a)"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused_in_a_sentence(
    database: Database, content: bytes, words: str
) -> None:
    with pytest.raises(ImportFailedError) as caught:
        bring(database, content)
    assert words in caught.value.detail
    assert nothing_is_stored(database)


def test_a_packed_file_that_breaks_off_later_is_told_with_its_line(database: Database) -> None:
    text = GOOD + "".join(f"{hash((n, 'x'))},old,2026-03-01,{hash((n, 'y'))}\n" for n in range(20_000))
    with pytest.raises(ImportFailedError, match=r"damaged after line [\d,]{4,}"):
        bring(database, _packed(text.encode())[:-20])


def test_all_faults_are_listed_up_to_a_hundred_and_the_rest_is_counted(database: Database) -> None:
    broken = "".join(f"u{number},new,never,DE\n" for number in range(3, 153))
    with pytest.raises(ImportFailedError) as caught:
        bring(database, GOOD + broken)
    assert len(caught.value.lines) == 100
    assert caught.value.lines[0][0] == 4
    assert "150 faults" in caught.value.detail and "50 more" in caught.value.detail


def test_a_line_feed_inside_quotes_does_not_shift_the_line_numbers(database: Database) -> None:
    text = HEADER + 'u1,old,2026-03-01,"two\nlines"\nu2,new,2026-03-01,DE\nu3,new,soon,DE\n'
    with pytest.raises(ImportFailedError) as caught:
        bring(database, text)
    assert caught.value.lines[0][0] == 5


def test_latin_1_is_refused_by_line(database: Database) -> None:
    with pytest.raises(ImportFailedError) as caught:
        bring(database, GOOD.encode() + "u3,new,2026-03-01,Österreich\n".encode("latin-1"))
    assert caught.value.lines[0][0] == 4
    assert "UTF-8" in caught.value.lines[0][1]


def test_a_variant_outside_the_given_weights_is_an_unknown_one(database: Database) -> None:
    with pytest.raises(ImportFailedError) as caught:
        bring(database, GOOD + "u3,newer,2026-03-01,DE\n", weights={"old": 1, "new": 1})
    assert caught.value.lines == [(4, "'newer' is no variant of this experiment; it has old, new")]


def test_a_control_that_is_no_variant_is_refused(database: Database) -> None:
    with pytest.raises(ImportFailedError, match="'middle' is no variant of the file; it has old, new"):
        bring(database, GOOD, control="middle")
    assert nothing_is_stored(database)


def test_a_control_and_weights_are_met_whatever_their_case(database: Database) -> None:
    bring(database, GOOD, control=" New", weights={"Old": 3, "NEW ": 1})
    with database.read() as session:
        new, old = session.exec(select(Variant).order_by(Variant.position)).all()
    assert new.control and (new.weight, old.weight) == (0.25, 0.75)


def test_a_name_in_two_spellings_is_never_put_together(database: Database) -> None:
    with pytest.raises(ImportFailedError) as caught:
        bring(database, GOOD + "u3,NEW,2026-03-01,DE\n", weights={"old": 1, "New": 1})
    assert caught.value.lines == [(4, "the variant 'new' is written 'NEW' here; write it alike in every row")]
    with pytest.raises(ImportFailedError, match="'NEW' is no variant of the file; it has old, new, New"):
        bring(database, GOOD + "u3,New,2026-03-01,DE\n", control="NEW")


def test_a_key_that_exists_is_refused_and_the_first_import_stays(database: Database) -> None:
    bring(database, GOOD)
    with pytest.raises(ConflictError, match="Choose another"):
        bring(database, GOOD.replace("u1", "x1"))
    with database.read() as session:
        assert session.exec(select(Exposure.unit)).all() == ["u1", "u2"]


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"key": "No Key"}, "key"),
        ({"currency": "EURO"}, "currency"),
        ({"window_days": 0}, "window_days"),
        ({"metrics": ["fame"]}, "metrics.0"),
        ({"columns": {"who": "unit"}}, "columns"),
        ({"weights": {"old": -1}}, "weights"),
    ],
)
def test_a_wish_out_of_bounds_is_refused_by_its_field(database: Database, wishes: dict, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        bring(database, GOOD, **wishes)
    assert field in caught.value.fields


@pytest.mark.parametrize(
    ("wishes", "text", "column", "remedy"),
    [
        ({"outcomes": [("click", "clicks")]}, GOOD, "clicks", "--outcome click=COLUMN"),
        ({"segments": ["town"]}, GOOD, "town", "--segments COLUMN,..."),
        ({"covariate": {"attribute": "past"}}, GOOD, "past", "--covariate COLUMN"),
        ({"where": {"town": "Bonn"}}, GOOD, "town", "--where COLUMN=Bonn"),
        ({"columns": {"variant": "arm"}}, GOOD, "arm", "--map variant=COLUMN"),
        ({}, GOOD.replace("exposed_at", "on"), "exposed_at", "--map exposed_at=COLUMN, or .* by --exposed-at TIME"),
    ],
)
def test_a_column_that_is_not_there_is_refused_with_the_option_that_names_it(
    database: Database, wishes: dict, text: str, column: str, remedy: str
) -> None:
    with pytest.raises(ImportFailedError, match=f"no column '{column}' .* say which one it is: {remedy}"):
        bring(database, text, **wishes)


@pytest.mark.parametrize(
    ("shares", "total"),
    [((0.9, 0.2), "1.1"), ((0.9, 0.11), "1.01"), ((50, 40), "90"), ((0.5, 50), "50.5"), ((1, 1.5), "2.5")],
)
def test_shares_that_are_no_whole_are_refused_with_their_sum(database: Database, shares: tuple, total: str) -> None:
    with pytest.raises(InvalidError) as caught:
        bring(database, GOOD, weights=dict(zip(("old", "new"), shares, strict=True)))
    assert f"add up to {total}; make it 1, or 100 in per cent" in caught.value.fields["weights"]


@pytest.mark.parametrize(
    "shares", [(0.5, 0.5), (0.33, 0.33, 0.33), (33.3, 33.3, 33.3), (90, 10), (2, 1), (1 / 3, 2 / 3), (0.17,) * 6]
)
def test_shares_rounded_to_two_digits_and_whole_parts_are_taken(shares: tuple) -> None:
    weights = {f"v{place}": share for place, share in enumerate(shares)}
    assert make_plan(kind="members", key="spring", weights=weights).weights == weights


def test_a_failure_while_storing_leaves_nothing_behind(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.ingestion import events

    def fail(*_: object) -> int:
        raise NotFoundError("the disk is gone")

    monkeypatch.setattr(events, "bulk_insert", fail)
    with pytest.raises(NotFoundError):
        bring(database, GOOD, "unit,type,at\nu1,click,2026-03-01T12:00:00Z\n")
    assert nothing_is_stored(database)


def test_a_huge_unpacked_file_is_refused_where_a_bound_is_given(database: Database) -> None:
    packed = _packed((GOOD + "u3,new,2026-03-01,DE\n" * 10_000).encode())
    plan = make_plan(kind="members", key="spring")
    with pytest.raises(ImportFailedError, match="unpacks to more than 20,000"):
        bring_in(database, plan, Source("m.csv.gz", content=packed), currency="EUR", actor="cli", most_bytes=20_000)


def test_a_future_moment_for_all_is_refused(database: Database) -> None:
    with pytest.raises(InvalidError, match="future"):
        bring(database, "unit,variant\nu1,a\nu2,b\n", exposed_at=datetime(2126, 1, 1, tzinfo=UTC))
