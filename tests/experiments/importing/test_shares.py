"""Parents in a members' file: roots and depths are derived, and invalid chains are refused by line."""

import pytest
from sqlmodel import select

from analysis.statistics import CascadeStatistics
from experiments.analyses import inputs
from experiments.analyses.run import analyse
from experiments.catalogue.metrics import metric
from experiments.collect import collect
from experiments.collect.engine import source
from experiments.errors import ImportFailedError
from experiments.importing import Source, make_plan, run_import
from experiments.importing.columns import suggest_roles
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


def import_file(database: Database, lines: str, **options: object):
    plan = make_plan(**{"kind": "members", "key": "spring", **options})
    return run_import(database, plan, Source("m.csv", content=(HEADER + lines).encode()), currency="EUR", actor="cli")


def test_root_and_depth_are_derived_from_the_parents(database):
    import_file(database, CHAIN, metrics=["click_rate", "k_factor"])
    with database.read() as session:
        exposures = {row.unit: row for row in session.exec(select(Exposure))}
        experiment = get(session, "spring")
        run = current_run(session, experiment)
        scope = inputs.scope(experiment, run, inputs.to_us(run.ended_at) + 30 * 86_400_000_000, tolerance_us=0)
    chains = {unit: (row.origin, row.brought_by, row.root, row.depth) for unit, row in exposures.items()}
    assert chains == {
        "root": ("randomised", None, None, 0),
        "friend": ("shared", "root", "root", 1),
        "third": ("shared", "friend", "root", 2),
        "other": ("shared", "root", "root", 1),
        "alone": ("randomised", None, None, 0),
    }
    collected = collect(source.source(database.url), scope, [metric("click_rate"), metric("k_factor")])
    assert (collected.counts, collected.shared) == ({"a": 1, "b": 1}, 3)
    assert collected.metric_data["k_factor"]["a"] == CascadeStatistics(
        7,
        ((7, 0, 2), (7, 1, 1), (7, 2, 1)),
        delays=((7, 1, 2), (7, 2, 1)),
        sizes=((4, 1),),
        depths=((2, 1),),
    )
    assert collected.metric_data["k_factor"]["b"].sizes == ((1, 1),)


@pytest.mark.parametrize(
    ("lines", "line", "parent", "reason"),
    [
        ("root,a,2026-03-01,\nfriend,a,2026-03-02,nobody\nx,b,2026-03-01,\n", 3, "nobody", "not a member"),
        ("one,a,2026-03-01,two\ntwo,a,2026-03-01,one\nx,b,2026-03-01,\n", 2, "two", "loop"),
        ("one,a,2026-03-01,one\nx,b,2026-03-01,\n", 2, "one", "loop"),
    ],
)
def test_an_invalid_chain_is_refused_by_its_line(sqlite_url, lines, line, parent, reason):
    database = Database(sqlite_url)
    with pytest.raises(ImportFailedError) as caught:
        import_file(database, lines)
    assert caught.value.lines[0][0] == line
    assert repr(parent) in caught.value.lines[0][1] and reason in caught.value.lines[0][1]
    with database.read() as session:
        assert session.exec(select(Exposure)).all() == []
    database.close()


def test_a_member_with_another_variant_than_the_parent_is_a_crossing(database):
    crossed = "crosser,b,2026-03-03,friend\nlast,b,2026-03-04,crosser\n"
    import_file(database, CHAIN + crossed, metrics=["click_rate", "k_factor"])
    with database.read() as session:
        exposures = {row.unit: row for row in session.exec(select(Exposure))}
    result = analyse(database, "spring", with_models=False).result
    crosser, last = exposures["crosser"], exposures["last"]
    assert (crosser.origin, crosser.brought_by, crosser.root, crosser.depth) == ("randomised", "friend", None, 0)
    assert (last.origin, last.brought_by, last.root, last.depth) == ("shared", "crosser", "crosser", 1)
    check = next(check for check in result["health"] if check["check"] == "crossing")
    assert check["value"] == pytest.approx(1 / 3), "of the three randomised members"
    assert check["status"] == "warn"
    assert result["units"]["shared"] == 4


def test_a_parents_column_of_another_name_is_suggested_and_can_be_mapped(sqlite_url):
    assert suggest_roles("members", ("unit", "variant", "exposed_at", "invited_by"), [])[3] == "brought_by"
    database = Database(sqlite_url)
    content = (HEADER.replace("brought_by", "von") + CHAIN).encode()
    plan = make_plan(kind="members", key="spring", columns={"brought_by": "von"})
    run_import(database, plan, Source("m.csv", content=content), currency="EUR", actor="cli")
    with database.read() as session:
        assert sum(row.origin == "shared" for row in session.exec(select(Exposure))) == 3
        assert all("von" not in (row.attributes or {}) for row in session.exec(select(Exposure)))
    database.close()


def test_word_of_mouth_is_measured_by_default_if_the_file_has_parents(database):
    import_file(database, CHAIN)
    with database.read() as session:
        experiment = get(session, "spring")
        assert {"k_factor", "reach"} <= {experiment.primary_metric, *experiment.metrics}
        assert experiment.primary_metric == "click_rate"
