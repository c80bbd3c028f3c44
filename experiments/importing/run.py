"""Run an import: read the files, then store the experiment, and report the progress."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from sqlmodel import Session

from experiments.catalogue.event_types import KNOWN, meant
from experiments.catalogue.metrics import metric
from experiments.errors import ConflictError, ImportFailedError, NotFoundError
from experiments.importing.counts import no_match, read_counts
from experiments.importing.csv_file import LineErrors, Source, Table
from experiments.importing.members import EventReader, MemberReader, RowError, type_error
from experiments.importing.plan import Plan
from experiments.importing.rows import Rows
from experiments.importing.staging import Staging
from experiments.importing.store import ImportSummary, Report, store_counts, store_members
from experiments.importing.values import Clock
from experiments.importing.variants import Variants
from experiments.lifecycle import store
from experiments.storage.database import Database
from experiments.translation import gettext
from experiments.translation.filling import filled

_READING = 0.6  # measured share of the time; storing takes the rest
_REPORT_EVERY = 2_000  # rows


BeforeCommit = Callable[[Session, ImportSummary], None]


class _MemberRows(NamedTuple):
    """The rows of a members' file, the members in two variants, blank amounts by event type, and the blocks."""

    rows: Rows
    in_two: int
    blanks: dict[str, int]
    blocks: int


def _silent(_fraction: float, _message: str) -> None:
    pass


def run_import(
    database: Database,
    plan: Plan,
    source: Source,
    events: Source | None = None,
    *,
    currency: str,
    zone: str = "UTC",
    actor: str,
    report: Report = _silent,
    report_storing: Report = _silent,
    before_commit: BeforeCommit = lambda _session, _summary: None,
    most_bytes: int | None = None,
) -> ImportSummary:
    """Import a finished experiment.

    Parameters
    ----------
    database
        Receives the experiment, in one transaction at the end.
    plan
        The meaning of the columns and the experiment's name.
    source, events
        The file of members or counts, and the events' file of members.
    currency
        ISO 4217 code of amounts if the plan has none.
    zone
        IANA name of the zone of times without an offset, if the plan has none.
    actor
        Who imports, for the audit log.
    report
        Called with a fraction from 0 to 1 and a message, outside of any transaction.
    report_storing
        The same while storing: called inside the write transaction, so it must not write to the database.
    before_commit
        Called at the end of that transaction; its writes are committed with the experiment.
    most_bytes
        Refuse files that decompress to more; None for no limit.

    Returns
    -------
    ImportSummary

    Raises
    ------
    ImportFailedError
        A file has errors; ``lines`` lists them. Nothing was stored.
    ConflictError
        An experiment with this key exists.
    InvalidError
        The plan is not valid, such as an unknown metric.
    """
    with database.read() as session:
        refuse_early(session, plan, has_events=events is not None)
    if plan.kind == "counts":
        return _import_counts(database, plan, source, actor, report, before_commit, most_bytes)
    currency, clock = plan.currency or currency, Clock(plan.time_zone or zone)
    member_errors, event_errors = LineErrors(), LineErrors()
    variants = Variants(tuple(plan.weights))
    with Staging(member_errors, event_errors) as staging:
        share = _READING / (1 if events is None else 2)
        rows = _read_members(
            source, plan, staging, variants, member_errors, currency, clock, most_bytes, _part(report, 0, share)
        )
        if events is not None:
            _read_events(events, plan, staging, event_errors, currency, clock, most_bytes, _part(report, share, share))
        staging.finish()
        staging.trace_shares()
        _refuse_errors(staging, plan, source, events, member_errors, event_errors)
        report(_READING, filled(gettext("Storing {count:,} members"), count=sum(staging.counts().values())))
        storing = _part(report_storing, _READING, 1 - _READING)
        with database.write() as session:
            summary = store_members(
                session, plan, staging, variants, rows.rows, blocks=rows.blocks, actor=actor, report=storing
            )
            summary = replace(summary, times=clock.times(), rows=rows.rows, in_two=rows.in_two, blanks=rows.blanks)
            before_commit(session, summary)
        return summary


def refuse_early(session: Session, plan: Plan, *, has_events: bool) -> None:
    """Refuse a plan that no file can satisfy, before any file is read; raises as `run_import` does."""
    for type_, _ in plan.outcomes:
        error = type_error(type_)
        if type_ in plan.custom:
            continue
        if known := meant(type_):
            message = gettext("it resembles the event type {known}; use one of {types}, or a distinct custom name")
            error = message.format(known=known, types=", ".join(KNOWN))
        if error:
            detail = gettext("The outcome {type!r} cannot be counted: {error}.")
            raise ImportFailedError(detail.format(type=type_, error=error))
    if plan.kind == "members" and not has_events:
        _refuse_ungiven(plan)
    try:
        store.get(session, plan.key)
    except NotFoundError:
        return
    message = gettext("An experiment with the key {key} exists. Choose another key.").format(key=plan.key)
    raise ConflictError(message, fields={"key": message})


def _refuse_ungiven(plan: Plan) -> None:
    """Refuse metrics that a members' file alone cannot give, since no outcome counts for them."""
    types = {type_ for type_, _ in plan.outcomes}
    named = (*plan.metrics, *(plan.guardrails or ()), *([plan.primary_metric] if plan.primary_metric else []))
    if not types and any(metric(key).kind == "cascade" for key in named):
        return  # only who brought whom is imported
    for key in named:
        wanted = metric(key)
        # Outcomes count one second after the exposure, so that they never show a later day.
        if wanted.kind == "cascade" or types & set(wanted.events):
            continue
        message = gettext(
            "The members' file does not give {metric}. Name a column with --outcome ({types}), add an events file "
            "with times, or leave the metric out."
        )
        raise ImportFailedError(message.format(metric=key, types=", ".join(wanted.event_types)))


def _import_counts(
    database: Database,
    plan: Plan,
    source: Source,
    actor: str,
    report: Report,
    before_commit: BeforeCommit,
    most_bytes: int | None,
) -> ImportSummary:
    counts = read_counts(source, plan, most_bytes=most_bytes)
    report(_READING, filled(gettext("Read {count:,} rows"), count=len(counts.cells)))
    with database.write() as session:
        summary = store_counts(session, plan, counts, actor=actor)
        before_commit(session, summary)
    return summary


def _refuse_errors(
    staging: Staging,
    plan: Plan,
    source: Source,
    events: Source | None,
    member_errors: LineErrors,
    event_errors: LineErrors,
) -> None:
    """Refuse files with errors, events of unknown members, and a file without members."""
    member_errors.raise_if_any(source.name)
    if events is not None:
        staging.report_unknown_members()
        event_errors.raise_if_any(events.name)
    if not staging.counts():
        no_rows = gettext("{file} has a header but no rows. Add one row per member.").format(file=source.name)
        raise ImportFailedError(no_match(source, plan) or no_rows)


def _read_members(
    source: Source,
    plan: Plan,
    staging: Staging,
    variants: Variants,
    errors: LineErrors,
    currency: str,
    clock: Clock,
    most_bytes: int | None,
    report: Report,
) -> _MemberRows:
    read, aside = 0, 0
    with Table(source, errors, most_bytes=most_bytes) as table:
        reader = MemberReader(table.header, plan, variants, file_name=source.name, currency=currency, clock=clock)
        for read, (line, row) in enumerate(table.rows(), start=1):
            if read % _REPORT_EVERY == 0:
                report(table.fraction, filled(gettext("Read {count:,} members"), count=read))
            if not reader.selects(row):
                aside += 1
                continue
            try:
                member, events = reader.read(line, row)
            except RowError as error:
                for message in error.messages:
                    errors.add(line, message)
                continue
            staging.add_member(member)
            for event in events:
                staging.add_event(event)
    settled = staging.settle_repeats(plan.repeats, read - aside)
    reasons = {"condition": aside, "repeated": settled.repeated, "two_variants": settled.in_two}
    rows = Rows.of(read, reasons, added=settled.added, unit=plan.column("unit"), unheard=settled.unheard)
    return _MemberRows(rows, settled.members_in_two, dict(reader.blanks), len(reader.blocks))


def _read_events(
    source: Source,
    plan: Plan,
    staging: Staging,
    errors: LineErrors,
    currency: str,
    clock: Clock,
    most_bytes: int | None,
    report: Report,
) -> None:
    with Table(source, errors, most_bytes=most_bytes) as table:
        reader = EventReader(table.header, plan, file_name=source.name, currency=currency, clock=clock)
        for number, (line, row) in enumerate(table.rows(), start=1):
            if number % _REPORT_EVERY == 0:
                report(table.fraction, filled(gettext("Read {count:,} events"), count=number))
            try:
                staging.add_event(reader.read(line, row))
            except RowError as error:
                for message in error.messages:
                    errors.add(line, message)


def _part(report: Report, begin: float, share: float) -> Callable[[float, str], None]:
    return lambda fraction, message: report(begin + share * fraction, message)
