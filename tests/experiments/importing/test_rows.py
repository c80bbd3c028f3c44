"""Every row of a file is used, or set aside for a reason that is counted."""

import json
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from experiments.analyses.run import analyse
from experiments.importing import Source, make_plan, run_import
from experiments.importing.csv_file import LineErrors
from experiments.importing.run import _read_members
from experiments.importing.staging import Staging
from experiments.importing.values import Clock
from experiments.importing.variants import Variants
from experiments.storage.database import Database
from experiments.storage.tables import Event, Exposure, MultiExposure

HEADER = "unit,variant,exposed_at,country,click\n"


def import_file(database: Database, members: str, **options: object):
    plan = make_plan(**{"kind": "members", "key": "spring", "outcomes": [("click", "click")], **options})
    return run_import(
        database, plan, Source("members.csv", content=members.encode()), None, currency="EUR", zone="UTC", actor="cli"
    )


ROW = st.tuples(
    st.integers(0, 12), st.sampled_from("ab"), st.integers(1, 28), st.sampled_from(("DE", "AT")), st.integers(0, 3)
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=150)
@given(st.lists(ROW, min_size=1, max_size=40), st.sampled_from(("auto", "first", "add")), st.booleans())
def test_rows_read_are_rows_used_and_rows_set_aside(rows, repeats: str, filtered: bool) -> None:
    text = HEADER + "".join(f"u{unit},{arm},2026-03-{day:02},{land},{did}\n" for unit, arm, day, land, did in rows)
    plan = make_plan(
        kind="members",
        key="spring",
        outcomes=[("click", "click")],
        repeats=repeats,
        where=[[("country", "DE")]] if filtered else [],
    )
    errors = LineErrors()
    with Staging(errors, LineErrors()) as staging:
        source = Source("members.csv", content=text.encode())
        found = _read_members(source, plan, staging, Variants(), errors, "EUR", Clock("UTC"), None, lambda *_: None)
        members = {member.unit: member for batch in staging.members() for member in batch}
        clicks = staging.types().get("click", 0)
    assert errors.count == 0
    kept = [row for row in rows if not filtered or row[3] == "DE"]
    by_unit = defaultdict(list)
    for row in kept:
        by_unit[f"u{row[0]}"].append(row)
    contrary = {unit for unit, mine in by_unit.items() if len({row[1] for row in mine}) > 1}
    account = found.rows
    assert account.read == len(rows) == account.used + sum(account.aside.values())
    assert account.aside.get("condition", 0) == len(rows) - len(kept)
    assert account.aside.get("two_variants", 0) == sum(len(by_unit[unit]) for unit in contrary)
    assert found.in_two == len(contrary)
    repeated = sum(len(mine) - 1 for unit, mine in by_unit.items() if unit not in contrary)
    assert account.aside.get("repeated", 0) + account.added == repeated
    assert members.keys() == by_unit.keys()
    for unit, mine in by_unit.items():
        assert members[unit].at_us == min(Clock("UTC").us(f"2026-03-{row[2]:02}") for row in mine)
    if repeats == "add":
        assert account.added == repeated and clicks == sum(row[4] for row in kept)
    if repeats == "first":
        assert account.added == 0


def test_a_member_logged_twice_counts_once_from_the_first_exposure(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    body = "".join(f"u{n},{'ab'[n % 2]},2026-03-05,DE,0\n" for n in range(40))
    summary = import_file(database, HEADER + body + "u1,b,2026-03-02,AT,1\nu2,a,2026-03-09,AT,1\n")
    assert summary.members == {"a": 20, "b": 20}
    assert (summary.rows.read, summary.rows.used, dict(summary.rows.aside)) == (42, 40, {"repeated": 2})
    assert summary.rows.unheard == 1  # of u1 the earlier row counts, with its click; of u2 the first row
    with database.read() as session:
        first = session.exec(select(Exposure).where(Exposure.unit == "u1")).one()
        assert first.attributes == {"country": "AT"}
        assert [event.unit for event in session.exec(select(Event))] == ["u1"]


def test_a_member_in_two_variants_is_excluded_and_counted_as_in_a_live_run(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    body = "".join(f"u{n},{'ab'[n % 2]},2026-03-05,DE,{int(n % 3 == 0)}\n" for n in range(400))
    summary = import_file(database, HEADER + body + "".join(f"u{n},a,2026-03-06,DE,1\n" for n in (1, 3, 5)))
    assert (summary.in_two, dict(summary.rows.aside)) == (3, {"two_variants": 6})
    assert summary.members == {"a": 200, "b": 197}
    with database.read() as session:
        rows = session.exec(select(MultiExposure)).all()
    assert sorted((row.unit, row.variant) for row in rows) == [("u1", "a"), ("u3", "a"), ("u5", "a")]
    result = analyse(database, "spring").result
    assert result["units"]["excluded"]["multi_exposed"] == 3
    (check,) = (check for check in result["health"] if check["check"] == "file_rows")
    assert (check["status"], check["value"]) == ("ok", pytest.approx(6 / 403))
    params = json.loads(json.dumps(check["detail"]["params"]))
    assert (params["read"], params["used"]) == (403, 397)


def test_rows_of_observations_are_added_up_to_their_member_and_named(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    body = "".join(f"u{n % 50},{'ab'[n % 2]},2026-0{1 + n // 50}-05,DE,{n // 50}\n" for n in range(200))
    summary = import_file(database, HEADER + body)
    assert summary.members == {"a": 25, "b": 25}
    assert (summary.rows.added, summary.rows.unit, summary.rows.used) == (150, "unit", 200)
    assert (summary.events, summary.uncounted) == ({"click": 50 * (0 + 1 + 2 + 3)}, 0)


def test_conditions_hold_together_and_their_alternatives_singly(sqlite_url: str) -> None:
    body = "".join(f"u{n},{'ab'[n % 2]},2026-03-05,{('DE', 'AT', 'CH')[n % 3]},{n % 2}\n" for n in range(60))
    where = [[("country", "DE"), ("country", "AT")], [("click", "1"), ("click", "0")]]
    summary = import_file(Database(sqlite_url), HEADER + body, where=where)
    assert (summary.rows.read, summary.rows.used, dict(summary.rows.aside)) == (60, 40, {"condition": 20})


def test_more_than_a_thousand_events_of_a_member_are_counted(sqlite_url: str) -> None:
    body = "u0,a,2026-03-05,DE,49854\nu1,b,2026-03-05,DE,3\n"
    assert import_file(Database(sqlite_url), HEADER + body).events == {"click": 49_857}


def test_blank_amounts_are_counted(sqlite_url: str) -> None:
    rows = "u0,a,2026-03-05,DE,\nu1,b,2026-03-05,DE,12.50\nu2,b,2026-03-05,DE,0\nu3,a,2026-03-05,DE,\n"
    summary = import_file(Database(sqlite_url), HEADER + rows, outcomes=[("purchase", "click")])
    assert (summary.events, summary.blanks) == ({"purchase": 1}, {"purchase": 2})
