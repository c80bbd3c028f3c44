"""Everything an analysis is computed from, gathered into one plain document that is stored beside its result.

What is in here and the code decide the result to the digit; nothing else is looked at while it is computed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlmodel import Session, col

from experiments.analyses.priors import in_force
from experiments.assignment.epochs import Epoch, epochs_of
from experiments.catalogue.metrics import DAY_US, Metric, metric
from experiments.collect.attribution import Scope
from experiments.collect.collected import Collected
from experiments.errors import ConflictError
from experiments.lifecycle.store import variants_of
from experiments.storage.tables import Analysis, Experiment, ImportedCounts, Run, Variant
from experiments.validation import shown

FORMAT = 2


def to_us(moment: datetime) -> int:
    """Whole microseconds since 1970; a time without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def measured(experiment: Experiment) -> tuple[Metric, ...]:
    """The experiment's metrics: the primary one first, then the others, then the guardrails; each once."""
    keys = dict.fromkeys([experiment.primary_metric, *experiment.metrics, *experiment.guardrails])
    return tuple(metric(key) for key in keys)


def tolerance_us(experiment: Experiment, seconds: int) -> int:
    """How far an app's clock may be behind ours; imported times come from one clock, so nothing is forgiven there."""
    return 0 if experiment.imported else seconds * 1_000_000


def scope(experiment: Experiment, run: Run, cut_off_us: int, *, tolerance_us: int, by_arrival: bool = True) -> Scope:
    """Which rows an analysis of the run looks at."""
    return Scope(
        run_id=run.id or 0,
        experiment=experiment.key,
        currency=experiment.currency,
        window_us=experiment.window_days * DAY_US,
        cut_off_us=cut_off_us,
        variants=tuple(str(key) for key, *_ in run.allocation),
        by_arrival=by_arrival,
        tolerance_us=tolerance_us,
        begun_us=to_us(run.started_at),
    )


def plan(
    session: Session, experiment: Experiment, run: Run, *, cut_off_us: int, silence_hours: float, tolerance_us: int
) -> dict[str, Any]:
    """What was decided beforehand, as it stood at this analysis.

    Raises
    ------
    ConflictError
        No variant is the control: there is nothing to compare with.
    """
    variants = variants_of(session, experiment)
    return in_force(session, experiment, run).to_plan() | {
        "experiment": experiment.key,
        "run": run.number,
        "started_us": to_us(run.started_at),
        "ended_us": None if run.ended_at is None else to_us(run.ended_at),
        "running": experiment.state == "running" and run.ended_at is None,
        "imported": experiment.imported,
        # Imported totals may come without dates: then the run's moments are those of the import, and it has no length.
        "dates_known": not (experiment.imported and experiment.planned_days is None),
        "simulated": experiment.simulated,
        "control": _control(experiment, variants),
        "weights": [[str(key), float(weight)] for key, weight, *_ in run.allocation],
        "allocation": experiment.allocation,
        "epochs": [
            {
                "number": epoch.number,
                "started_us": epoch.started_us,
                "weights": [[key, share] for key, share in epoch.weights.items()],
                "buckets": None if experiment.imported else _buckets(epoch),
            }
            for epoch in epochs_of(session, run)
            if epoch.number == 1 or epoch.started_us <= cut_off_us
        ],
        "names": [[variant.key, _called(variant.position, _name(variant))] for variant in variants],
        "primary": experiment.primary_metric,
        "metrics": [found.key for found in measured(experiment)],
        "guardrails": list(experiment.guardrails),
        "segments": list(experiment.segments),
        "currency": experiment.currency,
        "window_days": experiment.window_days,
        "planned_days": experiment.planned_days,
        "minimum_members": experiment.minimum_members,
        "threshold_of_caring": experiment.threshold_of_caring,
        "covariate": experiment.covariate,
        "interval": experiment.interval,
        "silence_hours": silence_hours,
        "clock_tolerance_us": tolerance_us,
    }


def _buckets(epoch: Epoch) -> list[list[Any]]:
    """How many buckets each variant owns: the shares as they are really handed out."""
    upper = epoch.edges
    return [[key, upper[place] - (upper[place - 1] if place else 0)] for place, key in enumerate(epoch.weights)]


def _control(experiment: Experiment, variants: Sequence[Variant]) -> str:
    controls = [variant.key for variant in variants if variant.control]
    if len(controls) != 1:
        known = ", ".join(variant.key for variant in variants) or "none"
        raise ConflictError(
            f"{experiment.key} has {len(controls)} controls among its variants ({known}); it takes exactly one."
        )
    return controls[0]


def _name(variant: Variant) -> str:
    return variant.name or str(variant.content.get("headline") or "")


def _called(position: int, name: str) -> str:
    """A variant in a sentence: its letter, and its name where it has one."""
    letter = chr(ord("A") + position) if position < 26 else f"No. {position + 1}"
    return f"{letter} “{name}”" if name and name.upper() != letter else letter


def imported(session: Session, experiment: Experiment, run: Run) -> Collected | None:
    """Statistics of a run that came as aggregated counts; None where it came as members."""
    rows = session.scalars(select(ImportedCounts).where(col(ImportedCounts.run_id) == run.id)).all()
    if not rows:
        return None
    from analysis.statistics import ProportionStatistics

    variants = [str(key) for key, *_ in run.allocation]
    if unknown := sorted({row.variant for row in rows} - set(variants)):
        raise ConflictError(
            f"The counts of {experiment.key} name the variant {shown(unknown[0])}, which run {run.number} does not "
            f"have; it has {', '.join(variants)}. Import them again under the right names."
        )
    found = {(row.metric, row.variant): ProportionStatistics(row.members, row.successes) for row in rows}
    keys = [known.key for known in measured(experiment) if any(name == known.key for name, _ in found)]
    if experiment.primary_metric not in keys:
        raise ConflictError(
            f"The counts of {experiment.key} hold nothing on {experiment.primary_metric}, its primary metric; import "
            "them with that column."
        )
    return Collected(
        counts={
            variant: max((row.members for row in rows if row.variant == variant), default=0) for variant in variants
        },
        excluded={"multi_exposed": 0, "bots": 0},
        shared=0,
        metric_data={
            key: {variant: found.get((key, variant), ProportionStatistics.empty()) for variant in variants}
            for key in keys
        },
    )


def srm_rang(session: Session, run: Run) -> bool:
    """Whether the newest of the run's earlier analyses has found the split wrong: what rang once goes on ringing."""
    health = session.scalars(
        select(Analysis.result["health"])  # type: ignore[call-overload, index]
        .where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))
        .order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc())
        .limit(1)
    ).first()
    return any(check["check"] == "srm" and check["status"] == "fail" for check in health or ())


def aa_history(session: Session) -> list[bool]:
    """For each finished A/A experiment, whether its last answer declared a winner or a harm.

    It is one where all variants have the very same content; of empty content nothing is known, since an app holds it.
    """
    content = cast(Variant.content, Text)  # type: ignore[arg-type]
    alike = (
        select(Variant.experiment_id)  # type: ignore[call-overload]
        .join(Experiment, col(Experiment.id) == Variant.experiment_id)
        .where(col(Experiment.state).in_(("stopped", "archived")), col(Experiment.simulated).is_(False))
        .group_by(col(Variant.experiment_id))
        .having(func.count(func.distinct(content)) == 1, func.max(content) != "{}")
    )
    newest = (
        select(func.max(Analysis.id))
        .where(col(Analysis.experiment_id).in_(alike), col(Analysis.history_only).is_(False))
        .group_by(col(Analysis.experiment_id))
    )
    decisions = session.scalars(select(Analysis.decision).where(col(Analysis.id).in_(newest)))
    return [decision in ("ship", "stop_harm") for decision in decisions if decision != "untrusted"]


def looks_before(session: Session, run: Run) -> list[dict[str, Any]]:
    """The looks of the run's earlier analyses that the stopping rule must know, oldest first."""
    newest = (
        select(Analysis.inputs, Analysis.result)
        .where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))
        .order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc())
        .limit(1)
    )
    row = session.execute(newest).first()
    if row is None:
        return []
    stored, result = row
    # Looks in quick succession do not count, so only the newest of these is carried along.
    before = [look for look in stored["looks"] if look.get("counted", True) or look["crossed"] or look.get("harmed")]
    return [*before, result["verdict"]["look"]]
