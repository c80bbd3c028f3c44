"""Storing what was read: one transaction, all or nothing."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session

from experiments.assignment import configuration, exposure
from experiments.catalogue.metrics import DAY_US, METRICS
from experiments.definition.model import ExperimentDefinition, read_definition
from experiments.errors import ImportFailedError
from experiments.importing.counts import Counts
from experiments.importing.members import Member, Variants
from experiments.importing.plan import Plan
from experiments.importing.spool import Spool
from experiments.importing.values import meant_name
from experiments.ingestion import events, exposures
from experiments.ingestion.rows import EventRow
from experiments.lifecycle import store
from experiments.storage import audit
from experiments.storage.tables import Experiment, Exposure, ImportedCounts, Run

Report = Callable[[float, str], None]
_LONGEST_PLAN_DAYS = 365
_FALLBACK_METRICS = ("click_rate",)
_WORD_OF_MOUTH = ("k_factor", "reach")
"""Measured by itself where the file says who brought whom."""
_GUARDRAILS = ("negative_rate",)
_PLAIN = ("any", "count", "sum")  # what is taken unasked; ratios, retention, cascades and worth are asked for


@dataclass(frozen=True)
class BroughtIn:
    """What an import stored, for people to read.

    Attributes
    ----------
    members
        By the variant's name, in the experiment's order.
    events
        By type; empty for aggregated counts.
    uncounted
        Events kept that do not count: before their member's exposure or after the window.
    """

    key: str
    name: str
    members: dict[str, int]
    events: dict[str, int]
    uncounted: int = 0


def store_members(
    session: Session, plan: Plan, spool: Spool, variants: Variants, *, actor: str, report: Report
) -> BroughtIn:
    """Store members and events as a finished experiment; the caller's transaction makes it all or nothing.

    Raises
    ------
    ImportFailedError
        Fewer than two variants, or a control or weights that do not fit them.
    ConflictError
        An experiment with this key exists.
    """
    counts, types = spool.counts(), spool.types()
    first_us, last_us = spool.span_us(plan.window_days * DAY_US)
    ended_us = last_us if plan.ended_at is None else max(last_us, _us(plan.ended_at))
    ended_us = min(ended_us, _us(datetime.now(UTC)))
    metrics = tuple(plan.metrics)
    if not metrics:
        spread = _WORD_OF_MOUTH if spool.has_shares() else ()
        metrics = (*_metrics_of(types, spool.types_after(DAY_US)), *spread)
    stored, run = _store_experiment(
        session, plan, variants, counts, metrics, started_us=first_us, ended_us=max(ended_us, first_us), actor=actor
    )
    total, done = sum(counts.values()) + sum(types.values()), 0
    for batch in spool.members():
        exposures.bulk_insert(session, [_exposure_row(stored, run, member) for member in batch])
        _store_shares(session, run, batch)
        done += len(batch)
        report(done / total, f"Stored {done:,} of {total:,} rows")
    for batch in spool.happenings():
        events.bulk_insert(session, [_event_row(stored, happening) for happening in batch])
        done += len(batch)
        report(done / total, f"Stored {done:,} of {total:,} rows")
    uncounted = spool.uncounted(plan.window_days * DAY_US)
    _record(session, stored, actor, members=sum(counts.values()), events=sum(types.values()))
    named = {name: counts.get(key, 0) for name, key in variants.keys.items()}
    return BroughtIn(plan.key, stored.name, named, types, uncounted)


def store_counts(session: Session, plan: Plan, counts: Counts, *, actor: str) -> BroughtIn:
    """Store aggregated counts as a finished experiment; raises as `store_members` does."""
    dated = plan.ended_at is not None and plan.exposed_at is not None
    # Totals without dates: the run carries the moment of the import, and no length (`inputs.plan` tells the two apart).
    ended = plan.ended_at or datetime.now(UTC)
    started = plan.exposed_at or ended
    if started > ended:
        raise ImportFailedError(
            f"It ended at {ended.isoformat()}, before it began at {started.isoformat()}; swap them."
        )
    metrics = tuple(dict.fromkeys(metric for _, metric in counts.cells))
    members = {variant: have[0] for (variant, _), have in counts.cells.items()}
    stored, run = _store_experiment(
        session,
        plan,
        counts.variants,
        members,
        metrics,
        content=counts.content,
        started_us=_us(started),
        ended_us=_us(ended),
        dated=dated,
        actor=actor,
    )
    rows = [
        {"run_id": run.id, "variant": variant, "metric": metric, "members": have[0], "successes": have[1]}
        for (variant, metric), have in counts.cells.items()
    ]
    session.execute(insert(ImportedCounts), rows)
    _record(session, stored, actor, members=sum(members.values()), events=0)
    named = {name: members.get(key, 0) for name, key in counts.variants.keys.items()}
    return BroughtIn(plan.key, stored.name, named, {})


def definition(
    plan: Plan,
    variants: Variants,
    metrics: Sequence[str],
    *,
    days: float | None,
    content: dict[str, dict[str, str]] | None = None,
) -> ExperimentDefinition:
    """The experiment as the domain defines one: the control first, the others in the order of the file.

    ``days`` is how long it ran, none where nobody knows.

    Raises
    ------
    ImportFailedError
        As `store_members`.
    """
    keys = variants.keys
    if len(keys) < 2:
        raise ImportFailedError(
            f"The file has one variant ({', '.join(keys)}); a comparison needs two or more. "
            "Is this the right column for the variant?"
        )
    control = _control(plan.control, keys)
    weights = _weights(plan, keys)
    primary = plan.primary_metric or next((key for key in metrics if key not in _GUARDRAILS), metrics[0])
    guardrails = [key for key in metrics if key in _GUARDRAILS and key != primary]
    ordered = sorted(keys, key=lambda name: name != control)
    texts = content or {}
    return read_definition(
        {
            "key": plan.key,
            "name": plan.name or plan.key,
            "hypothesis": plan.hypothesis,
            "variants": [
                {
                    "key": keys[name],
                    "name": _label(name, texts.get(keys[name], {})),
                    "control": name == control,
                    "weight": weights[name],
                    "content": texts.get(keys[name], {}),
                }
                for name in ordered
            ],
            "primary_metric": primary,
            "metrics": [key for key in metrics if key not in guardrails],
            "guardrails": guardrails,
            "window_days": plan.window_days,
            "segments": plan.segments,
            "currency": plan.currency,
            "covariate": None if plan.covariate is None else plan.covariate.model_dump(),
            # One look at the end, at the full planned length: the boundary is then that of a single test.
            "planned_days": None if days is None else min(_LONGEST_PLAN_DAYS, max(1, math.ceil(days))),
        }
    )


def _store_experiment(
    session: Session,
    plan: Plan,
    variants: Variants,
    members: dict[str, int],
    metrics: Sequence[str],
    *,
    started_us: int,
    ended_us: int,
    actor: str,
    dated: bool = True,
    content: dict[str, dict[str, str]] | None = None,
) -> tuple[Experiment, Run]:
    empty = [name for name, key in variants.keys.items() if not members.get(key)]
    if empty:
        where = "it out of the weights" if empty[0] in plan.weights else "its lines out of the file"
        raise ImportFailedError(f"The variant {empty[0]!r} has no members; leave {where} or add its members.")
    days = (ended_us - started_us) / DAY_US if dated else None
    wanted = definition(plan, variants, metrics, days=days, content=content)
    stored = store.create(session, wanted, actor=actor, imported=True)
    stored.state = "stopped"
    run = store.start_run(session, stored, now=_moment(started_us))
    run.ended_at = _moment(ended_us)
    session.add_all([stored, run])
    session.flush()
    return stored, run


def _record(session: Session, stored: Experiment, actor: str, *, members: int, events: int) -> None:
    audit.record(session, actor=actor, action="experiment:import", experiment=stored, members=members, events=events)
    configuration.touch(session)


def _exposure_row(stored: Experiment, run: Run, member: Member) -> exposure.ExposureRow:
    # Whoever was brought but met another variant than the host had been randomised already.
    origin = "shared" if member.root else "randomised"
    # What was imported has no moment of arrival of its own: it counts as known when it happened.
    at_us, attributes = member.at_us, member.attributes
    return exposure.ExposureRow(
        stored.project_id, run.id or 0, member.unit, member.variant, at_us, at_us, origin, 1, False, attributes
    )


def _store_shares(session: Session, run: Run, members: Sequence[Member]) -> None:
    """Say who brought whom; the way in that everybody takes knows nothing of it and is left as quick as it is."""
    brought = [
        {"of_run": run.id, "who": one.unit, "brought_by": one.brought_by, "root": one.root, "depth": one.depth or 0}
        for one in members
        if one.brought_by
    ]
    if brought:
        table = Exposure.__table__  # type: ignore[attr-defined]
        one = (table.c.run_id == bindparam("of_run")) & (table.c.unit == bindparam("who"))
        session.connection().execute(update(table).where(one), brought)


def _event_row(stored: Experiment, happening: "object") -> EventRow:
    _, name, unit, type_, at_us, value_micro, currency = happening  # type: ignore[misc]
    return EventRow(
        stored.project_id,
        f"import:{stored.id}:{name}",
        unit,
        type_,
        at_us,
        at_us,
        value_micro,
        currency,
        stored.key,
        None,
    )


def _control(wish: str, keys: dict[str, str]) -> str:
    if not wish:
        return next(iter(keys))
    for name, key in keys.items():
        if wish in (name, key):
            return name
    meant = meant_name(wish, tuple(keys))
    if meant is None:
        message = f"The control {wish!r} is no variant of the file; it has {', '.join(keys)}. Name one of them."
        raise ImportFailedError(message, fields={"control": message})
    return meant


def _weights(plan: Plan, keys: dict[str, str]) -> dict[str, float]:
    if not plan.weights:
        return dict.fromkeys(keys, 1 / len(keys))
    total = math.fsum(plan.weights.values())
    return {name: plan.weights[name] / total for name in keys}


def _label(name: str, content: dict[str, str]) -> str:
    headline = " ".join(content.get("headline", "").split())
    if headline and name.isdigit():
        return headline if len(headline) <= 120 else headline[:119].rstrip() + "…"
    return name


def _metrics_of(types: dict[str, int], returning: set[str]) -> tuple[str, ...]:
    """The plain metrics that the file's events speak of; those of later days only where something happened on one."""
    found = [
        metric.key
        for metric in METRICS
        if metric.statistic in _PLAIN
        and metric.property_name is None
        and (set(metric.later_events) & returning if metric.later_events else set(metric.events) & set(types))
    ]
    return tuple(found) or _FALLBACK_METRICS


def _us(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def _moment(at_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
