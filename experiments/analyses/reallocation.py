"""Opening the next allocation epoch: who comes from now on is shared out as the newest analysis proposes."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from experiments.analyses.answer import Answer
from experiments.assignment import bucketing
from experiments.assignment.configuration import touch
from experiments.assignment.epochs import Epoch, epochs_of
from experiments.lifecycle.store import current_run, lock
from experiments.storage import audit
from experiments.storage.tables import AllocationEpoch, Analysis, Experiment, Run

HOUR_US = 3_600_000_000


def open_next(session: Session, analysis: Analysis, *, now_us: int) -> Epoch | None:
    """Open the next epoch with the shares that an analysis proposes, where all is as it must be.

    The caller's transaction stores the analysis too: the shares and what they rest on are there together or not at all.

    Parameters
    ----------
    now_us
        When the epoch begins, microseconds UTC.

    Returns
    -------
    Epoch or None
        None where the weights are fixed, the experiment does not run, the present epoch is not old enough, the shares
        are the same, or the analysis proposes none: a health check failed, or a variant has too few members.
    """
    allocation = Answer.from_dict(analysis.result).allocation
    experiment = session.get(Experiment, analysis.experiment_id)
    if allocation is None or allocation.next is None or experiment is None or experiment.allocation is None:
        return None
    lock(session, experiment)  # it may be paused or stopped at this very moment
    run = current_run(session, experiment)
    if run is None or not _goes_on(experiment, run, analysis):
        return None
    newest = epochs_of(session, run)[-1]
    if now_us < newest.started_us + experiment.allocation["every_hours"] * HOUR_US:
        return None
    epoch = Epoch(newest.number + 1, _allocated(newest, allocation.next), now_us, analysis.id)
    if epoch.edges == newest.edges:
        return None  # the same buckets would get the same variants: there is nothing to tell apart
    _store(session, experiment, run, epoch)
    return epoch


def _goes_on(experiment: Experiment, run: Run, analysis: Analysis) -> bool:
    """Whether members still come to the very run that was analysed."""
    open_run = run.ended_at is None and run.id == analysis.run_id
    return open_run and experiment.state == "running" and not experiment.imported


def _allocated(before: Epoch, shares: Mapping[str, float]) -> list[list[Any]]:
    """The shares with their edges, in the order of the run: a bucket is looked up in that order."""
    keys = list(before.weights)
    weights = [float(shares[key]) for key in keys]
    return [list(row) for row in zip(keys, weights, bucketing.edges(weights), strict=True)]


def _store(session: Session, experiment: Experiment, run: Run, epoch: Epoch) -> None:
    session.add(
        AllocationEpoch(
            run_id=run.id or 0,
            number=epoch.number,
            allocation=epoch.allocation,
            started_us=epoch.started_us,
            analysis_id=epoch.analysis_id,
        )
    )
    audit.record(
        session,
        actor="worker",
        action="experiment:reallocate",
        experiment=experiment,
        run=run.number,
        epoch=epoch.number,
        weights=epoch.weights,
        analysis=epoch.analysis_id,
    )
    touch(session)
