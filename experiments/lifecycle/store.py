"""Experiments as they are stored: create, find, list, and begin a run."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from experiments.assignment import bucketing
from experiments.assignment.configuration import touch
from experiments.definition.fields import BUCKETS
from experiments.definition.model import Cost, ExperimentDefinition, VariantDefinition, cost_errors
from experiments.errors import ConflictError, InvalidError, NotFoundError
from experiments.lifecycle import namespaces
from experiments.settings import settings
from experiments.storage import audit
from experiments.storage.tables import DEFAULT_PROJECT_ID, Experiment, Run, Variant, utc_now
from experiments.validation import shown

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
"""Fields that the table holds as the definition has them."""

JSON_FIELDS = ("allocation", "covariate", "action_values")
"""Fields that the table holds as JSON, exact amounts as text."""


def create(
    session: Session,
    definition: ExperimentDefinition,
    *,
    actor: str,
    simulated: bool = False,
    imported: bool = False,
    project_id: int = DEFAULT_PROJECT_ID,
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
    refuse_faults(cost_errors(definition.variants, currency))
    experiment = Experiment(
        **definition.model_dump(include=set(PLAIN_FIELDS)),
        **definition.model_dump(mode="json", include=set(JSON_FIELDS)),
        project_id=project_id,
        key=definition.key,
        currency=currency,
        traffic_buckets=round(definition.traffic * BUCKETS),
        traffic_seed=new_seed(),
        simulated=simulated,
        imported=imported,
        created_by=actor[:254],
    )
    _refuse_taken_key(session, definition.key, project_id)
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


def get(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> Experiment:
    """The project's experiment of this key; raises NotFoundError."""
    experiment = None
    if 0 < len(key) <= 64 and key.isprintable() and "\x00" not in key:
        own = (Experiment.project_id == project_id, Experiment.key == key)
        experiment = session.exec(select(Experiment).where(*own)).first()
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


def listing(session: Session, archived: bool = False, project_id: int = DEFAULT_PROJECT_ID) -> list[Experiment]:
    """The project's experiments, newest first; ``archived`` includes the archived ones."""
    query = select(Experiment).where(Experiment.project_id == project_id).order_by(col(Experiment.id).desc())
    if not archived:
        query = query.where(Experiment.state != "archived")
    return list(session.exec(query))


def page(
    session: Session,
    *,
    state: str | None = None,
    limit: int = 50,
    offset: int = 0,
    project_id: int = DEFAULT_PROJECT_ID,
) -> tuple[list[Experiment], int]:
    """A slice of the project's list, newest first, and how many there are in all.

    ``state`` absent leaves the archived ones out.
    """
    wanted = (
        Experiment.project_id == project_id,
        Experiment.state == state if state else Experiment.state != "archived",
    )
    total = session.exec(select(func.count()).select_from(Experiment).where(*wanted)).one()
    query = select(Experiment).where(*wanted).order_by(col(Experiment.id).desc()).limit(limit).offset(offset)
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


def _exact(amount: Decimal) -> str:
    return f"{amount:f}"


def taken_key(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> dict[str, str]:
    """The fault of a key that is in use, by field; nothing where it is free."""
    own = (Experiment.project_id == project_id, Experiment.key == key)
    if session.exec(select(Experiment.id).where(*own)).first() is None:
        return {}
    return _taken(key).fields


def _refuse_taken_key(session: Session, key: str, project_id: int) -> None:
    if taken_key(session, key, project_id):
        raise _taken(key)


def _taken(key: str) -> ConflictError:
    message = f"The key {key} is taken, perhaps by an archived experiment; keys are never free again. Choose another."
    return ConflictError(message, fields={"key": message}, code="key_taken")
