"""Allocation epochs: periods of a run with constant weights for new members.

Epoch 1 has the run's allocation and no row in the table. All epochs use the run's seed, so that only the edges change.
Members with a recorded exposure keep their variant; an epoch applies to members who arrive after its start.
`experiments.analyses.reallocation` starts the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from experiments.storage.tables import AllocationEpoch, Run

KEPT = 8
"""Number of past epochs that are cached, for late reports of clients that assign locally."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """A period of a run with constant weights.

    Attributes
    ----------
    number : int
        From 1 on.
    allocation : list of [str, float, int]
        Variant, share, upper bucket edge, in the order of the run's own allocation.
    started_us : int
        Its start, microseconds UTC; it ends with the next one or with the run.
    analysis_id : str or None
        The analysis that gave the shares; None for the first.
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
    """Return the first epoch of a run."""
    return Epoch(1, run.allocation, round(run.started_at.timestamp() * 1_000_000))


def epochs_of(session: Session, run: Run) -> list[Epoch]:
    """Return all epochs of a run, oldest first."""
    return epochs_by_run(session, [run])[run.id]


def epochs_by_run(session: Session, runs: Sequence[Run]) -> dict[int | None, list[Epoch]]:
    """Return the epochs of several runs by the run's id, with one query."""
    epochs: dict[int | None, list[Epoch]] = {run.id: [first_epoch(run)] for run in runs}
    if epochs:
        query = select(AllocationEpoch).where(col(AllocationEpoch.run_id).in_(epochs))
        for row in session.exec(query.order_by(col(AllocationEpoch.number))):
            epochs[row.run_id].append(_read(row))
    return epochs


def newest_epochs(session: Session) -> dict[int, list[Epoch]]:
    """Return by run the current epoch and up to `KEPT` before it, oldest first.

    Only runs with more than one epoch are included.
    """
    newest = (
        select(AllocationEpoch.run_id, func.max(AllocationEpoch.number).label("number"))
        .group_by(col(AllocationEpoch.run_id))
        .subquery()
    )
    query = (
        select(AllocationEpoch)
        .join(newest, newest.c.run_id == AllocationEpoch.run_id)
        .where(AllocationEpoch.number >= newest.c.number - KEPT)
        .order_by(col(AllocationEpoch.run_id), col(AllocationEpoch.number))
    )
    epochs: dict[int, list[Epoch]] = {}
    for row in session.exec(query):
        epochs.setdefault(row.run_id, []).append(_read(row))
    return epochs


def _read(row: AllocationEpoch) -> Epoch:
    return Epoch(row.number, row.allocation, row.started_us, row.analysis_id)
