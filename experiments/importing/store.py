"""Storage of an import: one transaction, all or nothing."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert
from sqlmodel import Session

from experiments.assignment import configuration, exposure
from experiments.catalogue.metrics import (
    DAY_US,
    DEFAULT_GUARDRAILS,
    DEFAULT_METRICS,
    METRICS,
    WORD_OF_MOUTH,
    metric,
    unwatched_types,
)
from experiments.definition.model import ExperimentDefinition, read_definition
from experiments.errors import ImportFailedError
from experiments.importing.counts import Counts
from experiments.importing.members import ImportedEvent, Member
from experiments.importing.plan import Plan
from experiments.importing.rows import Rows
from experiments.importing.staging import Staging
from experiments.importing.structure import store_blocks, store_contrary, store_shares
from experiments.importing.values import Times, match_name
from experiments.importing.variants import Variants
from experiments.ingestion import events, exposures
from experiments.ingestion.rows import EventRow
from experiments.lifecycle import store
from experiments.storage import audit
from experiments.storage.tables import Experiment, ImportedCounts, Run
from experiments.translation import gettext
from experiments.translation.filling import filled

Report = Callable[[float, str], None]
_LONGEST_PLAN_DAYS = 365
_PLAIN = ("any", "count", "sum")  # statistics measured by default; ratios, retention and others must be requested


@dataclass(frozen=True)
class ImportSummary:
    """What an import stored, to report it.

    Attributes
    ----------
    members
        By the variant's name, in the experiment's order.
    events
        By type; empty for aggregated counts.
    uncounted
        Stored events that do not count: before their member's exposure or after the window.
    unwatched
        Events that a default guardrail would count, where no guardrail of the experiment does.
    times
        How the files' times without an offset were read.
    rows
        The rows of the first file.
    in_two
        Members in two variants, who are excluded.
    blanks
        Blank amounts by event type; they count as none.
    counted
        Event types that a metric of the experiment counts.
    """

    key: str
    name: str
    members: dict[str, int]
    events: dict[str, int]
    uncounted: int = 0
    unwatched: int = 0
    times: Times = Times()
    rows: Rows = Rows()
    in_two: int = 0
    blanks: Mapping[str, int] = field(default_factory=dict)
    counted: tuple[str, ...] = ()


def store_members(
    session: Session,
    plan: Plan,
    staging: Staging,
    variants: Variants,
    rows: Rows,
    *,
    blocks: int,
    actor: str,
    report: Report,
) -> ImportSummary:
    """Store members and events as a finished experiment, in the caller's transaction.

    Raises
    ------
    ImportFailedError
        Fewer than two variants, or a control or weights that do not fit them.
    ConflictError
        An experiment with this key exists.
    """
    counts, types = staging.counts(), staging.types()
    first_us, last_us = staging.span_us(plan.window_days * DAY_US)
    ended_us = last_us if plan.ended_at is None else max(last_us, _us(plan.ended_at))
    ended_us = min(ended_us, _us(datetime.now(UTC)))
    metrics = _chosen_metrics(plan, staging, types)
    stored, run = _store_experiment(
        session, plan, variants, counts, metrics, started_us=first_us, ended_us=max(ended_us, first_us), actor=actor
    )
    run.imported_rows = rows.counts()
    store_blocks(session, run, plan.columns.get("block"), blocks, started_us=first_us)
    total, done = sum(counts.values()) + sum(types.values()), 0
    for batch in staging.members():
        exposures.bulk_insert(session, [_exposure_row(stored, run, member) for member in batch])
        store_shares(session, run, batch)
        done += len(batch)
        report(min(1.0, done / total), _progress(done, total))
    store_contrary(session, run, staging)
    for event_batch in staging.events():
        events.bulk_insert(session, [_event_row(stored, event) for event in event_batch])
        done += len(event_batch)
        report(min(1.0, done / total), _progress(done, total))
    uncounted = staging.uncounted(plan.window_days * DAY_US)
    _record(session, stored, actor, members=sum(counts.values()), events=sum(types.values()))
    named = {name: counts.get(key, 0) for name, key in variants.keys.items()}
    unwatched = sum(types.get(kind, 0) for kind in unwatched_types(stored.primary_metric, stored.guardrails))
    counted = tuple(sorted({kind for key in (*stored.metrics, *stored.guardrails) for kind in metric(key).event_types}))
    return ImportSummary(plan.key, stored.name, named, types, uncounted, unwatched, counted=counted)


def _chosen_metrics(plan: Plan, staging: Staging, types: Mapping[str, int]) -> tuple[str, ...]:
    """Return the plan's metrics, or those that the data feed, always with custom outcomes and default guardrails."""
    if plan.metrics:
        return tuple(dict.fromkeys((*plan.metrics, *plan.custom_metrics, *_default_guardrails(types))))
    spread = WORD_OF_MOUTH if staging.has_shares() else ()
    known = {type_: count for type_, count in types.items() if type_ not in plan.custom}
    found = _metrics_of(known, staging.types_after(DAY_US)) if known or not plan.custom else ()
    return (*plan.custom_metrics, *found, *spread)


def store_counts(session: Session, plan: Plan, counts: Counts, *, actor: str) -> ImportSummary:
    """Store aggregated counts as a finished experiment; raises as `store_members` does."""
    dated = plan.ended_at is not None and plan.exposed_at is not None
    # Without dates the run starts and ends at the time of the import: `inputs.plan` recognises it by its length of 0.
    ended = plan.ended_at or datetime.now(UTC)
    started = plan.exposed_at or ended
    if started > ended:
        message = gettext("The end {ended} is before the start {started}. Swap the two dates.")
        raise ImportFailedError(message.format(ended=ended.isoformat(), started=started.isoformat()))
    metrics = tuple(dict.fromkeys(key for _, key in counts.cells))
    members = {variant: numbers[0] for (variant, _), numbers in counts.cells.items()}
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
        {"run_id": run.id, "variant": variant, "metric": key, "members": numbers[0], "successes": numbers[1]}
        | {"sums": counts.sums.get((variant, key))}
        for (variant, key), numbers in counts.cells.items()
    ]
    session.execute(insert(ImportedCounts), rows)
    run.imported_rows = counts.rows.counts()
    _record(session, stored, actor, members=sum(members.values()), events=0)
    named = {name: members.get(key, 0) for name, key in counts.variants.keys.items()}
    return ImportSummary(plan.key, stored.name, named, {}, rows=counts.rows)


def definition(
    plan: Plan,
    variants: Variants,
    metrics: Sequence[str],
    *,
    days: float | None,
    content: dict[str, dict[str, str]] | None = None,
) -> ExperimentDefinition:
    """Return the experiment's definition: the control first, the other variants in the order of the file.

    ``days`` is the length of the experiment, None if it is unknown.

    Raises
    ------
    ImportFailedError
        As `store_members`.
    """
    keys = variants.keys
    if len(keys) < 2:
        message = gettext(
            "The file has one variant ({variants}); a comparison needs at least two. Check the column of the variant."
        )
        raise ImportFailedError(message.format(variants=", ".join(keys)))
    primary = plan.primary_metric or next((key for key in metrics if key not in DEFAULT_GUARDRAILS), metrics[0])
    guardrails = [key for key in metrics if key in DEFAULT_GUARDRAILS and key != primary]
    if plan.guardrails is not None:
        guardrails = plan.guardrails
    # A default guardrail that was left out explicitly is measured only if it was named as a metric.
    left_out = set(DEFAULT_GUARDRAILS) - {*guardrails, primary, *plan.metrics}
    return read_definition(
        {
            "key": plan.key,
            "name": plan.name or plan.key,
            "hypothesis": plan.hypothesis,
            "variants": _variant_definitions(plan, keys, content or {}),
            "primary_metric": primary,
            "metrics": [key for key in metrics if key not in guardrails and key not in left_out],
            "guardrails": guardrails,
            "window_days": plan.window_days,
            "segments": plan.segments,
            "currency": plan.currency,
            "covariate": None if plan.covariate is None else plan.covariate.model_dump(),
            # One look, at the end of the planned length: the bound is that of a single test.
            "planned_days": None if days is None else min(_LONGEST_PLAN_DAYS, max(1, math.ceil(days))),
        }
    )


def _variant_definitions(
    plan: Plan, keys: dict[str, str], content: dict[str, dict[str, str]]
) -> list[dict[str, object]]:
    """Return each variant as a definition's JSON has it, the control first."""
    control, weights = _control(plan.control, keys), _weights(plan, keys)
    return [
        {
            "key": keys[name],
            "name": _label(name, content.get(keys[name], {})),
            "control": name == control,
            "weight": weights[name],
            "content": content.get(keys[name], {}),
        }
        for name in sorted(keys, key=lambda name: name != control)
    ]


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
        message = (
            gettext("The variant {name!r} has no members. Remove it from the weights or add its members.")
            if empty[0] in plan.weights
            else gettext("The variant {name!r} has no members. Remove its lines from the file or add its members.")
        )
        raise ImportFailedError(message.format(name=empty[0]))
    days = (ended_us - started_us) / DAY_US if dated else None
    selects = definition(plan, variants, metrics, days=days, content=content)
    stored = store.create(session, selects, actor=actor, imported=True)
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
    # A member with another variant than the parent was randomised before the share.
    origin = "shared" if member.root else "randomised"
    # Imported rows have no time of arrival, so they count as received when they happened.
    at_us, attributes = member.at_us, member.attributes
    return exposure.ExposureRow(
        stored.project_id,
        run.id or 0,
        member.unit,
        member.variant,
        at_us,
        at_us,
        origin,
        member.block,
        False,
        attributes,
    )


def _event_row(stored: Experiment, event: ImportedEvent) -> EventRow:
    return EventRow(
        stored.project_id,
        # The experiment's number keeps the ids apart where two imports read the same file.
        f"import:{stored.id}:{event.id}",
        event.unit,
        event.type,
        event.at_us,
        event.at_us,
        event.value_micro,
        event.currency,
        stored.key,
    )


def _progress(done: int, total: int) -> str:
    return filled(gettext("Stored {done:,} of {total:,} rows"), done=done, total=total)


def _control(control: str, keys: dict[str, str]) -> str:
    if not control:
        return next(iter(keys))
    for name, key in keys.items():
        if control in (name, key):
            return name
    matched = match_name(control, tuple(keys))
    if matched is None:
        text = gettext("The control {control!r} is not a variant of the file; its variants are {variants}. Choose one.")
        message = text.format(control=control, variants=", ".join(keys))
        raise ImportFailedError(message, fields={"control": message})
    return matched


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
    """Return the basic metrics that the file's events feed; retention only if members were active on later days."""
    keys = [
        one.key
        for one in METRICS
        if one.statistic in _PLAIN
        and one.property_name is None
        and (set(one.later_events) & returning if one.later_events else set(one.events) & set(types))
    ]
    return tuple(keys) or DEFAULT_METRICS[:1]


def _default_guardrails(types: Mapping[str, int]) -> tuple[str, ...]:
    """Return the default guardrails that the file's events feed."""
    return tuple(key for key in DEFAULT_GUARDRAILS if set(metric(key).event_types) & types.keys())


def _us(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def _moment(at_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
