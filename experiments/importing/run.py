"""From files to a stored experiment: read everything, then store everything, and report how far it has come."""

from collections.abc import Callable

from sqlmodel import Session

from experiments.catalogue.event_types import KNOWN, meant
from experiments.errors import ConflictError, ImportFailedError, NotFoundError
from experiments.importing.counts import read_counts
from experiments.importing.members import EventReader, Faults, MemberReader, Variants, type_fault
from experiments.importing.plan import Plan
from experiments.importing.reading import Problems, Source, Table
from experiments.importing.spool import Spool
from experiments.importing.store import BroughtIn, Report, store_counts, store_members
from experiments.lifecycle import store
from experiments.storage.database import Database

_READING = 0.6  # of the whole work, by measurement; the rest is storing
_REPORT_EVERY = 2_000


def _silent(_fraction: float, _message: str) -> None:
    pass


def bring_in(
    database: Database,
    plan: Plan,
    source: Source,
    events: Source | None = None,
    *,
    currency: str,
    actor: str,
    report: Report = _silent,
    report_storing: Report = _silent,
    then: Callable[[Session, BroughtIn], None] = lambda _session, _brought: None,
    most_bytes: int | None = None,
) -> BroughtIn:
    """Bring a finished experiment in.

    Parameters
    ----------
    database
        Where it goes; written to in one transaction at the end.
    plan
        What the columns mean and what the experiment is called.
    source, events
        The members' or counts' file, and the events' file of members.
    currency
        ISO 4217; of amounts where the plan names none.
    actor
        Who asks, for the audit trail.
    report
        Called with a fraction from 0 to 1 and a sentence, outside of any transaction.
    report_storing
        The same while storing: called inside the one write transaction, so it must not write to the database.
    then
        Called at the end of that transaction: what it writes is there with the experiment or not at all.
    most_bytes
        Refuse files that unpack to more; none for no bound.

    Raises
    ------
    ImportFailedError
        A file is at fault; ``lines`` says where. Nothing was stored.
    ConflictError
        An experiment with this key exists.
    InvalidError
        The plan asks for what cannot be, such as an unknown metric.
    """
    with database.read() as session:
        refuse_early(session, plan)
    if plan.kind == "counts":
        counts = read_counts(source, plan, most_bytes=most_bytes)
        report(_READING, f"Read {len(counts.cells):,} rows")
        with database.write() as session:
            brought = store_counts(session, plan, counts, actor=actor)
            then(session, brought)
        return brought
    currency = plan.currency or currency
    members, happenings = Problems(), Problems()
    variants = Variants(tuple(plan.weights))
    with Spool(members, happenings) as spool:
        share = _READING / (1 if events is None else 2)
        _read_members(source, plan, spool, variants, members, currency, most_bytes, _part(report, 0, share))
        if events is not None:
            _read_events(events, plan, spool, happenings, currency, most_bytes, _part(report, share, share))
        spool.finish()
        spool.follow_shares()
        members.raise_if_any(source.name)
        if events is not None:
            spool.report_strangers()
            happenings.raise_if_any(events.name)
        if not spool.counts():
            raise ImportFailedError(_nothing_left(source, plan))
        report(_READING, f"Storing {sum(spool.counts().values()):,} members")
        storing = _part(report_storing, _READING, 1 - _READING)
        with database.write() as session:
            brought = store_members(session, plan, spool, variants, actor=actor, report=storing)
            then(session, brought)
        return brought


def refuse_early(session: Session, plan: Plan) -> None:
    """Refuse what no file can mend, before anything is read; raises as `bring_in` does."""
    for type_, _ in plan.outcomes:
        fault = type_fault(type_)
        if known := meant(type_):
            types = ", ".join(KNOWN)
            fault = f"it is no event type, but nearly {known}; write one of {types}, or a name of its own"
        if fault:
            raise ImportFailedError(f"The outcome {type_!r} cannot be counted: {fault}.")
    try:
        store.get(session, plan.key)
    except NotFoundError:
        return
    message = f"The key {plan.key} is taken; nothing is overwritten. Choose another."
    raise ConflictError(message, fields={"key": message})


def _read_members(
    source: Source,
    plan: Plan,
    spool: Spool,
    variants: Variants,
    problems: Problems,
    currency: str,
    most_bytes: int | None,
    report: Report,
) -> None:
    with Table(source, problems, most_bytes=most_bytes) as table:
        reader = MemberReader(table.header, plan, variants, file_name=source.name, currency=currency)
        for number, (line, row) in enumerate(table.rows(), start=1):
            if number % _REPORT_EVERY == 0:
                report(table.fraction, f"Read {number:,} members")
            if not reader.wanted(row):
                continue
            try:
                member, happenings = reader.read(line, row)
            except Faults as faults:
                for message in faults.messages:
                    problems.add(line, message)
                continue
            spool.add_member(member)
            for happening in happenings:
                spool.add_happening(happening)


def _read_events(
    source: Source,
    plan: Plan,
    spool: Spool,
    problems: Problems,
    currency: str,
    most_bytes: int | None,
    report: Report,
) -> None:
    with Table(source, problems, most_bytes=most_bytes) as table:
        reader = EventReader(table.header, plan, file_name=source.name, currency=currency)
        for number, (line, row) in enumerate(table.rows(), start=1):
            if number % _REPORT_EVERY == 0:
                report(table.fraction, f"Read {number:,} events")
            try:
                spool.add_happening(reader.read(line, row))
            except Faults as faults:
                for message in faults.messages:
                    problems.add(line, message)


def _part(report: Report, begin: float, share: float) -> Callable[[float, str], None]:
    return lambda fraction, message: report(begin + share * fraction, message)


def _nothing_left(source: Source, plan: Plan) -> str:
    if plan.where:
        wish = ", ".join(f"{column} = {value}" for column, value in plan.where.items())
        return f"{source.name} has no row with {wish}; check the value."
    return f"{source.name} has a header but no rows. Add one row per member."
