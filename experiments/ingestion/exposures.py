"""Exposures: bulk insert, and a cache of the most recent ones."""

from collections.abc import Sequence

from sqlmodel import Session

from experiments.assignment.exposure import ExposureRow, Recorded
from experiments.ingestion import postgres, sqlite


def bulk_insert(session: Session, rows: Sequence[ExposureRow]) -> int:
    """Insert many exposures in the caller's transaction; existing ones are kept.

    Returns
    -------
    int
        The number of new ones.
    """
    session.flush()
    raw = session.connection().connection.driver_connection
    engine = sqlite if session.get_bind().dialect.name == "sqlite" else postgres
    first = {(row.run_id, row.unit): row for row in reversed(rows)}
    return sum(recorded[2] for recorded in engine.insert_exposures(raw, [first[key] for key in sorted(first)]).values())


class KnownExposures:
    """A cache of the most recent exposures of this process; they never change, so it is never stale.

    Parameters
    ----------
    size
        The cache holds between this many and twice as many.
    """

    def __init__(self, size: int = 50_000) -> None:
        self._size = size
        # Two generations: the old one is dropped when the young one is full, which needs neither a lock nor a list.
        self._young: dict[tuple[int, str], tuple[str, str]] = {}
        self._old: dict[tuple[int, str], tuple[str, str]] = {}

    def get(self, run_id: int, unit: str) -> Recorded | None:
        """Return the exposure if it is cached."""
        key = (run_id, unit)
        exposure = self._young.get(key)
        if exposure is None:
            exposure = self._old.get(key)
            if exposure is None:
                return None
            self._young[key] = exposure
        return Recorded(exposure[0], exposure[1], False)

    def put(self, run_id: int, unit: str, variant: str, origin: str) -> None:
        """Cache a committed exposure."""
        if len(self._young) >= self._size:
            self._old = self._young
            self._young = {}
        self._young[(run_id, unit)] = (variant, origin)
