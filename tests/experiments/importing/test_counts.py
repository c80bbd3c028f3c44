"""Import of aggregated counts as a finished experiment."""

import csv
import gzip
import io

import pytest
from sqlmodel import select

from experiments.errors import ImportFailedError, InvalidError
from experiments.importing import Source, make_plan, run_import
from experiments.lifecycle import store
from experiments.storage.database import Database
from experiments.storage.tables import ImportedCounts
from tests.snapshots import matches

GOOD = "variant,members,clicks\nold,1000,100\nnew,1010,131\n"


def import_file(database: Database, text: str | bytes, **options: object):
    content = text.encode() if isinstance(text, str) else text
    columns = {"successes": "clicks"} if b"clicks" in content else {}
    plan = make_plan(**{"kind": "counts", "key": "spring", "columns": columns, **options})
    return run_import(database, plan, Source("counts.csv", content=content), currency="EUR", actor="cli")


def test_counts_are_stored_on_both_engines(database: Database) -> None:
    summary = import_file(database, GOOD)
    assert summary.members == {"old": 1000, "new": 1010}
    with database.read() as session:
        stored = store.get(session, "spring")
        cells = session.exec(select(ImportedCounts).order_by(ImportedCounts.variant)).all()
    assert (stored.state, stored.primary_metric, stored.metrics) == ("stopped", "click_rate", ["click_rate"])
    assert [(cell.variant, cell.metric, cell.members, cell.successes) for cell in cells] == [
        ("new", "click_rate", 1010, 131),
        ("old", "click_rate", 1000, 100),
    ]


@pytest.mark.parametrize(
    ("column", "metric"),
    [("shares", "share_rate"), ("Unique clicks", "click_rate"), ("unsubscribed", "negative_rate")],
)
def test_the_columns_name_gives_the_metric(sqlite_url: str, column: str, metric: str) -> None:
    database = Database(sqlite_url)
    import_file(database, f"variant,members,{column}\na,10,1\nb,10,2\n", columns={"successes": column})
    with database.read() as session:
        assert store.get(session, "spring").primary_metric == metric


def test_successes_without_a_known_metric_are_refused_with_the_choices(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    text = "variant,members,successes\na,10,1\nb,10,2\n"
    with pytest.raises(ImportFailedError, match="'successes' .*: .*click_rate, return_rate, share_rate"):
        import_file(database, text)
    import_file(database, text, metrics=["share_rate"])
    with database.read() as session:
        assert store.get(session, "spring").metrics == ["share_rate"]


def test_totals_have_dates_only_if_they_are_given(sqlite_url: str, tmp_path) -> None:
    from datetime import UTC, datetime

    from experiments.analyses.run import analyse

    database = Database(sqlite_url)
    import_file(database, GOOD)
    import_file(database, GOOD, key="dated", exposed_at="2026-03-01T00:00:00Z", ended_at="2026-03-15T00:00:00Z")
    with database.read() as session:
        run = store.current_run(session, store.get(session, "spring"))
        dated = store.current_run(session, store.get(session, "dated"))
    assert run.started_at == run.ended_at  # the time of the import, a length of 0
    assert (dated.started_at, dated.ended_at) == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 15, tzinfo=UTC))
    unknown, known = analyse(database, "spring"), analyse(database, "dated")
    assert unknown.inputs["plan"]["dates_known"] is False and known.inputs["plan"]["dates_known"] is True
    answers = unknown.result["answer"], known.result["answer"]
    assert [(answer["elapsed_days"], answer["members_per_day"]) for answer in answers] == [
        (None, None),
        (14.0, 2010 / 14),
    ]


def test_one_date_without_the_other_is_refused() -> None:
    with pytest.raises(InvalidError) as caught:
        make_plan(kind="counts", key="spring", ended_at="2026-03-15T00:00:00Z")
    assert list(caught.value.fields) == ["exposed_at"]


def test_several_metrics_share_their_members(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    text = "variant,members,successes,metric\n" + "".join(
        f"{variant},500,{count},{metric}\n"
        for variant, count in (("a", 10), ("b", 12))
        for metric in ("share_rate", "negative_rate")
    )
    import_file(database, text)
    with database.read() as session:
        stored = store.get(session, "spring")
    assert (stored.primary_metric, stored.metrics, stored.guardrails) == (
        "share_rate",
        ["share_rate"],
        ["negative_rate"],
    )


BROKEN_LINES = (
    "other,100,101",
    "other,-1,0",
    "other,10,2.5",
    "other,ten,2",
    "other,NaN,2",
    'other,"1,000",2',
    "other,1E+30,2",
    "new,1010,131",
    ",10,1",
    "other,10",
)
BROKEN_METRICS = (
    "variant,members,successes,metric\na,10,1,revenue\nb,10,1,revenue\n",
    "variant,members,successes,metric\na,10,1,click_rate\na,11,1,share_rate\nb,10,1,click_rate\n",
)


@pytest.mark.parametrize("row", BROKEN_LINES)
def test_an_invalid_line_is_reported_and_nothing_is_stored(sqlite_url: str, row: str) -> None:
    database = Database(sqlite_url)
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, GOOD + row + "\n")
    assert caught.value.lines[0][0] == 4
    with database.read() as session:
        assert store.listing(session) == []


def test_the_messages_of_invalid_lines(sqlite_url: str) -> None:
    texts = [GOOD + row + "\n" for row in BROKEN_LINES] + list(BROKEN_METRICS)
    messages = []
    for text in texts:
        with pytest.raises(ImportFailedError) as caught:
            import_file(Database(sqlite_url), text)
        messages.extend(f"line {line}: {message}" for line, message in caught.value.lines)
    matches("experiments/importing/counts", "\n".join(messages))


def test_a_condition_without_a_matching_row_is_refused(sqlite_url: str) -> None:
    with pytest.raises(ImportFailedError, match="no row with variant = none"):
        import_file(Database(sqlite_url), GOOD, where=[[("variant", "none")]])


def test_upworthy_tests_are_imported_with_their_headlines(sqlite_url: str, shared_data) -> None:
    """A seeded sample of tests, and two with a line feed in a headline."""
    import random

    database = Database(sqlite_url)
    content = (shared_data / "upworthy_tests_dev.csv.gz").read_bytes()
    tests: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(io.StringIO(gzip.decompress(content).decode())):
        tests.setdefault(row["test_id"], []).append(row)
    chosen = random.Random(1).sample(sorted(tests), 6)
    chosen += [test for test, rows in tests.items() if any("\n" in row["headline"] for row in rows)][:2]
    for number, test in enumerate(chosen):
        summary = import_file(
            database,
            content,
            key=f"upworthy-{number}",
            columns={"variant": "package", "members": "impressions", "successes": "clicks", "headline": "headline"},
            where=[[("test_id", test)]],
        )
        assert summary.members == {row["package"]: int(row["impressions"]) for row in tests[test]}
        with database.read() as session:
            stored = store.get(session, f"upworthy-{number}")
            run = store.current_run(session, stored)
            variants = store.variants_of(session, stored)
            cells = {
                cell.variant: cell.successes
                for cell in session.exec(select(ImportedCounts).where(ImportedCounts.run_id == run.id))
            }
        assert cells == {row["package"]: int(row["clicks"]) for row in tests[test]}
        headlines = {row["package"]: " ".join(row["headline"].split()) for row in tests[test]}
        assert {variant.key: variant.content["headline"] for variant in variants} == headlines


def test_a_file_with_a_line_per_day_is_refused_with_one_error(sqlite_url: str) -> None:
    days = "".join(f"{variant},1000,{100 + day}\n" for day in range(36) for variant in ("old", "new"))
    with pytest.raises(ImportFailedError, match="36 lines for click_rate of the variant 'old'") as caught:
        import_file(Database(sqlite_url), "variant,members,clicks\n" + days)
    assert caught.value.lines == []


def test_a_variant_without_members_is_refused_with_a_remedy_that_fits(sqlite_url: str) -> None:
    text = GOOD + "other,0,0\n"
    with pytest.raises(ImportFailedError, match="'other' has no members. Remove its lines from the file"):
        import_file(Database(sqlite_url), text)
    with pytest.raises(ImportFailedError, match="'other' has no members. Remove it from the weights"):
        import_file(Database(sqlite_url), text, weights={"old": 1, "new": 1, "other": 1})
