"""Exposures in storage: many written at once, and the ones that this process has seen last."""

from collections.abc import Sequence

from sqlmodel import Session

from experiments.assignment.exposure import ExposureRow, Recorded
from experiments.ingestion import postgres, sqlite


def bulk_insert(session: Session, rows: Sequence[ExposureRow]) -> int:
    """Insert many exposures inside the caller's transaction; those that exist stay as they are.

    Returns
    -------
    int
        How many were new.
    """
    session.flush()
    raw = session.connection().connection.driver_connection
    engine = sqlite if session.get_bind().dialect.name == "sqlite" else postgres
    first = {(row.run_id, row.unit): row for row in reversed(rows)}
    return sum(recorded[2] for recorded in engine.insert_exposures(raw, [first[key] for key in sorted(first)]).values())


class KnownExposures:
    """The exposures this process has seen last; they never change, so that the cache is never stale.

    Parameters
    ----------
    size
        Between this many and twice as many are held.
    """

    def __init__(self, size: int = 50_000) -> None:
        self._size = size
        # Two generations: the old one is dropped whole when the young one is full. No lock, no list to reorder.
        self._young: dict[tuple[int, str], tuple[str, str]] = {}
        self._old: dict[tuple[int, str], tuple[str, str]] = {}

    def get(self, run_id: int, unit: str) -> Recorded | None:
        """The exposure, where it is known."""
        key = (run_id, unit)
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is None:
                return None
            self._young[key] = found
        return Recorded(found[0], found[1], False)

    def put(self, run_id: int, unit: str, variant: str, origin: str) -> None:
        """Remember a committed exposure."""
        if len(self._young) >= self._size:
            self._old = self._young
            self._young = {}
        self._young[(run_id, unit)] = (variant, origin)
