"""Import of a members' file as a finished experiment with members, events, run and attributes."""

import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlmodel import select

from experiments.analyses.run import analyse
from experiments.errors import ImportFailedError, InvalidError
from experiments.importing import Source, make_plan, run_import
from experiments.lifecycle import store
from experiments.storage.database import Database
from experiments.storage.tables import Event, Exposure, Variant

MEMBERS = """unit;variant;exposed_at;country;age
u1;Old one;2026-03-01T10:00:00Z;DE;34
u2;New one;2026-03-01 12:00:00+01:00;AT;
u3;New one;1772323200;DE;007
"""
EVENTS = """id,unit,type,at,value
e1,u1,click,2026-03-01T10:00:05Z,
e2,u2,purchase,2026-03-04T00:00:00Z,19.90
e3,u2,view,2026-03-02T13:00:00Z,
e4,u3,click,2026-02-01T00:00:00Z,
e5,u3,click,2026-04-01T00:00:00Z,
"""


def import_file(database: Database, members: str | bytes, events: str | None = None, **options: object):
    content = members.encode() if isinstance(members, str) else members
    second = None if events is None else Source("events.csv", content=events.encode())
    plan = make_plan(**{"kind": "members", "key": "spring", **options})
    return run_import(database, plan, Source("members.csv", content=content), second, currency="EUR", actor="cli")


def test_members_events_run_and_variants_are_stored_on_both_engines(database: Database) -> None:
    summary = import_file(database, MEMBERS, EVENTS, control="New one", segments=["country"])

    assert summary.members == {"Old one": 1, "New one": 2}
    assert summary.events == {"click": 3, "purchase": 1, "view": 1}
    assert summary.uncounted == 2
    with database.read() as session:
        stored = store.get(session, "spring")
        variants = store.variants_of(session, stored)
        run = store.current_run(session, stored)
        exposures = session.exec(select(Exposure).order_by(Exposure.unit)).all()
        events = {event.id.rpartition(":")[2]: event for event in session.exec(select(Event))}
    assert (stored.state, stored.imported, stored.simulated) == ("stopped", True, False)
    assert [(variant.key, variant.name, variant.control) for variant in variants] == [
        ("new-one", "New one", True),
        ("old-one", "Old one", False),
    ]
    assert run.allocation == [["new-one", 0.5, 5000], ["old-one", 0.5, 10000]]
    assert run.started_at == datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
    assert run.ended_at == datetime(2026, 3, 4, 0, 0, tzinfo=UTC)  # the last counted event, without the window after it
    assert [(row.unit, row.variant, row.origin) for row in exposures] == [
        ("u1", "old-one", "randomised"),
        ("u2", "new-one", "randomised"),
        ("u3", "new-one", "randomised"),
    ]
    assert exposures[1].at_us == exposures[0].at_us + 3_600_000_000
    assert [row.attributes for row in exposures] == [
        {"country": "DE", "age": 34},
        {"country": "AT"},
        {"country": "DE", "age": "007"},
    ]
    assert (events["e2"].value_micro, events["e2"].currency, events["e2"].experiment) == (19_900_000, "EUR", "spring")
    assert events["e1"].currency is None


def test_metrics_are_derived_from_the_events(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    import_file(database, MEMBERS, EVENTS)
    with database.read() as session:
        stored = store.get(session, "spring")
    assert stored.primary_metric == "sticky_rate"  # a member was active on a later day
    assert stored.metrics == ["sticky_rate", "click_rate", "return_rate", "purchase_rate", "revenue", "orders"]
    assert stored.guardrails == []


def test_outcomes_of_a_wide_file_are_events_one_second_after_the_exposure(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    wide = "id,arm,visits,spend,hid\n1,a,2,0,0\n2,b,0,12.5,1\n3,b,,,\n"
    summary = import_file(
        database,
        gzip.compress(wide.encode()),
        columns={"unit": "id", "variant": "arm"},
        exposed_at="2026-03-01T00:00:00Z",
        outcomes=[("click", "visits"), ("purchase", "spend"), ("negative", "hid")],
    )
    assert summary.events == {"click": 2, "purchase": 1, "negative": 1}
    with database.read() as session:
        exposures = session.exec(select(Exposure)).all()
        rows = session.exec(select(Event).order_by(Event.unit, Event.type)).all()
        stored = store.get(session, "spring")
    assert {row.at_us - exposures[0].at_us for row in rows} == {1_000_000}
    assert [(row.unit, row.type, row.value_micro) for row in rows] == [
        ("1", "click", None),
        ("1", "click", None),
        ("2", "negative", None),
        ("2", "purchase", 12_500_000),
    ]
    assert stored.primary_metric == "click_rate"
    assert stored.guardrails == ["negative_rate"]
    assert all(row.attributes is None for row in exposures)


def test_weights_set_the_allocation(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    import_file(database, MEMBERS, weights={"Old one": 1, "New one": 3})
    with database.read() as session:
        run = store.current_run(session, store.get(session, "spring"))
    assert run.allocation == [["old-one", 0.25, 2500], ["new-one", 0.75, 10000]]


def test_only_rows_that_meet_the_condition_are_read(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    text = "unit,variant,exposed_at,test\nu1,a,2026-01-01,x\nu2,b,2026-01-01,x\nu3,c,broken,y\n"
    assert import_file(database, text, where=[[("test", "x")]]).members == {"a": 1, "b": 1}


def test_names_with_the_same_slug_get_different_keys(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    text = "unit,variant,exposed_at\nu1,Größe!,2026-01-01\nu2,Grosse,2026-01-01\nu3,日本,2026-01-01\n"
    import_file(database, text)
    with database.read() as session:
        variants = session.exec(select(Variant).order_by(Variant.position)).all()
    assert [(variant.key, variant.name) for variant in variants] == [
        ("grosse", "Größe!"),
        ("grosse-2", "Grosse"),
        ("variant", "日本"),
    ]


def test_importing_a_file_twice_keeps_the_events_apart(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    import_file(database, MEMBERS, EVENTS)
    import_file(database, MEMBERS, EVENTS, key="autumn")
    with database.read() as session:
        by_experiment = [event.experiment for event in session.exec(select(Event))]
    assert by_experiment.count("spring") == by_experiment.count("autumn") == 5


def test_progress_is_reported_up_to_the_end(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    rows = "".join(f"u{number},{'ab'[number % 2]},2026-01-01\n" for number in range(12_000))
    reports: list[tuple[float, str]] = []
    run_import(
        database,
        make_plan(kind="members", key="spring"),
        Source("members.csv", content=("unit,variant,exposed_at\n" + rows).encode()),
        currency="EUR",
        actor="cli",
        report=lambda fraction, message: reports.append((fraction, message)),
        report_storing=lambda fraction, message: reports.append((fraction, message)),
    )
    fractions = [fraction for fraction, _ in reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert "12,000 of 12,000" in reports[-1][1]


def test_repeated_members_are_found_across_batches(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    rows = "".join(f"u{number},{'ab'[number % 2]},2026-01-01\n" for number in range(12_000))
    summary = import_file(database, "unit,variant,exposed_at\n" + rows + "u7,b,2026-01-01\nu8,b,2026-01-01\n")
    assert dict(summary.rows.aside) == {"repeated": 1, "two_variants": 2}


def test_attributes_are_stored_as_json_objects(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    import_file(database, 'unit,variant,exposed_at,note\nu1,a,2026-01-01,"say ""hi"""\nu2,b,2026-01-01,Ü\n')
    with database.read() as session:
        raw = session.connection().exec_driver_sql("SELECT attributes FROM exposure ORDER BY unit").scalars().all()
    assert [json.loads(text) for text in raw] == [{"note": 'say "hi"'}, {"note": "Ü"}]


def test_a_run_without_later_events_ends_with_the_last_exposure(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    rows = "".join(f"u{day},{'ab'[day % 2]},{day:02}.10.2025\n" for day in range(1, 21))
    import_file(database, "unit,variant,exposed_at\n" + rows, window_days=7)
    with database.read() as session:
        stored = store.get(session, "spring")
        run = store.current_run(session, stored)
    assert (run.started_at, run.ended_at) == (datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 10, 20, tzinfo=UTC))
    assert stored.planned_days == 19


def test_decimal_commas_are_read_in_a_wide_file_and_in_events(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    wide = "unit;variant;exposed_at;spent\nu1;a;06.03.2026 14:05;120,50\nu2;b;06.03.2026;0\nu3;b;6.3.2026;1.234,5\n"
    import_file(database, wide, outcomes=[("purchase", "spent")])
    events = "unit;type;at;value\nu1;purchase;07.03.2026 09:00;49,90\n"
    import_file(database, wide, events, key="two")
    with database.read() as session:
        stored = sorted((row.experiment, row.unit, row.value_micro) for row in session.exec(select(Event)))
        first = session.exec(select(Exposure).where(Exposure.unit == "u1")).first()
    assert stored == [("spring", "u1", 120_500_000), ("spring", "u3", 1_234_500_000), ("two", "u1", 49_900_000)]
    assert datetime.fromtimestamp(first.at_us / 1e6, UTC) == datetime(2026, 3, 6, 14, 5, tzinfo=UTC)


def test_utf_16_with_a_byte_order_mark_is_read(sqlite_url: str) -> None:
    text = "unit,variant,exposed_at\nu1,Größe,2026-01-01\nu2,b,2026-01-01\n"
    assert import_file(Database(sqlite_url), text.encode("utf-16")).members == {"Größe": 1, "b": 1}


def test_a_covariate_column_reduces_variance(sqlite_url: str) -> None:
    database, rng = Database(sqlite_url), np.random.default_rng(4)
    age, spent = rng.normal(40, 10, 400), rng.normal(0, 3, 400)
    rows = [f"{i},{'ab'[i % 2]},{max(0.5 * age[i] + spent[i], 0):.2f},{age[i]:.1f}" for i in range(400)]
    import_file(
        database,
        "unit,variant,spend,age\n" + "\n".join(rows) + "\n",
        exposed_at="2026-03-01T00:00:00Z",
        outcomes=[("purchase", "spend")],
        primary_metric="revenue",
        covariate={"attribute": "age"},
    )
    revenue = analyse(database, "spring", with_models=False).result["metrics"][0]
    assert revenue["metric"] == "revenue"
    assert revenue["adjusted"]["covariate"] == {"attribute": "age"}
    explained = np.corrcoef(np.maximum(0.5 * age + spent, 0), age)[0, 1] ** 2
    assert revenue["adjusted"]["variance_reduction"] == pytest.approx(explained, abs=0.02)


def test_events_before_the_exposure_are_a_covariate(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    members = "unit,variant,exposed_at\n" + "".join(f"{i},{'ab'[i % 2]},2026-03-10T00:00:00Z\n" for i in range(60))
    spent = [(i, day, 5 + i + (day == "11" and i % 7)) for i in range(0, 60, 3) for day in ("05", "11")]
    events = "unit,type,at,value\n" + "".join(f"{i},purchase,2026-03-{d}T00:00:00Z,{v}\n" for i, d, v in spent)
    import_file(database, members, events, primary_metric="revenue", covariate={"days_before": 28})
    revenue = analyse(database, "spring", with_models=False).result["metrics"][0]["adjusted"]
    assert revenue["covariate"]["days_before"] == 28
    assert revenue["not_shown"] is None, revenue["not_shown"]
    assert revenue["variance_reduction"] > 0.95


@pytest.mark.parametrize(
    ("options", "column"),
    [
        ({"covariate": {"attribute": "weight"}}, "'weight'"),
        ({"covariate": {"attribute": "unit"}}, "'unit'"),
    ],
)
def test_a_covariate_that_is_not_in_the_file_is_refused(sqlite_url: str, options: dict, column: str) -> None:
    with pytest.raises(ImportFailedError, match=column):
        import_file(Database(sqlite_url), MEMBERS, EVENTS, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "counts", "covariate": {"attribute": "age"}},
        {"covariate": {"attribute": "age", "days_before": 28}},
        {"covariate": {"days_before": 91}},
    ],
)
def test_an_invalid_covariate_is_refused_by_its_field(options: dict) -> None:
    with pytest.raises(InvalidError) as caught:
        make_plan(**{"kind": "members", "key": "spring", **options})
    assert next(iter(caught.value.fields)).startswith("covariate")


def complaining(harm: int) -> str:
    rows = [f"{n},{'ab'[n % 2]},2026-03-01,{int(n % 5 == 0)},{int(n % 2 and n <= 2 * harm)}\n" for n in range(1, 2_001)]
    return "unit,variant,exposed_at,click,negative\n" + "".join(rows)


@pytest.mark.parametrize(
    ("guardrails", "kept", "unwatched", "decision"),
    [(None, ["negative_rate"], 0, "stop_harm"), ([], [], 200, "not_enough_data")],
)
def test_naming_metrics_keeps_the_default_guardrail_unless_it_is_emptied(
    sqlite_url: str, guardrails, kept, unwatched: int, decision: str
) -> None:
    database = Database(sqlite_url)
    summary = import_file(
        database,
        complaining(200),
        outcomes=[("click", "click"), ("negative", "negative")],
        metrics=["click_rate"],
        primary_metric="click_rate",
        control="a",
        guardrails=guardrails,
    )
    with database.read() as session:
        stored = store.get(session, "spring")
    assert (stored.guardrails, stored.metrics, summary.unwatched) == (kept, ["click_rate"], unwatched)
    result = analyse(database, "spring").result
    assert result["verdict"]["decision"] == decision, result["verdict"]
    noted = [check["value"] for check in result["health"] if check["check"] == "unwatched"]
    assert noted == ([float(unwatched)] if unwatched else [])


@pytest.mark.parametrize("key", ["revenue", "return_rate", "half_life", "share_of_signup"])
def test_metrics_that_the_file_cannot_give_are_refused(sqlite_url: str, key: str) -> None:
    with pytest.raises(ImportFailedError) as caught:
        import_file(Database(sqlite_url), complaining(10), outcomes=[("click", "click")], metrics=["click_rate", key])
    assert key in caught.value.detail
