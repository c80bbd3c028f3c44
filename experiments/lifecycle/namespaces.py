"""Namespaces: sets of mutually exclusive experiments, with a holdout excluded from all of them."""

import secrets

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from experiments.assignment.configuration import touch
from experiments.definition.fields import BUCKETS
from experiments.definition.model import NamespacePlace
from experiments.errors import ConflictError, InvalidError, NotFoundError
from experiments.storage import audit
from experiments.storage.tables import DEFAULT_PROJECT_ID, Experiment, Namespace, utc_now
from experiments.translation import gettext
from experiments.validation import shown

LIVE_STATES = ("scheduled", "running", "paused")
"""States in which an experiment keeps its range of the namespace."""


def ensure(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> Namespace:
    """Return the namespace of a key; create it with a random seed if it does not exist."""
    namespace = session.get(Namespace, (project_id, key))
    if namespace is None:
        namespace = Namespace(project_id=project_id, key=key, seed=secrets.token_hex(8), created_at=utc_now())
        try:
            with session.begin_nested():
                session.add(namespace)
        except IntegrityError:  # created concurrently
            namespace = session.get_one(Namespace, (project_id, key))
    return namespace


def get(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> Namespace:
    """Return the namespace of a key; raise NotFoundError if it does not exist."""
    namespace = session.get(Namespace, (project_id, key))
    if namespace is None:
        message = gettext("There is no namespace {key}. The first experiment that uses it creates it.")
        raise NotFoundError(message.format(key=shown(key)), code="namespace_unknown")
    return namespace


def listing(session: Session, project_id: int = DEFAULT_PROJECT_ID) -> list[Namespace]:
    """Return the namespaces of the project, by key."""
    return list(session.exec(select(Namespace).where(Namespace.project_id == project_id).order_by(col(Namespace.key))))


def occupants(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> list[Experiment]:
    """Return the live experiments of a namespace, by their ranges."""
    query = select(Experiment).where(
        Experiment.project_id == project_id,
        Experiment.namespace_key == key,
        col(Experiment.state).in_(LIVE_STATES),
    )
    return list(session.exec(query.order_by(col(Experiment.namespace_from), col(Experiment.key))))


def overlaps(session: Session, experiment: Experiment) -> list[Experiment]:
    """Return the other live experiments whose ranges overlap with this one's."""
    if experiment.namespace_key is None:
        return []
    return [
        other
        for other in occupants(session, experiment.namespace_key, experiment.project_id)
        if other.id != experiment.id
        and other.namespace_from < experiment.namespace_to
        and experiment.namespace_from < other.namespace_to
    ]


def claim(session: Session, experiment: Experiment) -> None:
    """Check that the experiment's range is free, and lock it until the end of the transaction.

    Raises
    ------
    ConflictError
        The range overlaps with those of other experiments; the detail lists them and the free ranges.
    """
    if experiment.namespace_key is None:
        return
    # Locking the namespace's row makes concurrent launches see each other.
    own = (Namespace.project_id == experiment.project_id, Namespace.key == experiment.namespace_key)
    session.exec(select(Namespace).where(*own).with_for_update()).one()
    others = overlaps(session, experiment)
    if others:
        message = overlap_message(session, experiment, others)
        raise ConflictError(message, fields={"namespace": message}, code="namespace_taken")


def overlap_message(session: Session, experiment: Experiment, others: list[Experiment]) -> str:
    """Return a message with the overlapping experiments and the free ranges."""
    taken = "; ".join(f"{other.key} ({place_text(other)})" for other in others)
    free = ", ".join(_range_text(start, end) for start, end in free_places(session, experiment))
    text = (
        gettext("The range {range} of the namespace {namespace} is used by {taken}. Free ranges: {free}.")
        if free
        else gettext(
            "The range {range} of the namespace {namespace} is used by {taken}. No range is free: stop another "
            "experiment, or use another namespace."
        )
    )
    return text.format(range=place_text(experiment), namespace=experiment.namespace_key, taken=taken, free=free)


def free_places(session: Session, experiment: Experiment) -> list[tuple[int, int]]:
    """Return the ranges of the experiment's namespace that no other live experiment uses, in buckets."""
    gaps, start = [], 0
    for other in occupants(session, experiment.namespace_key or "", experiment.project_id):
        if other.id == experiment.id:
            continue
        if other.namespace_from > start:
            gaps.append((start, other.namespace_from))
        start = max(start, other.namespace_to)
    return [*gaps, (start, BUCKETS)] if start < BUCKETS else gaps


def place_text(experiment: Experiment) -> str:
    """Return a range in words, such as ``0 to 0.5``."""
    return _range_text(experiment.namespace_from, experiment.namespace_to)


def _range_text(start: int, end: int) -> str:
    return gettext("{start:g} to {end:g}").format(start=start / BUCKETS, end=end / BUCKETS)


def set_place(session: Session, experiment: Experiment, place: NamespacePlace | None) -> None:
    """Set or remove the experiment's range; create the namespace if it is new."""
    if place is None:
        experiment.namespace_key, experiment.namespace_from, experiment.namespace_to = None, 0, BUCKETS
        return
    experiment.namespace_key = ensure(session, place.key, experiment.project_id).key
    experiment.namespace_from = round(place.share_from * BUCKETS)
    experiment.namespace_to = round(place.share_to * BUCKETS)


def set_holdout(
    session: Session, key: str, share: float, *, actor: str, project_id: int = DEFAULT_PROJECT_ID
) -> Namespace:
    """Exclude a share of the members from all experiments of the namespace.

    Parameters
    ----------
    share
        0 to 0.5, the last buckets of the namespace, so that a larger holdout contains a smaller one.

    Raises
    ------
    InvalidError
        The share is out of bounds.
    ConflictError
        A live experiment uses buckets that would change; its members would move.
    """
    if isinstance(share, bool) or not 0 <= share <= 0.5:
        message = gettext("{value} is out of range; use 0 to 0.5.").format(value=shown(share))
        raise InvalidError(message, fields={"holdout": message})
    namespace = ensure(session, key, project_id)
    session.refresh(namespace, with_for_update=True)
    before, after = namespace.holdout_buckets, round(share * BUCKETS)
    low, high = BUCKETS - max(before, after), BUCKETS - min(before, after)
    live = occupants(session, key, project_id)
    touched = [row for row in live if row.namespace_from < high and low < row.namespace_to]
    if touched and before != after:
        names = ", ".join(f"{row.key} ({place_text(row)})" for row in touched)
        text = gettext(
            "The holdout of {key} cannot change from {before:g} to {after:g}: {experiments} would lose or gain "
            "members. Stop these experiments first."
        )
        message = text.format(key=key, before=before / BUCKETS, after=after / BUCKETS, experiments=names)
        raise ConflictError(message, code="holdout_in_use")
    namespace.holdout_buckets = after
    session.add(namespace)
    audit.record(session, actor=actor, action="namespace:holdout", namespace=key, share=after / BUCKETS)
    touch(session)
    return namespace
