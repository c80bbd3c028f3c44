"""Read the inputs of an analysis from the database: the plan of its run and what earlier analyses found."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Text, cast, func, select
from sqlmodel import Session, col

from analysis import Look
from experiments.analyses.plan import AdaptiveAllocation, Plan, PlannedEpoch
from experiments.analyses.priors import of_run
from experiments.assignment.epochs import Epoch, epochs_of
from experiments.catalogue.metrics import DAY_US, Metric, metric
from experiments.catalogue.sums import nothing, statistic
from experiments.collect.attribution import Scope
from experiments.collect.collected import Collected
from experiments.collect.request import Covariate
from experiments.errors import ConflictError
from experiments.lifecycle.store import variants_of
from experiments.storage.tables import Analysis, Experiment, ImportedCounts, Run, Variant
from experiments.validation import shown


def to_us(moment: datetime) -> int:
    """Return whole microseconds since 1970; a time without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def measured(experiment: Experiment) -> tuple[Metric, ...]:
    """Return the experiment's metrics without repeats: the primary one, the others, then the guardrails."""
    keys = dict.fromkeys([experiment.primary_metric, *experiment.metrics, *experiment.guardrails])
    return tuple(metric(key) for key in keys)


def tolerance_us(experiment: Experiment, seconds: int) -> int:
    """Return how far an app's clock may be behind the server's; 0 for imports, whose times come from one clock."""
    return 0 if experiment.imported else seconds * 1_000_000


def scope(
    experiment: Experiment,
    run: Run,
    cut_off_us: int,
    *,
    tolerance_us: int,
    by_arrival: bool = True,
    earlier_runs: tuple[int, ...] = (),
) -> Scope:
    """Return the scope of the rows that an analysis of the run reads."""
    return Scope(
        project_id=experiment.project_id,
        run_id=run.id or 0,
        experiment=experiment.key,
        currency=experiment.currency,
        window_us=experiment.window_days * DAY_US,
        cut_off_us=cut_off_us,
        variants=tuple(str(key) for key, *_ in run.allocation),
        by_arrival=by_arrival,
        tolerance_us=tolerance_us,
        begun_us=to_us(run.started_at),
        ended_us=None if experiment.imported else _ended_us(experiment, run),
        earlier_runs=earlier_runs,
        new_only=experiment.members == "new_only",
        count_bots=experiment.bots == "count",
        live=not experiment.imported,
    )


def _ended_us(experiment: Experiment, run: Run) -> int | None:
    """Return the end of a run; the worker ends it a moment after the scheduled end."""
    ended_at = run.ended_at or experiment.ends_at
    return None if ended_at is None else to_us(ended_at)


def earlier_runs(session: Session, run: Run) -> tuple[int, ...]:
    """Return the ids of the experiment's runs before this one."""
    query = select(col(Run.id)).where(col(Run.experiment_id) == run.experiment_id, col(Run.number) < run.number)
    return tuple(int(found) for found in session.scalars(query.order_by(col(Run.number))) if found is not None)


def plan(
    session: Session, experiment: Experiment, run: Run, *, cut_off_us: int, silence_hours: float, tolerance_us: int
) -> Plan:
    """Return the plan of the run at this analysis.

    Raises
    ------
    ConflictError
        The variants do not have exactly one control.
    """
    variants = variants_of(session, experiment)
    return Plan(
        experiment=experiment.key,
        run=run.number,
        started_us=to_us(run.started_at),
        ended_us=None if run.ended_at is None else to_us(run.ended_at),
        running=experiment.state == "running" and run.ended_at is None,
        imported=experiment.imported,
        # Totals imported without dates: the run starts and ends at the time of the import.
        dates_known=not (experiment.imported and experiment.planned_days is None),
        simulated=experiment.simulated,
        control=_control(experiment, variants),
        weights={str(key): float(weight) for key, weight, *_ in run.allocation},
        epochs=_planned_epochs(session, experiment, run, cut_off_us),
        names={variant.key: _name(variant) for variant in variants},
        primary=experiment.primary_metric,
        metrics=tuple(one.key for one in measured(experiment)),
        guardrails=tuple(experiment.guardrails),
        segments=tuple(experiment.segments),
        currency=experiment.currency,
        window_days=experiment.window_days,
        planned_days=experiment.planned_days,
        minimum_members=experiment.minimum_members,
        threshold_of_caring=experiment.threshold_of_caring,
        silence_hours=silence_hours,
        clock_tolerance_us=tolerance_us,
        lift_prior=of_run(session, experiment, run),
        allocation=None if experiment.allocation is None else AdaptiveAllocation(**experiment.allocation),
        covariate=Covariate.of(experiment),
        imported_rows=run.imported_rows,
        block=run.imported_block,
        interval="hdi" if experiment.interval == "hdi" else "eti",
        earlier_runs=earlier_runs(session, run),
        admitted=_admitted(experiment),
        new_only=experiment.members == "new_only",
    )


def _admitted(experiment: Experiment) -> float | None:
    """Return the share of the audience that takes part, which is known only without targeting and namespace."""
    restricted = experiment.targeting is not None or experiment.namespace_key is not None
    return None if restricted else experiment.traffic_buckets / 10_000


def _planned_epochs(session: Session, experiment: Experiment, run: Run, cut_off_us: int) -> tuple[PlannedEpoch, ...]:
    return tuple(
        _planned(epoch, imported=experiment.imported)
        for epoch in epochs_of(session, run)
        if epoch.number == 1 or epoch.started_us <= cut_off_us
    )


def _planned(epoch: Epoch, *, imported: bool) -> PlannedEpoch:
    upper = epoch.edges
    buckets = {key: upper[place] - (upper[place - 1] if place else 0) for place, key in enumerate(epoch.weights)}
    return PlannedEpoch(epoch.number, epoch.started_us, epoch.weights, None if imported else buckets)


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


def imported(session: Session, experiment: Experiment, run: Run) -> Collected | None:
    """Return the statistics of a run imported as aggregated counts; None for a run with members."""
    rows = session.scalars(select(ImportedCounts).where(col(ImportedCounts.run_id) == run.id)).all()
    if not rows:
        return None
    variants = [str(key) for key, *_ in run.allocation]
    if unknown := sorted({row.variant for row in rows} - set(variants)):
        raise ConflictError(
            f"The counts of {experiment.key} name the variant {shown(unknown[0])}, which run {run.number} does not "
            f"have; it has {', '.join(variants)}. Import them again under the right names."
        )
    cells = {
        (row.metric, row.variant): statistic(metric(row.metric), row.members, row.successes, row.sums) for row in rows
    }
    keys = [known.key for known in measured(experiment) if any(name == known.key for name, _ in cells)]
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
            key: {variant: cells.get((key, variant), nothing(metric(key))) for variant in variants} for key in keys
        },
    )


def srm_failed(session: Session, run: Run) -> bool:
    """Return whether the run's newest analysis found a sample ratio mismatch, which later ones do not withdraw."""
    health = session.scalars(
        select(col(Analysis.result)["health"])
        .where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))
        .order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc())
        .limit(1)
    ).first()
    return any(check["check"] == "srm" and check["status"] == "fail" for check in health or ())


def aa_history(session: Session) -> tuple[bool, ...]:
    """Return for each finished A/A experiment whether its last verdict declared a winner or a harm.

    In an A/A experiment all variants have the same content. Empty content does not count, since the app holds it.
    """
    content = cast(col(Variant.content), Text)
    a_a_tests = (
        select(col(Variant.experiment_id))
        .join(Experiment, col(Experiment.id) == Variant.experiment_id)
        .where(col(Experiment.state).in_(("stopped", "archived")), col(Experiment.simulated).is_(False))
        .group_by(col(Variant.experiment_id))
        .having(func.count(func.distinct(content)) == 1, func.max(content) != "{}")
    )
    newest = (
        select(func.max(Analysis.id))
        .where(col(Analysis.experiment_id).in_(a_a_tests), col(Analysis.history_only).is_(False))
        .group_by(col(Analysis.experiment_id))
    )
    decisions = session.scalars(select(col(Analysis.decision)).where(col(Analysis.id).in_(newest)))
    return tuple(decision in ("ship", "stop_harm") for decision in decisions if decision != "untrusted")


def looks_before(session: Session, run: Run) -> tuple[Look, ...]:
    """Return the looks of the run's earlier analyses that the stopping rule needs, oldest first."""
    newest = (
        select(col(Analysis.inputs)["looks"], col(Analysis.result)["verdict"]["look"])
        .where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))
        .order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc())
        .limit(1)
    )
    row = session.execute(newest).first()
    if row is None:
        return ()
    earlier, last = [Look.from_dict(look) for look in row[0]], Look.from_dict(row[1])
    # Looks in quick succession do not count, so only the newest of these is kept.
    return (*(look for look in earlier if look.counted or look.crossed or look.harmed or look.broken), last)
