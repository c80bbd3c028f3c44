"""Namespaces: sets of experiments that never share a member, and the holdout that is kept out of all of them."""

import secrets

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from experiments.assignment.configuration import touch
from experiments.definition.fields import BUCKETS
from experiments.definition.model import NamespacePlace
from experiments.errors import ConflictError, InvalidError, NotFoundError
from experiments.storage import audit
from experiments.storage.tables import DEFAULT_PROJECT_ID, Experiment, Namespace, utc_now
from experiments.validation import shown

LIVE_STATES = ("scheduled", "running", "paused")
"""States in which an experiment keeps its place."""


def ensure(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> Namespace:
    """The namespace of this key, made with a new random seed where there is none."""
    namespace = session.get(Namespace, (project_id, key))
    if namespace is None:
        namespace = Namespace(project_id=project_id, key=key, seed=secrets.token_hex(8), created_at=utc_now())
        try:
            with session.begin_nested():
                session.add(namespace)
        except IntegrityError:  # somebody else made it at the same moment
            namespace = session.get_one(Namespace, (project_id, key))
    return namespace


def get(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> Namespace:
    """The namespace of this key; raises NotFoundError."""
    namespace = session.get(Namespace, (project_id, key))
    if namespace is None:
        raise NotFoundError(
            f"There is no namespace {shown(key)}; an experiment that names it makes it.", code="namespace_unknown"
        )
    return namespace


def listing(session: Session, project_id: int = DEFAULT_PROJECT_ID) -> list[Namespace]:
    """Every namespace of the project, by key."""
    return list(session.exec(select(Namespace).where(Namespace.project_id == project_id).order_by(col(Namespace.key))))


def occupants(session: Session, key: str, project_id: int = DEFAULT_PROJECT_ID) -> list[Experiment]:
    """The live experiments of a namespace, by their places."""
    query = select(Experiment).where(
        Experiment.project_id == project_id,
        Experiment.namespace_key == key,
        col(Experiment.state).in_(LIVE_STATES),
    )
    return list(session.exec(query.order_by(col(Experiment.namespace_from), col(Experiment.key))))


def overlaps(session: Session, experiment: Experiment) -> list[Experiment]:
    """The other live experiments whose places overlap with this one's."""
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
    """Make sure that the experiment's place is free, and keep it so until the transaction ends.

    Raises
    ------
    ConflictError
        Names the experiments in the way, their places and what is free.
    """
    if experiment.namespace_key is None:
        return
    # Two launches at the same moment must see each other: the namespace's row is their meeting point.
    own = (Namespace.project_id == experiment.project_id, Namespace.key == experiment.namespace_key)
    session.exec(select(Namespace).where(*own).with_for_update()).one()
    others = overlaps(session, experiment)
    if others:
        message = overlap_message(session, experiment, others)
        raise ConflictError(message, fields={"namespace": message}, code="namespace_taken")


def overlap_message(session: Session, experiment: Experiment, others: list[Experiment]) -> str:
    """One sentence about who is in the way and one about what is free."""
    taken = "; ".join(f"{other.key} holds {place_text(other)}" for other in others)
    free = ", ".join(f"{start / BUCKETS:g} to {end / BUCKETS:g}" for start, end in free_places(session, experiment))
    remedy = f"Free is: {free}." if free else "Nothing is free: stop another one, or use another namespace."
    return (
        f"The place {place_text(experiment)} in the namespace {experiment.namespace_key} is not free: {taken}. {remedy}"
    )


def free_places(session: Session, experiment: Experiment) -> list[tuple[int, int]]:
    """The gaps of the experiment's namespace that no other live experiment holds, in buckets."""
    gaps, start = [], 0
    for other in occupants(session, experiment.namespace_key or "", experiment.project_id):
        if other.id == experiment.id:
            continue
        if other.namespace_from > start:
            gaps.append((start, other.namespace_from))
        start = max(start, other.namespace_to)
    return [*gaps, (start, BUCKETS)] if start < BUCKETS else gaps


def place_text(experiment: Experiment) -> str:
    """A place as people read it, such as ``0 to 0.5``."""
    return f"{experiment.namespace_from / BUCKETS:g} to {experiment.namespace_to / BUCKETS:g}"


def set_place(session: Session, experiment: Experiment, place: NamespacePlace | None) -> None:
    """Give the experiment its place, or none; the namespace is made where it is new."""
    if place is None:
        experiment.namespace_key, experiment.namespace_from, experiment.namespace_to = None, 0, BUCKETS
        return
    experiment.namespace_key = ensure(session, place.key, experiment.project_id).key
    experiment.namespace_from = round(place.share_from * BUCKETS)
    experiment.namespace_to = round(place.share_to * BUCKETS)


def set_holdout(
    session: Session, key: str, share: float, *, actor: str, project_id: int = DEFAULT_PROJECT_ID
) -> Namespace:
    """Keep a share of the members out of every experiment of the namespace.

    Parameters
    ----------
    share
        0 to 0.5; the namespace's last buckets, so that a larger holdout contains a smaller one.

    Raises
    ------
    InvalidError
        The share is out of bounds.
    ConflictError
        A live experiment has its place among the buckets that would change sides: its members would move.
    """
    if isinstance(share, bool) or not 0 <= share <= 0.5:
        message = f"{shown(share)} is out of bounds; keep 0 to 0.5 of the members out."
        raise InvalidError(message, fields={"holdout": message})
    namespace = ensure(session, key, project_id)
    session.refresh(namespace, with_for_update=True)
    before, after = namespace.holdout_buckets, round(share * BUCKETS)
    low, high = BUCKETS - max(before, after), BUCKETS - min(before, after)
    live = occupants(session, key, project_id)
    touched = [row for row in live if row.namespace_from < high and low < row.namespace_to]
    if touched and before != after:
        names = ", ".join(f"{row.key} ({place_text(row)})" for row in touched)
        raise ConflictError(
            f"The holdout of {key} cannot change from {before / BUCKETS:g} to {after / BUCKETS:g} while {names} "
            "is live there: members would change sides. Stop it first, or end its place below the holdout.",
            code="holdout_in_use",
        )
    namespace.holdout_buckets = after
    session.add(namespace)
    audit.record(session, actor=actor, action="namespace:holdout", namespace=key, share=after / BUCKETS)
    touch(session)
    return namespace
