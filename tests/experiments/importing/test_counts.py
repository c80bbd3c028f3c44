"""Aggregated counts become a finished experiment too."""

import csv
import gzip
import io

import pytest
from sqlmodel import select

from experiments.errors import ImportFailedError, InvalidError
from experiments.importing import Source, bring_in, make_plan
from experiments.lifecycle import store
from experiments.storage.database import Database
from experiments.storage.tables import ImportedCounts

GOOD = "variant,members,clicks\nold,1000,100\nnew,1010,131\n"


def bring(database: Database, text: str | bytes, **wishes: object):
    content = text.encode() if isinstance(text, str) else text
    columns = {"successes": "clicks"} if b"clicks" in content else {}
    plan = make_plan(**{"kind": "counts", "key": "spring", "columns": columns, **wishes})
    return bring_in(database, plan, Source("counts.csv", content=content), currency="EUR", actor="cli")


def test_counts_are_stored_on_both_engines(database: Database) -> None:
    brought = bring(database, GOOD)
    assert brought.members == {"old": 1000, "new": 1010}
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
def test_the_columns_name_says_what_the_successes_are(sqlite_url: str, column: str, metric: str) -> None:
    database = Database(sqlite_url)
    bring(database, f"variant,members,{column}\na,10,1\nb,10,2\n", columns={"successes": column})
    with database.read() as session:
        assert store.get(session, "spring").primary_metric == metric


def test_successes_of_which_nobody_says_what_they_are_are_asked_about(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    text = "variant,members,successes\na,10,1\nb,10,2\n"
    with pytest.raises(
        ImportFailedError, match="Choose what the successes are .*: .*click_rate, return_rate, share_rate"
    ):
        bring(database, text)
    bring(database, text, metrics=["share_rate"])
    with database.read() as session:
        assert store.get(session, "spring").metrics == ["share_rate"]


def test_totals_without_dates_have_none_and_those_with_dates_keep_them(sqlite_url: str, tmp_path) -> None:
    from datetime import UTC, datetime

    from experiments.analyses.run import analyse

    database = Database(sqlite_url)
    bring(database, GOOD)
    bring(database, GOOD, key="dated", exposed_at="2026-03-01T00:00:00Z", ended_at="2026-03-15T00:00:00Z")
    with database.read() as session:
        run = store.current_run(session, store.get(session, "spring"))
        dated = store.current_run(session, store.get(session, "dated"))
    assert run.started_at == run.ended_at  # the moment of the import, no length of time
    assert (dated.started_at, dated.ended_at) == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 15, tzinfo=UTC))
    unknown, known = analyse(database, "spring"), analyse(database, "dated")
    assert unknown.inputs["plan"]["dates_known"] is False and known.inputs["plan"]["dates_known"] is True
    answers = unknown.result["answer"], known.result["answer"]
    assert [(answer["elapsed_days"], answer["members_per_day"]) for answer in answers] == [
        (None, None),
        (14.0, 2010 / 14),
    ]


def test_one_date_alone_is_asked_to_be_completed() -> None:
    with pytest.raises(InvalidError) as caught:
        make_plan(kind="counts", key="spring", ended_at="2026-03-15T00:00:00Z")
    assert "give both, or neither" in caught.value.fields["exposed_at"]


def test_several_metrics_share_their_members(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    text = "variant,members,successes,metric\n" + "".join(
        f"{variant},500,{count},{metric}\n"
        for variant, count in (("a", 10), ("b", 12))
        for metric in ("share_rate", "negative_rate")
    )
    bring(database, text)
    with database.read() as session:
        stored = store.get(session, "spring")
    assert (stored.primary_metric, stored.metrics, stored.guardrails) == (
        "share_rate",
        ["share_rate"],
        ["negative_rate"],
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("other,100,101", "101 successes are more than the 100 members"),
        ("other,-1,0", "members: '-1' is negative"),
        ("other,10,2.5", "successes: '2.5' is no whole number"),
        ("other,ten,2", "members: 'ten' is no whole number; write a count such as 12, in digits alone"),
        ("other,NaN,2", "members: 'NaN' is no whole number; write a count such as 12, in digits alone"),
        ('other,"1,000",2', "members: '1,000' is no whole number; write a count such as 1000, in digits alone"),
        ("other,1E+30,2", "members: '1E+30' is beyond 1,000,000,000, the most that a count may be; check the number"),
        ("new,1010,131", "already has its click_rate on line 3"),
        (",10,1", "the variant is empty"),
        ("other,10", "2 columns where the header has 3"),
    ],
)
def test_a_broken_line_is_named_with_its_remedy(sqlite_url: str, row: str, words: str) -> None:
    database = Database(sqlite_url)
    with pytest.raises(ImportFailedError) as caught:
        bring(database, GOOD + row + "\n")
    assert caught.value.lines[0][0] == 4
    assert words in caught.value.lines[0][1]
    with database.read() as session:
        assert store.listing(session) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("variant,members,successes,metric\na,10,1,revenue\nb,10,1,revenue\n", "'revenue' is no share of members"),
        (
            "variant,members,successes,metric\na,10,1,click_rate\na,11,1,share_rate\nb,10,1,click_rate\n",
            "had 10 members before and 11 here",
        ),
    ],
)
def test_metrics_must_fit(sqlite_url: str, text: str, words: str) -> None:
    with pytest.raises(ImportFailedError) as caught:
        bring(Database(sqlite_url), text)
    assert words in caught.value.lines[0][1]


def test_a_where_that_finds_nothing_says_so(sqlite_url: str) -> None:
    with pytest.raises(ImportFailedError, match="no row with variant = none"):
        bring(Database(sqlite_url), GOOD, where={"variant": "none"})


def test_any_upworthy_test_comes_in_with_its_headlines(sqlite_url: str, shared_data) -> None:
    """A seeded choice of tests, the ones with a line feed in a headline among them."""
    import random

    database = Database(sqlite_url)
    content = (shared_data / "upworthy_tests_dev.csv.gz").read_bytes()
    tests: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(io.StringIO(gzip.decompress(content).decode())):
        tests.setdefault(row["test_id"], []).append(row)
    chosen = random.Random(1).sample(sorted(tests), 6)
    chosen += [test for test, rows in tests.items() if any("\n" in row["headline"] for row in rows)][:2]
    for number, test in enumerate(chosen):
        brought = bring(
            database,
            content,
            key=f"upworthy-{number}",
            columns={"variant": "package", "members": "impressions", "successes": "clicks", "headline": "headline"},
            where={"test_id": test},
        )
        assert brought.members == {row["package"]: int(row["impressions"]) for row in tests[test]}
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


def test_a_line_a_day_is_one_fault_that_says_to_add_the_days_up(sqlite_url: str) -> None:
    days = "".join(f"{variant},1000,{100 + day}\n" for day in range(36) for variant in ("old", "new"))
    with pytest.raises(ImportFailedError, match="add the days up to one line a variant") as caught:
        bring(Database(sqlite_url), "variant,members,clicks\n" + days)
    assert "has 36 lines for the click_rate of the variant 'old'" in caught.value.detail
    assert caught.value.lines == []


def test_a_variant_without_members_is_not_said_to_be_in_weights_that_nobody_gave(sqlite_url: str) -> None:
    text = GOOD + "other,0,0\n"
    with pytest.raises(ImportFailedError, match="'other' has no members; leave its lines out of the file or add"):
        bring(Database(sqlite_url), text)
    with pytest.raises(ImportFailedError, match="'other' has no members; leave it out of the weights or add"):
        bring(Database(sqlite_url), text, weights={"old": 1, "new": 1, "other": 1})
