"""Stored experiments: create, find and list them, and start runs."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import cast

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from experiments.assignment import bucketing
from experiments.assignment.configuration import touch
from experiments.definition.documents import ContentDocument, StoredCost
from experiments.definition.fields import BUCKETS
from experiments.definition.model import Cost, ExperimentDefinition, VariantDefinition, cost_errors
from experiments.errors import ConflictError, InvalidError, NotFoundError
from experiments.lifecycle import namespaces
from experiments.settings import settings
from experiments.storage import audit
from experiments.storage.tables import DEFAULT_PROJECT_ID, Experiment, Run, Variant, utc_now
from experiments.translation import gettext
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
    "bots",
    "members",
    "starts_at",
    "ends_at",
)
"""Fields stored as in the definition."""

JSON_FIELDS = ("allocation", "covariate", "action_values")
"""Fields stored as JSON, with exact amounts as text."""


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
        The key is in use; keys cannot be reused.
    InvalidError
        A cost is in another currency than the experiment.
    """
    currency = definition.currency or settings().currency
    raise_errors(cost_errors(definition.variants, currency))
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
    except IntegrityError:  # created concurrently
        raise _taken(definition.key) from None
    for position, variant in enumerate(definition.variants):
        session.add(variant_row(experiment, position, variant))
    audit.record(session, actor=actor, action="experiment:create", experiment=experiment, key=definition.key)
    touch(session)
    return experiment


def get(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> Experiment:
    """Return the project's experiment with a key; raise NotFoundError."""
    experiment = None
    if 0 < len(key) <= 64 and key.isprintable() and "\x00" not in key:
        own = (Experiment.project_id == project_id, Experiment.key == key)
        experiment = session.exec(select(Experiment).where(*own)).first()
    if experiment is None:
        message = gettext("There is no experiment {key}. Check the key in the list of experiments.")
        raise NotFoundError(message.format(key=shown(key)), code="experiment_unknown")
    return experiment


def lock(session: Session, experiment: Experiment) -> None:
    """Reload the experiment and lock it until the end of the transaction."""
    session.flush()
    session.refresh(experiment, with_for_update=True)


def listing(session: Session, archived: bool = False, project_id: int = DEFAULT_PROJECT_ID) -> list[Experiment]:
    """Return the project's experiments, newest first; ``archived`` includes archived ones."""
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
    """Return a page of the project's experiments, newest first, and their total number.

    Without ``state``, archived ones are excluded.
    """
    conditions = (
        Experiment.project_id == project_id,
        Experiment.state == state if state else Experiment.state != "archived",
    )
    total = session.exec(select(func.count()).select_from(Experiment).where(*conditions)).one()
    query = select(Experiment).where(*conditions).order_by(col(Experiment.id).desc()).limit(limit).offset(offset)
    return list(session.exec(query)), total


def variants_of(session: Session, experiment: Experiment) -> list[Variant]:
    """Return the variants, by position."""
    query = select(Variant).where(Variant.experiment_id == experiment.id)
    return list(session.exec(query.order_by(col(Variant.position))))


def runs_of(session: Session, experiment: Experiment) -> list[Run]:
    """Return all runs, oldest first."""
    return list(session.exec(select(Run).where(Run.experiment_id == experiment.id).order_by(col(Run.number))))


def current_run(session: Session, experiment: Experiment) -> Run | None:
    """Return the newest run, ended or not; None before the first launch."""
    query = select(Run).where(Run.experiment_id == experiment.id).order_by(col(Run.number).desc()).limit(1)
    return session.exec(query).first()


def start_run(session: Session, experiment: Experiment, *, now: datetime | None = None) -> Run:
    """Start a new run with a new random seed and the variants' current weights.

    An open run ends at the same time.
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
    """Return a random seed; it is stored, so that the assignment can be reproduced."""
    return secrets.token_hex(8)


def variant_row(experiment: Experiment, position: int, variant: VariantDefinition) -> Variant:
    """Return the row of a new variant."""
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


def content_json(variant: VariantDefinition) -> ContentDocument:
    """Return the stored form of the content, without empty fields."""
    filled = {name: value for name, value in variant.content.model_dump().items() if value}
    return cast(ContentDocument, filled)


def cost_json(cost: Cost | None, currency: str) -> StoredCost | None:
    """Return the stored form of a cost: exact amounts as text, with their currency."""
    if cost is None:
        return None
    return {"fixed": _exact(cost.fixed), "per_thousand": _exact(cost.per_thousand), "currency": currency}


def raise_errors(errors: dict[str, str]) -> None:
    """Raise InvalidError if there are errors."""
    if errors:
        path, message = next(iter(errors.items()))
        raise InvalidError(f"{path}: {message}", fields=errors)


def _exact(amount: Decimal) -> str:
    return f"{amount:f}"


def taken_key(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> dict[str, str]:
    """Return the error of a key that is in use, by field; empty if it is free."""
    own = (Experiment.project_id == project_id, Experiment.key == key)
    if session.exec(select(Experiment.id).where(*own)).first() is None:
        return {}
    return _taken(key).fields


def _refuse_taken_key(session: Session, key: str, project_id: int) -> None:
    if taken_key(session, key, project_id):
        raise _taken(key)


def _taken(key: str) -> ConflictError:
    text = gettext("The key {key} is taken, perhaps by an archived experiment. Keys cannot be reused; choose another.")
    message = text.format(key=key)
    return ConflictError(message, fields={"key": message}, code="key_taken")
