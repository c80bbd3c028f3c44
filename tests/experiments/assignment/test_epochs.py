"""Epochs of an adaptive run: their start, their effect on new members only, and their publication."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from analysis.messages import message
from experiments.analyses.allocation import AllocationResult
from experiments.analyses.inputs import to_us
from experiments.analyses.reallocation import HOUR_US, open_next
from experiments.analyses.run import new_id
from experiments.assignment.assign import assign
from experiments.assignment.bucketing import bucket, pick
from experiments.assignment.configuration import LiveExperiment, LiveVariant, PastEpoch, load, read_version
from experiments.assignment.eligibility import STALE_US, chosen_by_client
from experiments.assignment.epochs import KEPT, epochs_of
from experiments.assignment.request import AssignmentRequest
from experiments.ingestion.events import check_events
from experiments.ingestion.fields import EventLimits
from experiments.ingestion.writer import Writer
from experiments.lifecycle import store, transitions
from experiments.lifecycle.document import document_of, timestamp
from experiments.lifecycle.editing import new_run
from experiments.settings import settings
from experiments.storage.tables import AllocationEpoch, Analysis, AuditEntry, Exposure, MultiExposure
from tests.experiments.analyses.documents import RATES, answered
from tests.web.api.calls import make_experiment

ADAPTIVE = {"allocation": {"method": "thompson", "floor": 0.05, "every_hours": 24}}
WHOLE = answered({"click_rate": RATES})
"""The result of an analysis, to which the tests add their shares."""

UNITS = [f"u-{number}" for number in range(2000)]


def propose(session, shares, *, key="spring") -> Analysis:
    """An analysis of the newest run that proposes these shares."""
    experiment = store.get(session, key)
    run = store.current_run(session, experiment)
    proposal = AllocationResult("thompson", 0.05, 24, (), shares, None, message("note.allocation_bias"))
    row = Analysis(
        id=new_id(), experiment_id=experiment.id, run_id=run.id, cut_off_us=0, decision="keep_running",
        result=WHOLE | {"allocation": proposal.to_dict()}, inputs={}, drawing={},
    )  # fmt: skip
    session.add(row)
    return row


def reallocate(database, shares, *, after_hours=24.0):
    """Open the next epoch so long after the present one began; the epoch, or None."""
    with database.write() as session:
        run = store.current_run(session, store.get(session, "spring"))
        now_us = epochs_of(session, run)[-1].started_us + round(after_hours * HOUR_US)
        return open_next(session, propose(session, shares), now_us=now_us)


def live(database) -> LiveExperiment:
    with database.read() as session:
        return load(session).of(1).experiments["spring"]


def test_the_first_epoch_has_the_runs_allocation(database):
    make_experiment(database, **ADAPTIVE)
    with database.read() as session:
        run = store.current_run(session, store.get(session, "spring"))
        (first,) = epochs_of(session, run)
    assert (first.number, first.weights, first.edges) == (1, {"a": 0.5, "b": 0.5}, (5000, 10_000))
    assert first.started_us == to_us(run.started_at)
    assert (live(database).epoch, live(database).past_epochs) == (1, ())


def test_an_analysis_starts_the_next_epoch_in_every_process(database):
    make_experiment(database, **ADAPTIVE)
    with database.read() as session:
        before = read_version(session)
    opened = reallocate(database, {"a": 0.2, "b": 0.8})
    assert (opened.number, opened.edges) == (2, (2000, 10_000))
    now = live(database)
    assert (now.epoch, now.edges) == (2, (2000, 10_000))
    assert now.past_epochs == (PastEpoch(1, (5000, 10_000), opened.started_us),)
    with database.read() as session:
        assert read_version(session) > before
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "worker:experiment:reallocate")).one()
        assert entry.detail["weights"] == {"a": 0.2, "b": 0.8}
        assert entry.detail["analysis"] == opened.analysis_id


@pytest.mark.parametrize(
    ("why", "shares", "hours", "fields"),
    [
        ("too early", {"a": 0.2, "b": 0.8}, 23.99, ADAPTIVE),
        ("nothing proposed", None, 30, ADAPTIVE),
        ("the very same shares", {"a": 0.5, "b": 0.5}, 30, ADAPTIVE),
        ("fixed weights", {"a": 0.2, "b": 0.8}, 30, {}),
    ],
)
def test_no_epoch_starts_without_a_reason(database, why, shares, hours, fields):
    make_experiment(database, **fields)
    assert reallocate(database, shares, after_hours=hours) is None
    assert live(database).epoch == 1


@pytest.mark.parametrize("change", [transitions.pause, transitions.stop])
def test_no_epoch_starts_while_the_experiment_does_not_run(database, change):
    make_experiment(database, **ADAPTIVE)
    with database.write() as session:
        change(session, store.get(session, "spring"), actor="cli")
    assert reallocate(database, {"a": 0.2, "b": 0.8}) is None


def test_a_paused_run_resumes_with_its_epoch(database):
    make_experiment(database, **ADAPTIVE)
    reallocate(database, {"a": 0.2, "b": 0.8})
    with database.write() as session:
        transitions.pause(session, store.get(session, "spring"), actor="cli")
        transitions.resume(session, store.get(session, "spring"), actor="cli")
    assert (live(database).epoch, live(database).edges) == (2, (2000, 10_000))


def test_a_new_run_starts_with_its_first_epoch(database):
    make_experiment(database, **ADAPTIVE)
    reallocate(database, {"a": 0.2, "b": 0.8})
    with database.write() as session:
        late = propose(session, {"a": 0.1, "b": 0.9})
        new_run(session, store.get(session, "spring"), {"a": 0.3, "b": 0.7}, actor="cli")
        assert open_next(session, late, now_us=2 * late.cut_off_us + 10**17) is None
    now = live(database)
    assert (now.run_number, now.epoch, now.edges, now.past_epochs) == (2, 1, (3000, 10_000), ())


def test_only_the_newest_epochs_are_cached(database):
    make_experiment(database, **ADAPTIVE)
    for number in range(KEPT + 5):
        assert reallocate(database, {"a": 0.2 + number / 50, "b": 0.8 - number / 50}) is not None
    now = live(database)
    assert now.epoch == KEPT + 6
    assert [epoch.number for epoch in now.past_epochs] == list(range(KEPT + 5, 5, -1))
    with database.read() as session:
        starts = {row.number: row.started_us for row in session.scalars(select(AllocationEpoch))}
    assert all(epoch.ended_us == starts[epoch.number + 1] for epoch in now.past_epochs)


def test_the_document_lists_the_epochs_with_edges_starts_and_analyses(database):
    make_experiment(database, **ADAPTIVE)
    opened = reallocate(database, {"a": 0.25, "b": 0.75})
    with database.read() as session:
        document = document_of(session, store.get(session, "spring"))
    (run,) = document["assignment"]["runs"]
    first, second = run["epochs"]
    assert first["allocation"] == run["allocation"] and first["analysis"] is None
    assert first["started_at"] == run["started_at"]
    assert second["allocation"][0] == {"variant": "a", "weight": 0.25, "upper_edge": 2500}
    assert (second["number"], second["analysis"]) == (2, opened.analysis_id)
    assert document["run"]["epochs"] == run["epochs"]


# Who comes, and when ------------------------------------------------------------------------------------------------


def test_no_recorded_member_moves_and_each_exposure_keeps_its_epoch(database):
    make_experiment(database, **ADAPTIVE)
    writer, now_us = Writer(database), 1_800_000_000_000_000

    def shown(units) -> dict[str, str]:
        held = live(database)
        requests = {unit: AssignmentRequest(unit, {}) for unit in units}
        return {
            unit: assign([held], request, now_us, recorder=writer, previews={})[0].decision.variant.key
            for unit, request in requests.items()
        }

    before = shown(UNITS[:300])
    reallocate(database, {"a": 0.05, "b": 0.95})
    after = shown(UNITS[:600])
    writer.close()
    assert {unit: after[unit] for unit in before} == before
    new = [after[unit] for unit in UNITS[300:600]]
    assert new.count("b") > 260
    with database.read() as session:
        epochs = {row.unit: row.epoch for row in session.scalars(select(Exposure))}
    assert [epochs[unit] for unit in UNITS[:600]] == [1] * 300 + [2] * 300


VARIANTS = (LiveVariant("a", {}), LiveVariant("b", {}))
CHANGED = 1_800_000_000_000_000
LIVE = LiveExperiment(
    id=1, project_id=1, key="spring", state="running", currency="EUR", variants=VARIANTS, run_id=7,
    run_number=1, seed="seed",
    edges=(2000, 10_000), epoch=3, variant_of={held.key: held for held in VARIANTS},
    past_epochs=(PastEpoch(2, (8000, 10_000), CHANGED), PastEpoch(1, (5000, 10_000), CHANGED - 24 * HOUR_US)),
)  # fmt: skip


def by(edges: tuple[int, ...], unit: str) -> str:
    return "ab"[pick(edges, bucket("seed", unit))]


@pytest.mark.parametrize(
    ("at_us", "edges", "epoch"),
    [
        (CHANGED + 1, (2000, 10_000), 3),
        (CHANGED + STALE_US - 1, (8000, 10_000), 2),  # its cache was not renewed yet
        (CHANGED - HOUR_US, (8000, 10_000), 2),  # it was offline and reports late
        (CHANGED - 30 * HOUR_US, (5000, 10_000), 1),
        (CHANGED - HOUR_US, (2000, 10_000), 3),  # its clock is behind
    ],
)
def test_a_local_assignment_is_accepted_by_edges_the_client_may_have_used(at_us, edges, epoch):
    choices = [chosen_by_client(LIVE, unit, by(edges, unit), at_us) for unit in UNITS]
    assert all(VARIANTS[chosen.position].key == by(edges, unit) for chosen, unit in zip(choices, UNITS, strict=True))
    moved = [by((8000, 10_000), unit) != by((2000, 10_000), unit) for unit in UNITS]
    differing = [chosen.epoch for chosen, has_moved in zip(choices, moved, strict=True) if has_moved]
    assert differing and set(differing) == {epoch}


def test_stale_edges_are_not_accepted():
    unit = next(unit for unit in UNITS if by((8000,), unit) != by((2000,), unit))
    chosen = chosen_by_client(LIVE, unit, by((8000,), unit), CHANGED + STALE_US)
    assert (VARIANTS[chosen.position].key, chosen.epoch) == (by((2000,), unit), 3)


def test_a_reported_epoch_decides():
    for unit in UNITS[:200]:
        chosen = chosen_by_client(LIVE, unit, by((8000,), unit), CHANGED + STALE_US * 10, 2)
        assert (VARIANTS[chosen.position].key, chosen.epoch) == (by((8000,), unit), 2)
        present = chosen_by_client(LIVE, unit, by((2000,), unit), CHANGED - HOUR_US, 3)
        assert present.epoch == 3
        unknown = chosen_by_client(LIVE, unit, by((2000,), unit), CHANGED, 99)
        assert unknown.epoch == 3


def test_a_run_with_one_epoch_has_one_variant_per_unit():
    fixed = replace(LIVE, epoch=1, past_epochs=())
    for unit in UNITS[:50]:
        assert chosen_by_client(fixed, unit, "a", CHANGED).epoch == 1


def test_a_change_of_the_shares_excludes_no_member(database):
    make_experiment(database, **ADAPTIVE)
    early = live(database)
    opened = reallocate(database, {"a": 0.05, "b": 0.95})
    with database.read() as session:
        configuration = load(session).of(1)
    late_us = opened.started_us + STALE_US // 2  # a day ahead: the run began a moment ago
    at = timestamp(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=late_us))
    raws = [
        {"id": unit, "unit": unit, "type": "exposure", "at": at, "experiment": "spring",
         "properties": {"variant": early.variants[pick(early.edges, bucket(early.seed, unit))].key}}
        for unit in UNITS[:200]
    ]  # fmt: skip
    checked = check_events(raws, now_us=late_us, limits=EventLimits.of(settings()), configuration=configuration)
    assert checked.rejected == []
    writer = Writer(database)
    writer.append_events(checked.rows, checked.offers)
    writer.close()
    with database.read() as session:
        assert session.scalars(select(MultiExposure)).all() == []
        rows = session.scalars(select(Exposure)).all()
    assert {row.epoch for row in rows} == {1, 2}
    assert all(row.variant == raws[UNITS.index(row.unit)]["properties"]["variant"] for row in rows)
