"""Everything an analysis is computed from, gathered into one plain document that is stored beside its result.

What is in here and the code decide the result to the digit; nothing else is looked at while it is computed.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from experiments.collected import Collected
from experiments.experiment import variants_of
from experiments.member_rows import Scope
from experiments.metrics import DAY_US, Metric, metric
from experiments.tables import Analysis, Experiment, ImportedCounts, Run, Variant

FORMAT = 1


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
    session: Session, experiment: Experiment, run: Run, *, silence_hours: float, tolerance_us: int
) -> dict[str, Any]:
    """What was decided beforehand, as it stood at this analysis."""
    variants = variants_of(session, experiment)
    return {
        "experiment": experiment.key,
        "run": run.number,
        "started_us": to_us(run.started_at),
        "ended_us": None if run.ended_at is None else to_us(run.ended_at),
        "running": experiment.state == "running" and run.ended_at is None,
        "imported": experiment.imported,
        # Imported totals may come without dates: then the run's moments are those of the import, and it has no length.
        "dates_known": not (experiment.imported and experiment.planned_days is None),
        "simulated": experiment.simulated,
        "control": next(variant.key for variant in variants if variant.control),
        "weights": [[str(key), float(weight)] for key, weight, *_ in run.allocation],
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
        "silence_hours": silence_hours,
        "clock_tolerance_us": tolerance_us,
    }


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
    found = {(row.metric, row.variant): ProportionStatistics(row.members, row.successes) for row in rows}
    keys = [known.key for known in measured(experiment) if any(name == known.key for name, _ in found)]
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
