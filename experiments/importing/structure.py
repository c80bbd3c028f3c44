"""What an import stores beside its members: who brought whom, blocks, and members in two variants."""

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session

from experiments.importing.members import Member
from experiments.importing.staging import Staging
from experiments.storage.tables import AllocationEpoch, MultiExposure, Run, metadata


def store_shares(session: Session, run: Run, members: Sequence[Member]) -> None:
    """Set the parents afterwards, so that the bulk insert that all rows use stays fast."""
    brought = [
        {
            "of_run": run.id,
            "of_unit": member.unit,
            "brought_by": member.brought_by,
            "root": member.root,
            "depth": member.depth or 0,
        }
        for member in members
        if member.brought_by
    ]
    if brought:
        table = metadata.tables["exposure"]
        row = (table.c.run_id == bindparam("of_run")) & (table.c.unit == bindparam("of_unit"))
        session.connection().execute(update(table).where(row), brought)


def store_blocks(session: Session, run: Run, column: str | None, blocks: int, *, started_us: int) -> None:
    """Store blocks as allocation epochs with the run's shares, within which variants are compared."""
    run.imported_block = column
    session.add_all(
        AllocationEpoch(run_id=run.id or 0, number=number, allocation=run.allocation, started_us=started_us)
        for number in range(2, blocks + 1)
    )
    session.flush()


def store_contrary(session: Session, run: Run, staging: Staging) -> None:
    """Record members in two variants as a live run does, so that they are excluded and counted."""
    rows = [
        {"run_id": run.id, "unit": unit, "variant": variant, "at_us": at_us, "received_us": at_us}
        for unit, variant, at_us in staging.in_two_variants()
    ]
    if rows:
        session.execute(insert(MultiExposure), rows)
