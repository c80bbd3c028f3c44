"""Invalid files: every error is reported by line with a remedy, and nothing is stored."""

import gzip
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlmodel import select

from experiments.errors import ConflictError, ImportFailedError, InvalidError, NotFoundError
from experiments.importing import Source, make_plan, run_import
from experiments.storage.database import Database
from experiments.storage.tables import AuditEntry, Event, Experiment, Exposure, Run, Variant
from tests.snapshots import matches

HEADER = "unit,variant,exposed_at,country\n"
EVENTS = "unit,type,at,value,currency\nu1,click,2026-03-01T12:00:00Z,,\n"
GOOD = HEADER + "u1,old,2026-03-01T10:00:00Z,DE\nu2,new,2026-03-01T11:00:00Z,AT\n"


# A fixed time, so that the parameters, and with them the names of the tests, are the same in every process.
_compressed = partial(gzip.compress, mtime=0)


@pytest.fixture
def database(sqlite_url: str) -> Database:
    return Database(sqlite_url)


def import_file(database: Database, members: str | bytes, events: str | None = None, **options: object):
    content = members.encode() if isinstance(members, str) else members
    second = None if events is None else Source("events.csv", content=events.encode())
    plan = make_plan(**{"kind": "members", "key": "spring", **options})
    return run_import(database, plan, Source("members.csv", content=content), second, currency="EUR", actor="cli")


def nothing_is_stored(database: Database) -> bool:
    with database.read() as session:
        return not any(session.exec(select(table)).first() for table in (Experiment, Run, Exposure, Event, AuditEntry))


INVALID_MEMBERS = (
    "u3,old,2026-03-01",
    "u3,old,03/06/2026,DE",
    "u3,old,yesterday,DE",
    "u3,old,2126-03-01,DE",
    "u3,old,1926-03-01,DE",
    "u3,old,,DE",
    ",old,2026-03-01,DE",
    f"{'u' * 257},old,2026-03-01,DE",
    "u3,,2026-03-01,DE",
    "u\x00,new,2026-03-01,DE",
    "undefined,new,2026-03-01,DE",
    "u3\u200b,new,2026-03-01,DE",
    "u3,new,٢٠٢٦-٠٣-٠١,DE",
    '"u3,new,2026-03-01,DE',
)


@pytest.mark.parametrize("row", INVALID_MEMBERS)
def test_an_invalid_member_is_reported_by_its_line(database: Database, row: str) -> None:
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, GOOD + row + "\n")
    assert [line for line, _ in caught.value.lines] == [4]
    assert "Nothing was imported" in caught.value.detail
    assert nothing_is_stored(database)


INVALID_EVENTS = (
    "u1,purchase,2026-03-02,-5,EUR",
    "u1,purchase,2026-03-02,,EUR",
    "u1,purchase,2026-03-02,5,USD",
    'u1,purchase,2026-03-02,"1,234",EUR',
    'u1,purchase,2026-03-02,"1,5.0",EUR',
    "u1,purchase,2026-03-02,1.1234567,EUR",
    "u1,purchase,2026-03-02,1_000,EUR",
    "u1,purchase,2026-03-02,١٢,EUR",
    "u1,review,2026-03-02,6,",
    "u1,dwell,2026-03-02,9999999,",
    "u1,,2026-03-02,,",
    "u1,exposure,2026-03-02,,",
    "u9,click,2026-03-02,,",
    "u1,click,2026-13-02,,",
)


@pytest.mark.parametrize("row", INVALID_EVENTS)
def test_an_invalid_event_is_reported_by_its_line(database: Database, row: str) -> None:
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, GOOD, EVENTS + row + "\n")
    assert [line for line, _ in caught.value.lines] == [3]
    assert caught.value.detail.startswith("events.csv")
    assert nothing_is_stored(database)


INVALID_FILES = (
    b"",
    b"\n",
    b"customer,group\n1,a\n",
    b"unit,unit,variant,exposed_at\n",
    b"unit,,variant,exposed_at\n",
    HEADER.encode(),
    GOOD.encode("utf-16-le"),
    b"PK\x03\x04 a spreadsheet",
    b"\x89PNG\r\n\x1a\n",
    _compressed(_compressed(GOOD.encode())),
    b"\x1f\x8bno gzip",
    _compressed(GOOD.encode())[:-9],
    b"unit,variant,exposed_at\nu1,a,2026-01-01\nu2,a,2026-01-01\n",
)


@pytest.mark.parametrize("content", INVALID_FILES)
def test_an_unreadable_file_is_refused(database: Database, content: bytes) -> None:
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, content)
    assert caught.value.lines == []
    assert nothing_is_stored(database)


def test_the_messages_of_invalid_files(database: Database) -> None:
    files = [("members.csv", GOOD + row + "\n", None) for row in INVALID_MEMBERS]
    files += [("events.csv", GOOD, EVENTS + row + "\n") for row in INVALID_EVENTS]
    files += [("members.csv", content, None) for content in INVALID_FILES]
    messages = []
    for name, members, events in files:
        with pytest.raises(ImportFailedError) as caught:
            import_file(database, members, events)
        lines = [f"{name}, line {line}: {message}" for line, message in caught.value.lines]
        messages.extend(lines or [caught.value.detail])
    matches("experiments/importing/files", "\n".join(messages))


def test_a_truncated_file_is_reported_with_the_last_line(database: Database) -> None:
    text = GOOD + "".join(f"{hash((n, 'x'))},old,2026-03-01,{hash((n, 'y'))}\n" for n in range(20_000))
    with pytest.raises(ImportFailedError, match=r"damaged after line [\d,]{4,}"):
        import_file(database, _compressed(text.encode())[:-20])


def test_the_first_hundred_errors_are_listed_and_all_are_counted(database: Database) -> None:
    broken = "".join(f"u{number},new,never,DE\n" for number in range(3, 153))
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, GOOD + broken)
    assert len(caught.value.lines) == 100
    assert caught.value.lines[0][0] == 4
    assert "150 errors" in caught.value.detail and "first 100" in caught.value.detail


def test_a_line_feed_inside_quotes_does_not_shift_the_line_numbers(database: Database) -> None:
    text = HEADER + 'u1,old,2026-03-01,"two\nlines"\nu2,new,2026-03-01,DE\nu3,new,soon,DE\n'
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, text)
    assert caught.value.lines[0][0] == 5


def test_latin_1_is_reported_by_line(database: Database) -> None:
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, GOOD.encode() + "u3,new,2026-03-01,Österreich\n".encode("latin-1"))
    assert caught.value.lines[0][0] == 4
    assert "UTF-8" in caught.value.lines[0][1]


def test_a_variant_without_a_weight_is_refused(database: Database) -> None:
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, GOOD + "u3,newer,2026-03-01,DE\n", weights={"old": 1, "new": 1})
    [(line, message)] = caught.value.lines
    assert line == 4 and "'newer'" in message and "old, new" in message


def test_an_unknown_control_is_refused(database: Database) -> None:
    with pytest.raises(ImportFailedError, match="'middle' .* old, new"):
        import_file(database, GOOD, control="middle")
    assert nothing_is_stored(database)


def test_control_and_weights_match_names_in_any_case(database: Database) -> None:
    import_file(database, GOOD, control=" New", weights={"Old": 3, "NEW ": 1})
    with database.read() as session:
        new, old = session.exec(select(Variant).order_by(Variant.position)).all()
    assert new.control and (new.weight, old.weight) == (0.25, 0.75)


def test_two_spellings_of_a_name_are_never_merged(database: Database) -> None:
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, GOOD + "u3,NEW,2026-03-01,DE\n", weights={"old": 1, "New": 1})
    [(line, message)] = caught.value.lines
    assert line == 4 and "'new'" in message and "'NEW'" in message
    with pytest.raises(ImportFailedError, match="'NEW' .* old, new, New"):
        import_file(database, GOOD + "u3,New,2026-03-01,DE\n", control="NEW")


def test_an_existing_key_is_refused_and_the_first_import_is_kept(database: Database) -> None:
    import_file(database, GOOD)
    with pytest.raises(ConflictError, match="Choose another key"):
        import_file(database, GOOD.replace("u1", "x1"))
    with database.read() as session:
        assert session.exec(select(Exposure.unit)).all() == ["u1", "u2"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"key": "No Key"}, "key"),
        ({"currency": "EURO"}, "currency"),
        ({"window_days": 0}, "window_days"),
        ({"metrics": ["fame"]}, "metrics.0"),
        ({"columns": {"who": "unit"}}, "columns"),
        ({"weights": {"old": -1}}, "weights"),
    ],
)
def test_an_invalid_option_is_refused_by_its_field(database: Database, options: dict, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        import_file(database, GOOD, **options)
    assert field in caught.value.fields


@pytest.mark.parametrize(
    ("options", "text", "column", "remedy"),
    [
        ({"outcomes": [("click", "clicks")]}, GOOD, "clicks", "--outcome click=COLUMN"),
        ({"segments": ["town"]}, GOOD, "town", "--segments COLUMN,..."),
        ({"covariate": {"attribute": "past"}}, GOOD, "past", "--covariate COLUMN"),
        ({"where": [[("town", "Bonn")]]}, GOOD, "town", "--where COLUMN=Bonn"),
        ({"columns": {"variant": "arm"}}, GOOD, "arm", "--map variant=COLUMN"),
        ({}, GOOD.replace("exposed_at", "on"), "exposed_at", "--map exposed_at=COLUMN, or --exposed-at TIME"),
    ],
)
def test_a_missing_column_is_refused_with_the_option_that_chooses_it(
    database: Database, options: dict, text: str, column: str, remedy: str
) -> None:
    with pytest.raises(ImportFailedError, match=f"no column '{column}' .* choose another: {remedy}"):
        import_file(database, text, **options)


@pytest.mark.parametrize(
    ("shares", "total"),
    [((0.9, 0.2), "1.1"), ((0.9, 0.11), "1.01"), ((50, 40), "90"), ((0.5, 50), "50.5"), ((1, 1.5), "2.5")],
)
def test_shares_with_another_sum_are_refused(database: Database, shares: tuple, total: str) -> None:
    with pytest.raises(InvalidError) as caught:
        import_file(database, GOOD, weights=dict(zip(("old", "new"), shares, strict=True)))
    assert f"add up to {total}; they must add up to 1 or 100" in caught.value.fields["weights"]


@pytest.mark.parametrize(
    "shares", [(0.5, 0.5), (0.33, 0.33, 0.33), (33.3, 33.3, 33.3), (90, 10), (2, 1), (1 / 3, 2 / 3), (0.17,) * 6]
)
def test_rounded_shares_and_ratios_are_accepted(shares: tuple) -> None:
    weights = {f"v{number}": share for number, share in enumerate(shares)}
    assert make_plan(kind="members", key="spring", weights=weights).weights == weights


def test_a_failure_while_storing_rolls_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.ingestion import events

    def fail(*_: object) -> int:
        raise NotFoundError("the disk failed")

    monkeypatch.setattr(events, "bulk_insert", fail)
    with pytest.raises(NotFoundError):
        import_file(database, GOOD, "unit,type,at\nu1,click,2026-03-01T12:00:00Z\n")
    assert nothing_is_stored(database)


def test_a_file_that_decompresses_above_the_limit_is_refused(database: Database) -> None:
    compressed = _compressed((GOOD + "u3,new,2026-03-01,DE\n" * 10_000).encode())
    plan = make_plan(kind="members", key="spring")
    with pytest.raises(ImportFailedError, match="more than 20,000 characters"):
        run_import(
            database, plan, Source("m.csv.gz", content=compressed), currency="EUR", actor="cli", most_bytes=20_000
        )


def test_a_future_time_of_exposure_is_refused(database: Database) -> None:
    with pytest.raises(InvalidError, match="future"):
        import_file(database, "unit,variant\nu1,a\nu2,b\n", exposed_at=datetime(2126, 1, 1, tzinfo=UTC))
