"""Allocation epochs: the stretches of a run in which new members are shared out by one set of weights.

Epoch 1 has the run's own allocation and no row of its own. The run's seed holds in all of them, so that from one to
the next only the edges move; members with an exposure on record keep their variant, and an epoch is for
those who come after its start. `experiments.analyses.reallocation` opens the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from experiments.storage.tables import AllocationEpoch, Experiment, Run

KEPT = 8
"""So many epochs before the present one are held for clients that report late what they chose by themselves."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One stretch of a run.

    Attributes
    ----------
    number : int
        From 1 on.
    allocation : list of [str, float, int]
        Variant, share, upper bucket edge, in the order of the run's own allocation.
    started_us : int
        When it began, microseconds UTC; it ends with the next one or with the run.
    analysis_id : str or None
        The analysis that the shares were computed from; None for the first.
    """

    number: int
    allocation: list[list[Any]]
    started_us: int
    analysis_id: str | None = None

    @property
    def weights(self) -> dict[str, float]:
        """The share of each variant."""
        return {str(key): float(weight) for key, weight, *_ in self.allocation}

    @property
    def edges(self) -> tuple[int, ...]:
        """The upper bucket edge of each variant."""
        return tuple(int(edge) for _, _, edge in self.allocation)


def first_epoch(run: Run) -> Epoch:
    """The epoch that a run begins with."""
    return Epoch(1, run.allocation, round(run.started_at.timestamp() * 1_000_000))


def epochs_of(session: Session, run: Run) -> list[Epoch]:
    """Every epoch of a run, the first one first."""
    return epochs_by_run(session, [run])[run.id]


def epochs_by_run(session: Session, runs: Sequence[Run]) -> dict[int | None, list[Epoch]]:
    """The epochs of several runs by the run's id, in one query."""
    found: dict[int | None, list[Epoch]] = {run.id: [first_epoch(run)] for run in runs}
    if found:
        wanted = select(AllocationEpoch).where(col(AllocationEpoch.run_id).in_(found))
        for row in session.exec(wanted.order_by(col(AllocationEpoch.number))):
            found[row.run_id].append(_read(row))
    return found


def newest_epochs(session: Session) -> dict[int, list[Epoch]]:
    """What assignment must know: by run the present epoch and up to `KEPT` before it, the oldest first.

    Only runs with more than one epoch are included, and none of archived experiments.
    """
    newest = (
        select(AllocationEpoch.run_id, func.max(AllocationEpoch.number).label("number"))
        .group_by(col(AllocationEpoch.run_id))
        .subquery()
    )
    query = (
        select(AllocationEpoch)
        .join(newest, newest.c.run_id == AllocationEpoch.run_id)
        .join(Run, col(Run.id) == AllocationEpoch.run_id)
        .join(Experiment, col(Experiment.id) == Run.experiment_id)
        .where(AllocationEpoch.number >= newest.c.number - KEPT, Experiment.state != "archived")
        .order_by(col(AllocationEpoch.run_id), col(AllocationEpoch.number))
    )
    found: dict[int, list[Epoch]] = {}
    for row in session.exec(query):
        found.setdefault(row.run_id, []).append(_read(row))
    return found


def _read(row: AllocationEpoch) -> Epoch:
    return Epoch(row.number, row.allocation, row.started_us, row.analysis_id)
