"""Open the next allocation epoch with the traffic split that the newest analysis proposes."""

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
    """Open the next epoch with the shares that an analysis proposes, if all conditions hold.

    The caller's transaction also stores the analysis, so that shares are never stored without their analysis.

    Parameters
    ----------
    now_us
        Start of the epoch, microseconds UTC.

    Returns
    -------
    Epoch or None
        None if the weights are fixed, the experiment is not running, the current epoch is too recent, the shares are
        the same, or the analysis proposes none: a health check failed, or a variant has too few members.
    """
    allocation = Answer.from_dict(analysis.result).allocation
    experiment = session.get(Experiment, analysis.experiment_id)
    if allocation is None or allocation.next is None or experiment is None or experiment.allocation is None:
        return None
    lock(session, experiment)  # another request may be pausing or stopping it
    run = current_run(session, experiment)
    if run is None or not _is_open(experiment, run, analysis):
        return None
    newest = epochs_of(session, run)[-1]
    if now_us < newest.started_us + experiment.allocation["every_hours"] * HOUR_US:
        return None
    epoch = Epoch(newest.number + 1, _allocation(newest, allocation.next), now_us, analysis.id)
    if epoch.edges == newest.edges:
        return None  # the same buckets get the same variants, so an epoch would change nothing
    _store(session, experiment, run, epoch)
    return epoch


def _is_open(experiment: Experiment, run: Run, analysis: Analysis) -> bool:
    """Return whether the analysed run still exposes new members."""
    open_run = run.ended_at is None and run.id == analysis.run_id
    return open_run and experiment.state == "running" and not experiment.imported


def _allocation(newest: Epoch, shares: Mapping[str, float]) -> list[list[Any]]:
    """Return the shares with their edges, in the order of the run, in which buckets are looked up."""
    keys = list(newest.weights)
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
