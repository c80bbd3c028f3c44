"""Times without an offset are in the project's zone or the requested one; clock changes are defined and counted."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import InvalidError
from experiments.importing import Source, make_plan, run_import
from experiments.importing.values import read_moment
from experiments.storage.database import Database

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")


def utc(text: str, zone: str) -> tuple[str, str]:
    found = read_moment(text, zone)
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found.us)).isoformat()[:16], found.local


@pytest.mark.parametrize(
    ("text", "expected", "local"),
    [
        ("01.09.2026 10:00", "2026-09-01T08:00", "plain"),
        ("2026-09-01T10:00", "2026-09-01T08:00", "plain"),
        ("2026-09-01", "2026-08-31T22:00", "plain"),
        ("2026-09-01T10:00Z", "2026-09-01T10:00", ""),
        ("2026-09-01T10:00+05:30", "2026-09-01T04:30", ""),
        ("1772323200", "2026-03-01T00:00", ""),
        ("2026-03-29 02:30", "2026-03-29T01:30", "skipped"),  # shown as 03:30 in Berlin
        ("2026-10-25 02:30", "2026-10-25T00:30", "repeated"),  # the first, in summer time
    ],
)
def test_a_time_without_an_offset_is_in_the_zone(text: str, expected: str, local: str) -> None:
    assert utc(text, "Europe/Berlin") == (expected, local)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2026, 10, 31)), st.sampled_from(ZONES))
def test_every_local_time_comes_back_except_skipped_ones_which_move_forward(moment: datetime, zone: str) -> None:
    found = read_moment(moment.isoformat(), zone)
    back = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found.us)).astimezone(ZoneInfo(zone))
    assert (back.replace(tzinfo=None, fold=0) - moment > timedelta(0)) == (found.local == "skipped")
    assert back.replace(tzinfo=None, fold=0) == moment or found.local == "skipped"
    assert back.fold == 0


def bought(database: Database, **options: object):
    rows = "".join(f"u{n},{'ab'[n % 2]},01.09.2026 10:00\n" for n in range(1_000))
    events = "".join(f"u{n},purchase,2026-09-01T08:45:00Z,10\n" for n in range(100))
    plan = make_plan(kind="members", key="zone", primary_metric="purchase_rate", **options)
    return run_import(
        database,
        plan,
        Source("members.csv", content=("unit,variant,exposed_at\n" + rows).encode()),
        Source("events.csv", content=("unit,type,at,value\n" + events).encode()),
        currency="EUR",
        zone="Europe/Berlin",
        actor="cli",
    )


def test_local_exposures_and_events_in_utc_belong_together(sqlite_url: str) -> None:
    summary = bought(Database(sqlite_url))
    assert (summary.events, summary.uncounted) == ({"purchase": 100}, 0)
    assert (summary.times.zone, summary.times.local) == ("Europe/Berlin", 1_000)


def test_the_plan_can_choose_another_zone(sqlite_url: str) -> None:
    summary = bought(Database(sqlite_url), time_zone="UTC")
    assert (summary.times.zone, summary.uncounted) == ("UTC", 100)
    with pytest.raises(InvalidError):
        make_plan(kind="members", key="zone", time_zone="Mars/Olympus")
