"""Edits of a stored experiment: partial, with stable ids, and limited by its state.

Before the launch, everything but the key can change. Afterwards the content is frozen; the name, the hypothesis, more
traffic and the planned end can change, and new weights start a new run with a new seed.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from experiments.assignment.configuration import touch
from experiments.definition.fields import BUCKETS
from experiments.definition.model import (
    ExperimentDefinition,
    ExperimentPatch,
    VariantDefinition,
    VariantPatch,
    read_definition,
)
from experiments.errors import ConflictError, InvalidError
from experiments.lifecycle import namespaces, store
from experiments.lifecycle.document import definition_json, definition_of, timestamp, variant_json
from experiments.storage import audit
from experiments.storage.tables import Experiment, Run, Variant, utc_now
from experiments.translation import gettext
from experiments.validation import shown

OPEN_STATES = ("draft", "scheduled")
"""States before any exposure."""

_ALWAYS_EDITABLE = frozenset({"name", "hypothesis"})
_WHILE_LIVE = _ALWAYS_EDITABLE | {"traffic", "ends_at", "variants"}


def patch(
    session: Session, experiment: Experiment, change: ExperimentPatch, *, actor: str, revision: int | None = None
) -> Experiment:
    """Apply a partial edit.

    Parameters
    ----------
    revision
        The revision that the editor saw; an edit of an older one is refused.

    Raises
    ------
    ConflictError
        The revision is stale, or a field is frozen in this state.
    InvalidError
        The experiment would not be valid afterwards.
    """
    store.lock(session, experiment)
    _refuse_stale(experiment, revision)
    if experiment.state in OPEN_STATES:
        _edit_open(session, experiment, change)
    else:
        _edit_live(session, experiment, change, actor)
    experiment.revision += 1
    session.add(experiment)
    audit.record(
        session, actor=actor, action="experiment:edit", experiment=experiment, fields=sorted(change.model_fields_set)
    )
    touch(session)
    return experiment


def revise(
    session: Session,
    experiment: Experiment,
    definition: ExperimentDefinition,
    *,
    actor: str,
    revision: int | None = None,
) -> Experiment:
    """Update a stored experiment to a complete definition, as a form sends it; variants keep their ids by key.

    Raises
    ------
    ConflictError, InvalidError
        As :func:`patch`; the key itself cannot change.
    """
    if definition.key != experiment.key:
        message = gettext("the key {key} cannot change; create a new experiment for {new}.")
        raise _frozen({"key": message.format(key=experiment.key, new=definition.key)})
    current = definition_of(session, experiment)
    kept = {variant.key for variant in definition.variants}
    changed = {
        name: getattr(definition, name)
        for name in ExperimentPatch.model_fields
        if name != "variants" and getattr(definition, name) != getattr(current, name)
    }
    if definition.currency is None:
        changed.pop("currency", None)
    if definition.variants != current.variants:
        changed["variants"] = [_whole_variant(variant) for variant in definition.variants] + [
            VariantPatch(key=variant.key, remove=True) for variant in current.variants if variant.key not in kept
        ]
    change = ExperimentPatch.model_construct(_fields_set=set(changed), **changed)
    return patch(session, experiment, change, actor=actor, revision=revision)


def new_run(
    session: Session,
    experiment: Experiment,
    weights: Mapping[str, float],
    *,
    actor: str,
    now: datetime | None = None,
) -> Run:
    """Change the weights of a running or paused experiment: its run ends, and a new one starts with a new seed.

    Raises
    ------
    ConflictError
        The experiment is neither running nor paused.
    InvalidError
        The weights contain an unknown variant, lack one, or do not add up to 1.
    """
    store.lock(session, experiment)
    if experiment.state not in ("running", "paused"):
        message = gettext("{key} is {state}; a new run needs a running or paused experiment.")
        raise ConflictError(message.format(key=experiment.key, state=experiment.state))
    variants = store.variants_of(session, experiment)
    unknown = sorted(set(weights) - {variant.key for variant in variants})
    if unknown:
        known = ", ".join(variant.key for variant in variants)
        message = gettext("{variant} is not a variant of {key}; its variants are {variants}.")
        raise InvalidError(message.format(variant=shown(unknown[0]), key=experiment.key, variants=known))
    changes = [VariantPatch(key=key, weight=weight) for key, weight in weights.items()]
    _store_variants(session, experiment, _merged(session, experiment, changes))
    return _start_new_run(session, experiment, actor, now or utc_now())


def _start_new_run(session: Session, experiment: Experiment, actor: str, now: datetime) -> Run:
    if store.current_run(session, experiment) is None:
        raise ConflictError(gettext("{key} has not run yet. Resume it first.").format(key=experiment.key))
    run = store.start_run(session, experiment, now=now)
    weights = {key: weight for key, weight, _ in run.allocation}
    audit.record(
        session, actor=actor, action="experiment:new_run", experiment=experiment, run=run.number, weights=weights
    )
    touch(session)
    return run


# Before the launch


def _edit_open(session: Session, experiment: Experiment, change: ExperimentPatch) -> None:
    variants = _merged(session, experiment, change.variants or [])
    if "currency" in change.model_fields_set:
        variants = [_with_currency(variant, experiment.currency, change) for variant in variants]
    changed = {name: getattr(change, name) for name in change.model_fields_set}
    definition = read_definition({**definition_json(experiment, []), **changed, "variants": variants})
    if experiment.state == "scheduled" and definition.ends_at and definition.ends_at <= utc_now():
        text = gettext("{end} is in the past; set a later end, or null for none.")
        message = text.format(end=timestamp(definition.ends_at))
        raise InvalidError(message, fields={"ends_at": message})
    _store_fields(session, experiment, definition)
    _store_variants(session, experiment, definition.variants)
    if experiment.state == "scheduled":
        namespaces.claim(session, experiment)


def _with_currency(variant: VariantDefinition, before: str, edit: ExperimentPatch) -> VariantDefinition:
    """Clear the currency of a cost of 0; a larger cost in the old currency is refused instead."""
    named = {change.key for change in edit.variants or [] if "cost" in change.model_fields_set}
    free_of_charge = variant.cost and not variant.cost.fixed and not variant.cost.per_thousand
    if variant.key in named or not free_of_charge or variant.cost is None or variant.cost.currency != before:
        return variant
    return variant.model_copy(update={"cost": variant.cost.model_copy(update={"currency": None})})


def _store_fields(session: Session, experiment: Experiment, definition: ExperimentDefinition) -> None:
    for name in store.PLAIN_FIELDS:
        setattr(experiment, name, getattr(definition, name))
    for name, value in definition.model_dump(mode="json", include=set(store.JSON_FIELDS)).items():
        setattr(experiment, name, value)
    experiment.currency = definition.currency or experiment.currency
    experiment.traffic_buckets = round(definition.traffic * BUCKETS)
    namespaces.set_place(session, experiment, definition.namespace)
    session.add(experiment)


def _merged(session: Session, experiment: Experiment, changes: list[VariantPatch]) -> list[VariantDefinition]:
    """Return the variants after the changes: existing keys keep their order, new ones follow."""
    stored = store.variants_of(session, experiment)
    merged: dict[str, dict[str, object]] = {variant.key: {**variant_json(variant)} for variant in stored}
    contents: dict[str, dict[str, object]] = {variant.key: {**variant.content} for variant in stored}
    errors: dict[str, str] = {}
    for position, change in enumerate(changes):
        if change.remove:
            if merged.pop(change.key, None) is None:
                errors[f"variants.{position}.key"] = gettext("{key} is not a variant, so it cannot be removed.").format(
                    key=change.key
                )
            continue
        given = change.model_dump(exclude_unset=True, exclude={"remove", "content"})
        before = merged.setdefault(change.key, {"key": change.key})
        before |= {name: value for name, value in given.items() if value is not None or name == "cost"}
        before["content"] = contents.get(change.key, {}) | (change.content or {})
    store.raise_errors(errors)
    raw = {**definition_json(experiment, []), "variants": list(merged.values())}
    # The caller checks the currency of costs, since the experiment's may change as well.
    return read_definition({**raw, "currency": None}).variants


def _store_variants(session: Session, experiment: Experiment, variants: list[VariantDefinition]) -> None:
    """Store the variants, each in the existing row of its key."""
    rows = {variant.key: variant for variant in store.variants_of(session, experiment)}
    keys = [variant.key for variant in variants]
    for key, row in rows.items():
        if key not in keys:
            session.delete(row)
    _free_positions(session, [row for key, row in rows.items() if key in keys], keys)
    for position, variant in enumerate(variants):
        fresh = store.variant_row(experiment, position, variant)
        kept = rows.get(variant.key)
        if kept is None:
            session.add(fresh)
            continue
        for name in ("position", "name", "control", "weight", "content", "cost"):
            setattr(kept, name, getattr(fresh, name))
        session.add(kept)
    session.flush()


def _free_positions(session: Session, rows: list[Variant], keys: list[str]) -> None:
    """Move rows that change positions out of the way first, because positions are unique."""
    session.flush()
    if all(keys.index(row.key) == row.position for row in rows):
        return
    for row in rows:
        row.position += 1_000
        session.add(row)
    session.flush()


def _whole_variant(variant: VariantDefinition) -> VariantPatch:
    values = {name: getattr(variant, name) for name in ("key", "name", "control", "weight", "cost")}
    values["content"] = variant.content.model_dump()
    return VariantPatch.model_construct(_fields_set=set(values), remove=False, **values)


# After the launch


def _edit_live(session: Session, experiment: Experiment, change: ExperimentPatch, actor: str) -> None:
    changed = change.model_fields_set
    allowed = _WHILE_LIVE if experiment.state in ("running", "paused") else _ALWAYS_EDITABLE
    if experiment.state == "archived":
        allowed = frozenset()
    if "variants" in allowed and _before_a_later_run(session, experiment, change):
        allowed |= {"members"}
    errors = {
        name: _frozen_message(experiment, allowed)
        for name in changed
        if name not in allowed and _differs(session, experiment, name, getattr(change, name))
    }
    if errors:
        raise _frozen(errors)
    if "traffic" in allowed and change.traffic is not None:
        _raise_traffic(experiment, change.traffic)
    if "ends_at" in allowed & changed:
        _move_end(experiment, change.ends_at)
    for name in (_ALWAYS_EDITABLE | {"members"}) & allowed & changed:
        setattr(experiment, name, getattr(change, name))
    if "variants" in allowed and change.variants:
        _edit_live_variants(session, experiment, change.variants, actor)


def _before_a_later_run(session: Session, experiment: Experiment, change: ExperimentPatch) -> bool:
    """Return whether no result depends on members of earlier runs yet: in the first run, and where a new one begins."""
    run = store.current_run(session, experiment)
    weights = {row.key: row.weight for row in store.variants_of(session, experiment)}
    moved = any(given.weight not in (None, weights.get(given.key)) for given in change.variants or ())
    return moved or run is None or run.number == 1


def _frozen_message(experiment: Experiment, allowed: frozenset[str]) -> str:
    if not allowed:
        text = gettext("This can't change: the experiment is {state}.")
    elif "traffic" in allowed:
        text = gettext(
            "This can't change while the experiment is {state}. Name, hypothesis, variant names, more traffic, "
            "ends_at and (as a new run) weights can. For other changes, stop it and create a new one."
        )
    else:
        text = gettext(
            "This can't change while the experiment is {state}. Name and hypothesis can. For other changes, create "
            "a new one."
        )
    return text.format(state=experiment.state)


def _differs(session: Session, experiment: Experiment, name: str, value: object) -> bool:
    """Return whether a value differs from the stored one: a form sends every field."""
    if name == "variants":
        return bool(value)
    return bool(getattr(definition_of(session, experiment), name) != value)


def _raise_traffic(experiment: Experiment, traffic: float) -> None:
    buckets = round(traffic * BUCKETS)
    if buckets < experiment.traffic_buckets:
        before = experiment.traffic_buckets / BUCKETS
        message = gettext("{new:g} is below the current {current:g}; traffic can only increase. Pause instead.")
        raise _frozen({"traffic": message.format(new=traffic, current=before)})
    experiment.traffic_buckets = buckets


def _move_end(experiment: Experiment, ends_at: datetime | None) -> None:
    if ends_at is not None and ends_at != experiment.ends_at and ends_at <= utc_now():
        text = gettext("{end} is in the past; set a later end, or null for none, or stop the experiment.")
        message = text.format(end=timestamp(ends_at))
        raise InvalidError(message, fields={"ends_at": message})
    experiment.ends_at = ends_at


def _edit_live_variants(session: Session, experiment: Experiment, changes: list[VariantPatch], actor: str) -> None:
    rows = store.variants_of(session, experiment)
    before = [VariantDefinition.model_validate(variant_json(row)) for row in rows]
    _refuse_structural(experiment, {row.key for row in rows}, changes)
    after = _merged(session, experiment, changes)
    errors = {}
    positions = {change.key: position for position, change in enumerate(changes)}
    for old, new in zip(before, after, strict=True):
        for name in ("control", "content", "cost"):
            if _comparable(old, name, experiment) != _comparable(new, name, experiment):
                path = f"variants.{positions[new.key]}.{name}"
                message = gettext("This can't change while the experiment is {state}, because members have seen it.")
                errors[path] = message.format(state=experiment.state)
    if errors:
        raise _frozen(errors)
    _store_variants(session, experiment, after)
    if [variant.weight for variant in before] != [variant.weight for variant in after]:
        _start_new_run(session, experiment, actor, utc_now())


def _comparable(variant: VariantDefinition, name: str, experiment: Experiment) -> object:
    """Return a field for comparison: a cost of 0 equals none, and one without a currency has the experiment's."""
    if name != "cost":
        return getattr(variant, name)
    cost = variant.cost
    if cost is None or (not cost.fixed and not cost.per_thousand):
        return None
    return cost.fixed, cost.per_thousand, cost.currency or experiment.currency


def _refuse_structural(experiment: Experiment, known: set[str], changes: list[VariantPatch]) -> None:
    errors = {
        f"variants.{position}.key": (
            gettext("{key} cannot be removed while the experiment is {state}. Stop it and create a new one.")
            if change.remove
            else gettext("{key} cannot be added while the experiment is {state}. Stop it and create a new one.")
        ).format(key=change.key, state=experiment.state)
        for position, change in enumerate(changes)
        if change.remove or change.key not in known
    }
    if errors:
        raise _frozen(errors)


def _frozen(errors: dict[str, str]) -> ConflictError:
    path, message = next(iter(errors.items()))
    return ConflictError(f"{path}: {message}", fields=errors, code="frozen")


def _refuse_stale(experiment: Experiment, revision: int | None) -> None:
    if revision is not None and revision != experiment.revision:
        text = gettext(
            "{key} was changed in the meantime: the edit is of revision {revision}, the current one is {current}. "
            "Reload it and repeat the edit."
        )
        message = text.format(key=experiment.key, revision=revision, current=experiment.revision)
        raise ConflictError(message, code="stale_revision")
