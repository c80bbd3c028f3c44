"""Who brought whom, in a per-member file: roots and depths follow, and a chain that cannot be is refused by line."""

import pytest
from sqlmodel import select

from analysis.statistics import CascadeStatistics
from experiments.analyses import inputs
from experiments.analyses.run import analyse
from experiments.catalogue.metrics import metric
from experiments.collect import collect
from experiments.collect.engine import source
from experiments.errors import ImportFailedError
from experiments.importing import Source, bring_in, make_plan
from experiments.importing.column_guesses import guess
from experiments.lifecycle.store import current_run, get
from experiments.storage.database import Database
from experiments.storage.tables import Exposure

HEADER = "unit,variant,exposed_at,brought_by\n"
CHAIN = """root,a,2026-03-01,
friend,a,2026-03-02,root
third,a,2026-03-04,friend
other,a,2026-03-02T12:00:00Z,root
alone,b,2026-03-01,
"""


def bring(database: Database, lines: str, **wishes: object):
    plan = make_plan(**{"kind": "members", "key": "spring", **wishes})
    return bring_in(database, plan, Source("m.csv", content=(HEADER + lines).encode()), currency="EUR", actor="cli")


def test_the_root_and_the_depth_follow_from_who_brought_whom(database):
    bring(database, CHAIN, metrics=["click_rate", "k_factor"])
    with database.read() as session:
        met = {row.unit: row for row in session.exec(select(Exposure))}
        experiment = get(session, "spring")
        run = current_run(session, experiment)
        scope = inputs.scope(experiment, run, inputs.to_us(run.ended_at) + 30 * 86_400_000_000, tolerance_us=0)
    told = {unit: (row.origin, row.brought_by, row.root, row.depth) for unit, row in met.items()}
    assert told == {
        "root": ("randomised", None, None, 0),
        "friend": ("shared", "root", "root", 1),
        "third": ("shared", "friend", "root", 2),
        "other": ("shared", "root", "root", 1),
        "alone": ("randomised", None, None, 0),
    }
    found = collect(source.source(database.url), scope, [metric("click_rate"), metric("k_factor")])
    assert (found.counts, found.shared) == ({"a": 1, "b": 1}, 3)
    assert found.metric_data["k_factor"]["a"] == CascadeStatistics(
        7,
        ((7, 0, 2), (7, 1, 1), (7, 2, 1)),
        delays=((7, 1, 2), (7, 2, 1)),
        sizes=((4, 1),),
        depths=((2, 1),),
    )
    assert found.metric_data["k_factor"]["b"].sizes == ((1, 1),)


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        ("root,a,2026-03-01,\nfriend,a,2026-03-02,nobody\nx,b,2026-03-01,\n", 3, "'nobody', who is no member"),
        ("one,a,2026-03-01,two\ntwo,a,2026-03-01,one\nx,b,2026-03-01,\n", 2, "comes back to itself"),
        ("one,a,2026-03-01,one\nx,b,2026-03-01,\n", 2, "comes back to itself"),
    ],
)
def test_a_chain_that_cannot_be_is_refused_by_its_line(sqlite_url, lines, line, words):
    database = Database(sqlite_url)
    with pytest.raises(ImportFailedError) as caught:
        bring(database, lines)
    assert caught.value.lines[0][0] == line
    assert words in caught.value.lines[0][1] and "leave the cell" in caught.value.lines[0][1]
    with database.read() as session:
        assert session.exec(select(Exposure)).all() == []
    database.close()


def test_who_met_another_variant_than_the_host_was_randomised_and_is_counted_as_a_crossing(database):
    crossed = "met,b,2026-03-03,friend\nlast,b,2026-03-04,met\n"
    bring(database, CHAIN + crossed, metrics=["click_rate", "k_factor"])
    with database.read() as session:
        rows_met = {row.unit: row for row in session.exec(select(Exposure))}
    told = analyse(database, "spring", with_models=False).result
    met, last = rows_met["met"], rows_met["last"]
    assert (met.origin, met.brought_by, met.root, met.depth) == ("randomised", "friend", None, 0)
    assert (last.origin, last.brought_by, last.root, last.depth) == ("shared", "met", "met", 1)
    check = next(one for one in told["health"] if one["check"] == "crossing")
    assert check["value"] == pytest.approx(1 / 3), "of the three who were randomised"
    assert check["status"] == "warn"
    assert told["units"]["shared"] == 4


def test_a_column_of_another_name_is_recognised_and_can_be_named(sqlite_url):
    assert guess("members", ("unit", "variant", "exposed_at", "invited_by"), [])[3] == "brought_by"
    database = Database(sqlite_url)
    content = (HEADER.replace("brought_by", "von") + CHAIN).encode()
    plan = make_plan(kind="members", key="spring", columns={"brought_by": "von"})
    bring_in(database, plan, Source("m.csv", content=content), currency="EUR", actor="cli")
    with database.read() as session:
        assert sum(row.origin == "shared" for row in session.exec(select(Exposure))) == 3
        assert all("von" not in (row.attributes or {}) for row in session.exec(select(Exposure)))
    database.close()


def test_a_file_that_says_who_brought_whom_is_measured_by_it(database):
    bring(database, CHAIN)
    with database.read() as session:
        experiment = get(session, "spring")
        assert {"k_factor", "reach"} <= {experiment.primary_metric, *experiment.metrics}
        assert experiment.primary_metric == "click_rate"
