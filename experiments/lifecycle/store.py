"""Experiments as they are stored: create, find, and show as the API's document."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from experiments.assignment import bucketing
from experiments.assignment.configuration import touch
from experiments.assignment.epochs import Epoch, epochs_by_run, first_epoch
from experiments.definition import targeting
from experiments.definition.fields import BUCKETS
from experiments.definition.model import Cost, ExperimentDefinition, VariantDefinition, cost_faults
from experiments.errors import ConflictError, InvalidError, NotFoundError
from experiments.lifecycle import current_prior, namespaces
from experiments.settings import settings
from experiments.storage import audit
from experiments.storage.tables import Experiment, Namespace, Run, Variant, utc_now
from experiments.validation import shown

STATES = ("draft", "scheduled", "running", "paused", "stopped", "archived")


def create(
    session: Session, definition: ExperimentDefinition, *, actor: str, simulated: bool = False, imported: bool = False
) -> Experiment:
    """Store a draft.

    Raises
    ------
    ConflictError
        The key is taken; keys are never free again.
    InvalidError
        A cost is in another currency than the experiment.
    """
    currency = definition.currency or settings().currency
    refuse_faults(cost_faults(definition.variants, currency))
    experiment = Experiment(
        **definition.model_dump(include=set(PLAIN_FIELDS)),
        **definition.model_dump(mode="json", include=set(JSON_FIELDS)),
        key=definition.key,
        currency=currency,
        traffic_buckets=round(definition.traffic * BUCKETS),
        traffic_seed=new_seed(),
        simulated=simulated,
        imported=imported,
        created_by=actor[:254],
    )
    _refuse_taken_key(session, definition.key)
    namespaces.set_place(session, experiment, definition.namespace)
    session.add(experiment)
    try:
        session.flush()
    except IntegrityError:  # somebody else made it at the same moment
        raise _taken(definition.key) from None
    for position, variant in enumerate(definition.variants):
        session.add(variant_row(experiment, position, variant))
    audit.record(session, actor=actor, action="experiment:create", experiment=experiment, key=definition.key)
    touch(session)
    return experiment


def get(session: Session, key: str) -> Experiment:
    """The experiment of this key; raises NotFoundError."""
    experiment = None
    if 0 < len(key) <= 64 and key.isprintable() and "\x00" not in key:
        experiment = session.exec(select(Experiment).where(Experiment.key == key)).first()
    if experiment is None:
        raise NotFoundError(
            f"There is no experiment {shown(key)}; look its key up in the list of experiments.",
            code="experiment_unknown",
        )
    return experiment


def lock(session: Session, experiment: Experiment) -> None:
    """Read the experiment afresh and let nobody else change it until this transaction ends."""
    session.flush()
    session.refresh(experiment, with_for_update=True)


def listing(session: Session, archived: bool = False) -> list[Experiment]:
    """Every experiment, newest first; the archived ones only where they are asked for."""
    query = select(Experiment).order_by(col(Experiment.id).desc())
    if not archived:
        query = query.where(Experiment.state != "archived")
    return list(session.exec(query))


def page(
    session: Session, *, state: str | None = None, limit: int = 50, offset: int = 0
) -> tuple[list[Experiment], int]:
    """A slice of the list, newest first, and how many there are in all.

    ``state`` absent leaves the archived ones out.
    """
    wanted = Experiment.state == state if state else Experiment.state != "archived"
    total = session.exec(select(func.count()).select_from(Experiment).where(wanted)).one()
    query = select(Experiment).where(wanted).order_by(col(Experiment.id).desc()).limit(limit).offset(offset)
    return list(session.exec(query)), total


def variants_of(session: Session, experiment: Experiment) -> list[Variant]:
    """The variants, by position."""
    query = select(Variant).where(Variant.experiment_id == experiment.id)
    return list(session.exec(query.order_by(col(Variant.position))))


def runs_of(session: Session, experiment: Experiment) -> list[Run]:
    """Every run, the first one first."""
    return list(session.exec(select(Run).where(Run.experiment_id == experiment.id).order_by(col(Run.number))))


def current_run(session: Session, experiment: Experiment) -> Run | None:
    """The newest run, ended or not; nothing before the first launch."""
    query = select(Run).where(Run.experiment_id == experiment.id).order_by(col(Run.number).desc()).limit(1)
    return session.exec(query).first()


def start_run(session: Session, experiment: Experiment, *, now: datetime | None = None) -> Run:
    """Randomise afresh: a new run with a new random seed, over the variants' present weights.

    An open run ends at the same moment.
    """
    now = now or utc_now()
    last = current_run(session, experiment)
    if last and last.ended_at is None:
        last.ended_at = now
        session.add(last)
    variants = variants_of(session, experiment)
    edges = bucketing.edges([variant.weight for variant in variants])
    run = Run(
        experiment_id=experiment.id or 0,
        number=last.number + 1 if last else 1,
        seed=new_seed(),
        allocation=[[variant.key, variant.weight, edge] for variant, edge in zip(variants, edges, strict=True)],
        started_at=now,
    )
    session.add(run)
    session.flush()
    return run


def new_seed() -> str:
    """A random string that re-randomises; stored, so that anyone can reproduce the split."""
    return secrets.token_hex(8)


def variant_row(experiment: Experiment, position: int, variant: VariantDefinition) -> Variant:
    """The row of a new variant."""
    return Variant(
        experiment_id=experiment.id or 0,
        position=position,
        key=variant.key,
        name=variant.name,
        control=variant.control,
        weight=variant.weight,
        content=content_json(variant),
        cost=cost_json(variant.cost, experiment.currency),
    )


def content_json(variant: VariantDefinition) -> dict[str, Any]:
    """The content as it is stored and handed out: without empty fields."""
    return {name: value for name, value in variant.content.model_dump().items() if value}


def cost_json(cost: Cost | None, currency: str) -> dict[str, Any] | None:
    """A cost as it is stored: exact amounts as text, always with their currency."""
    if cost is None:
        return None
    return {"fixed": _exact(cost.fixed), "per_thousand": _exact(cost.per_thousand), "currency": currency}


def refuse_faults(faults: dict[str, str]) -> None:
    """Raise InvalidError where there are faults."""
    if faults:
        path, message = next(iter(faults.items()))
        raise InvalidError(f"{path}: {message}", fields=faults)


def document(session: Session, experiment: Experiment) -> dict[str, Any]:
    """The experiment as the API gives it: its definition, state, newest run and what can be done with it now."""
    return documents(session, [experiment])[0]


def documents(session: Session, experiments: Sequence[Experiment]) -> list[dict[str, Any]]:
    """The documents of several experiments, in seven queries however many there are."""
    ids = [experiment.id for experiment in experiments]
    variants = session.exec(select(Variant).where(col(Variant.experiment_id).in_(ids)).order_by(col(Variant.position)))
    runs = session.exec(select(Run).where(col(Run.experiment_id).in_(ids)).order_by(col(Run.number)))
    variants_by, runs_by = _grouped(variants), _grouped(runs)
    epochs = epochs_by_run(session, [run for some in runs_by.values() for run in some])
    keys = {experiment.namespace_key for experiment in experiments if experiment.namespace_key}
    rows = session.exec(select(Namespace).where(col(Namespace.key).in_(keys))) if keys else ()
    spaces: dict[str | None, Namespace] = {space.key: space for space in rows}
    priors = current_prior.in_force(session, experiments, runs_by)
    return [
        _document(
            experiment,
            variants_by.get(experiment.id, []),
            runs_by.get(experiment.id, []),
            spaces.get(experiment.namespace_key),
            epochs,
            priors[experiment.id],
        )
        for experiment in experiments
    ]


def definition_of(session: Session, experiment: Experiment) -> ExperimentDefinition:
    """The stored experiment as a definition, for editing and copying."""
    return ExperimentDefinition.model_validate(definition_json(experiment, variants_of(session, experiment)))


def definition_json(experiment: Experiment, variants: Iterable[Variant]) -> dict[str, Any]:
    """The definition's JSON form, which ``POST /api/v1/experiments`` accepts again."""
    return {
        "key": experiment.key,
        "name": experiment.name,
        "hypothesis": experiment.hypothesis,
        "variants": [variant_json(variant) for variant in variants],
        "primary_metric": experiment.primary_metric,
        "metrics": experiment.metrics,
        "guardrails": experiment.guardrails,
        "targeting": experiment.targeting,
        "traffic": experiment.traffic_buckets / BUCKETS,
        "namespace": namespace_json(experiment),
        "window_days": experiment.window_days,
        "segments": experiment.segments,
        "currency": experiment.currency,
        "planned_days": experiment.planned_days,
        "minimum_members": experiment.minimum_members,
        "threshold_of_caring": experiment.threshold_of_caring,
        "allocation": experiment.allocation,
        "covariate": experiment.covariate,
        "action_values": {kind: float(worth) for kind, worth in (experiment.action_values or {}).items()},
        "margin": experiment.margin,
        "prior": experiment.prior,
        "interval": experiment.interval,
        "starts_at": when(experiment.starts_at),
        "ends_at": when(experiment.ends_at),
    }


def variant_json(variant: Variant) -> dict[str, Any]:
    """A variant as the API gives it; amounts of money are numbers there."""
    cost = variant.cost and {
        "fixed": float(variant.cost["fixed"]),
        "per_thousand": float(variant.cost["per_thousand"]),
        "currency": variant.cost["currency"],
    }
    return {
        "key": variant.key,
        "name": variant.name,
        "control": variant.control,
        "weight": variant.weight,
        "content": variant.content,
        "cost": cost,
    }


def namespace_json(experiment: Experiment) -> dict[str, Any] | None:
    """The experiment's place as the API gives it."""
    if experiment.namespace_key is None:
        return None
    return {
        "key": experiment.namespace_key,
        "from": experiment.namespace_from / BUCKETS,
        "to": experiment.namespace_to / BUCKETS,
    }


def when(moment: datetime | None) -> str | None:
    """A time as RFC 3339 in UTC, such as ``2026-11-23T08:00:00Z``."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


PLAIN_FIELDS = (
    "name",
    "hypothesis",
    "primary_metric",
    "metrics",
    "guardrails",
    "targeting",
    "window_days",
    "segments",
    "planned_days",
    "minimum_members",
    "threshold_of_caring",
    "margin",
    "prior",
    "interval",
    "starts_at",
    "ends_at",
)
"""Fields that stand in the table as they stand in the definition."""

JSON_FIELDS = ("allocation", "covariate", "action_values")
"""Fields that stand in the table as JSON, exact amounts as text."""


def _document(
    experiment: Experiment,
    variants: list[Variant],
    runs: list[Run],
    space: Namespace | None,
    epochs: Mapping[int | None, list[Epoch]],
    prior: Mapping[str, Any],
) -> dict[str, Any]:
    from experiments.lifecycle.states import POSSIBLE  # the life cycle builds on this file

    shipped = experiment.shipped_variant and {"variant": experiment.shipped_variant, "note": experiment.shipped_note}
    return {
        **definition_json(experiment, variants),
        "prior_in_force": prior,
        "targeting_text": targeting.describe(targeting.parse(experiment.targeting)) if experiment.targeting else None,
        "state": experiment.state,
        "actions": list(POSSIBLE[experiment.state]),
        "run": run_json(runs[-1], epochs.get(runs[-1].id)) if runs else None,
        "runs": len(runs),
        "assignment": assignment_json(experiment, runs, space, epochs),
        "shipped": shipped or None,
        "simulated": experiment.simulated,
        "imported": experiment.imported,
        "created_at": when(experiment.created_at),
        "created_by": experiment.created_by,
        "revision": experiment.revision,
    }


def assignment_json(
    experiment: Experiment,
    runs: Sequence[Run],
    space: Namespace | None,
    epochs: Mapping[int | None, list[Epoch]] | None = None,
) -> dict[str, Any]:
    """Every seed and every bound, in buckets: with ``docs/assignment.md``, all that reproduces who got what."""
    place = space and {
        "seed": space.seed,
        "from_bucket": experiment.namespace_from,
        "to_bucket": experiment.namespace_to,
        "holdout_from_bucket": BUCKETS - space.holdout_buckets,
    }
    return {
        "traffic_seed": experiment.traffic_seed,
        "traffic_buckets": experiment.traffic_buckets,
        "namespace": place,
        "runs": [run_json(run, (epochs or {}).get(run.id)) for run in runs],
    }


def run_json(run: Run, epochs: Sequence[Epoch] | None = None) -> dict[str, Any]:
    """A run as the API gives it: seed and the bucket edges of each epoch are all that reproduces the split."""
    return {
        "number": run.number,
        "seed": run.seed,
        "allocation": _edges_json(run.allocation),
        "started_at": when(run.started_at),
        "ended_at": when(run.ended_at),
        "epochs": [_epoch_json(epoch) for epoch in epochs or [first_epoch(run)]],
    }


def _epoch_json(epoch: Epoch) -> dict[str, Any]:
    return {
        "number": epoch.number,
        "allocation": _edges_json(epoch.allocation),
        "started_at": when(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=epoch.started_us)),
        "analysis": epoch.analysis_id,
    }


def _edges_json(allocation: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    return [{"variant": key, "weight": weight, "upper_edge": edge} for key, weight, edge in allocation]


def _grouped(rows: Iterable[Any]) -> dict[int | None, list[Any]]:
    groups: dict[int | None, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.experiment_id, []).append(row)
    return groups


def _exact(amount: Decimal) -> str:
    return f"{amount:f}"


def taken_key(session: Session, key: str) -> dict[str, str]:
    """The fault of a key that is in use, by field; nothing where it is free."""
    if session.exec(select(Experiment.id).where(Experiment.key == key)).first() is None:
        return {}
    return _taken(key).fields


def _refuse_taken_key(session: Session, key: str) -> None:
    if taken_key(session, key):
        raise _taken(key)


def _taken(key: str) -> ConflictError:
    message = f"The key {key} is taken, perhaps by an archived experiment; keys are never free again. Choose another."
    return ConflictError(message, fields={"key": message}, code="key_taken")
