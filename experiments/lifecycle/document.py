"""The API's JSON document of an experiment: definition, state, runs, and what reproduces its assignment."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, TypeVar

from sqlmodel import Session, col, select

from experiments.assignment.epochs import Epoch, epochs_by_run, first_epoch
from experiments.definition import targeting
from experiments.definition.documents import CostDocument, DefinitionDocument, NamespaceDocument, VariantDocument
from experiments.definition.fields import BUCKETS
from experiments.definition.model import ExperimentDefinition
from experiments.lifecycle import current_prior
from experiments.lifecycle.current_prior import PriorDocument
from experiments.lifecycle.states import POSSIBLE
from experiments.lifecycle.store import variants_of
from experiments.storage.tables import Experiment, Namespace, Run, Variant


class EdgeDocument(TypedDict):
    """A variant's share of the buckets; `upper_edge` is the first bucket after them."""

    variant: str
    weight: float
    upper_edge: int


class EpochDocument(TypedDict):
    """An allocation epoch, and the analysis that changed the shares."""

    number: int
    allocation: list[EdgeDocument]
    started_at: str
    analysis: str | None


class RunDocument(TypedDict):
    """A run, with its seed and the bucket edges of each epoch."""

    number: int
    seed: str
    allocation: list[EdgeDocument]
    started_at: str
    ended_at: str | None
    epochs: list[EpochDocument]


class NamespaceBuckets(TypedDict):
    """The experiment's range of a namespace, and where its holdout begins, in buckets."""

    seed: str
    from_bucket: int
    to_bucket: int
    holdout_from_bucket: int


class AssignmentDocument(TypedDict):
    """All seeds and bounds, which with ``docs/assignment.md`` reproduce each assignment."""

    traffic_seed: str
    traffic_buckets: int
    namespace: NamespaceBuckets | None
    runs: list[RunDocument]


class ShippedDocument(TypedDict):
    """The shipped variant, with the reason."""

    variant: str
    note: str | None


class ExperimentDocument(DefinitionDocument):
    """An experiment: its definition, its state, its runs and the available actions."""

    prior_in_force: PriorDocument
    targeting_text: str | None
    state: str
    actions: list[str]
    run: RunDocument | None
    runs: int
    assignment: AssignmentDocument
    shipped: ShippedDocument | None
    simulated: bool
    imported: bool
    created_at: str | None
    created_by: str
    revision: int


Part = TypeVar("Part", Variant, Run)


def document_of(session: Session, experiment: Experiment) -> ExperimentDocument:
    """Return the API document of an experiment: definition, state, newest run and possible actions."""
    return documents_of(session, [experiment])[0]


def documents_of(session: Session, experiments: Sequence[Experiment]) -> list[ExperimentDocument]:
    """Return the documents of any number of experiments, with seven queries."""
    ids = [experiment.id for experiment in experiments]
    variants = session.exec(select(Variant).where(col(Variant.experiment_id).in_(ids)).order_by(col(Variant.position)))
    runs = session.exec(select(Run).where(col(Run.experiment_id).in_(ids)).order_by(col(Run.number)))
    variants_by, runs_by = _grouped(variants), _grouped(runs)
    epochs = epochs_by_run(session, [run for some in runs_by.values() for run in some])
    keys = {experiment.namespace_key for experiment in experiments if experiment.namespace_key}
    rows = session.exec(select(Namespace).where(col(Namespace.key).in_(keys))) if keys else ()
    spaces = {(space.project_id, space.key): space for space in rows}
    priors = current_prior.current_priors(session, experiments, runs_by)
    return [
        _document(
            experiment,
            variants_by.get(experiment.id, []),
            runs_by.get(experiment.id, []),
            spaces.get((experiment.project_id, experiment.namespace_key or "")),
            epochs,
            priors[experiment.id],
        )
        for experiment in experiments
    ]


def definition_of(session: Session, experiment: Experiment) -> ExperimentDefinition:
    """Return the definition of a stored experiment, for editing and copying."""
    return ExperimentDefinition.model_validate(definition_json(experiment, variants_of(session, experiment)))


def definition_json(experiment: Experiment, variants: Iterable[Variant]) -> DefinitionDocument:
    """Return the JSON form of a definition, which ``POST /api/v1/experiments`` accepts."""
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
        "bots": experiment.bots,
        "members": experiment.members,
        "starts_at": timestamp(experiment.starts_at),
        "ends_at": timestamp(experiment.ends_at),
    }


def variant_json(variant: Variant) -> VariantDocument:
    """Return the API form of a variant, with amounts as numbers."""
    cost: CostDocument | None = variant.cost and {
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


def namespace_json(experiment: Experiment) -> NamespaceDocument | None:
    """Return the API form of the range in a namespace."""
    if experiment.namespace_key is None:
        return None
    return {
        "key": experiment.namespace_key,
        "from": experiment.namespace_from / BUCKETS,
        "to": experiment.namespace_to / BUCKETS,
    }


def timestamp(moment: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC, such as ``2026-11-23T08:00:00Z``."""
    return None if moment is None else _in_utc(moment)


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _document(
    experiment: Experiment,
    variants: list[Variant],
    runs: list[Run],
    space: Namespace | None,
    epochs: Mapping[int | None, list[Epoch]],
    prior: PriorDocument,
) -> ExperimentDocument:
    shipped: ShippedDocument | None = None
    if experiment.shipped_variant:
        shipped = {"variant": experiment.shipped_variant, "note": experiment.shipped_note}
    return {
        **definition_json(experiment, variants),
        "prior_in_force": prior,
        "targeting_text": targeting.describe(targeting.parse(experiment.targeting)) if experiment.targeting else None,
        "state": experiment.state,
        "actions": list(POSSIBLE[experiment.state]),
        "run": run_json(runs[-1], epochs.get(runs[-1].id)) if runs else None,
        "runs": len(runs),
        "assignment": assignment_json(experiment, runs, space, epochs),
        "shipped": shipped,
        "simulated": experiment.simulated,
        "imported": experiment.imported,
        "created_at": timestamp(experiment.created_at),
        "created_by": experiment.created_by,
        "revision": experiment.revision,
    }


def assignment_json(
    experiment: Experiment,
    runs: Sequence[Run],
    space: Namespace | None,
    epochs: Mapping[int | None, list[Epoch]] | None = None,
) -> AssignmentDocument:
    """Return all seeds and bounds (in buckets), which with ``docs/assignment.md`` reproduce each assignment."""
    place: NamespaceBuckets | None = None
    if space is not None:
        place = {
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


def run_json(run: Run, epochs: Sequence[Epoch] | None = None) -> RunDocument:
    """Return the API form of a run, with its seed and the bucket edges of each epoch."""
    return {
        "number": run.number,
        "seed": run.seed,
        "allocation": _edges_json(run.allocation),
        "started_at": _in_utc(run.started_at),
        "ended_at": timestamp(run.ended_at),
        "epochs": [_epoch_json(epoch) for epoch in epochs or [first_epoch(run)]],
    }


def _epoch_json(epoch: Epoch) -> EpochDocument:
    return {
        "number": epoch.number,
        "allocation": _edges_json(epoch.allocation),
        "started_at": _in_utc(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=epoch.started_us)),
        "analysis": epoch.analysis_id,
    }


def _edges_json(allocation: Iterable[Sequence[Any]]) -> list[EdgeDocument]:
    return [{"variant": key, "weight": weight, "upper_edge": edge} for key, weight, edge in allocation]


def _grouped(rows: Iterable[Part]) -> dict[int | None, list[Part]]:
    groups: dict[int | None, list[Part]] = {}
    for row in rows:
        groups.setdefault(row.experiment_id, []).append(row)
    return groups
