"""What stands round the answer: where the experiment is in its life, and what its analysis is doing at this moment."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import exists
from sqlmodel import Session, col, func, select

from experiments.analyses.answer import Answer
from experiments.lifecycle import store
from experiments.lifecycle.states import POSSIBLE
from experiments.reporting.numbers import ago, listed, moment, plural
from experiments.settings import Settings
from experiments.storage.tables import AuditEntry, Event, Experiment, Exposure, ImportedCounts, Job, Run, Variant
from experiments.translation import gettext
from web.pages.common import durations
from web.pages.results import pending
from web.pages.results.parts import VariantFacts

ASKED_BY_PEOPLE = ("page:", "api:", "cli")
LONG_WAIT = timedelta(seconds=30)


@dataclass(frozen=True)
class Status:
    """``kind`` is "" (nothing to say), working, failed, stale or later (a part is missing and nothing brings it).

    `progress` is a share, or 0 where not known.
    """

    kind: str = ""
    sentence: str = ""
    progress: float = 0.0


def may_ship(experiment: Experiment, *, met: bool) -> bool:
    """Whether "Decide…" has anything to decide: not on a test that is over and that nobody `met`."""
    open_still = experiment.state in ("running", "paused")
    return "ship" in POSSIBLE[experiment.state] and experiment.shipped_variant is None and (met or open_still)


def shipped_at(session: Session, experiment: Experiment) -> datetime | None:
    """When a variant was shipped; None where nobody wrote it down."""
    shipped = col(AuditEntry.action).like("%:experiment:ship")
    query = select(AuditEntry.at).where(AuditEntry.experiment_id == experiment.id, shipped)
    return session.exec(query.order_by(col(AuditEntry.id).desc()).limit(1)).first()


def counted_elsewhere(session: Session, run: Run | None) -> bool:
    """Whether the run came as totals a variant, without members."""
    return run is not None and bool(session.scalar(select(exists().where(col(ImportedCounts.run_id) == run.id))))


def facts_of(variants: list[Variant]) -> tuple[VariantFacts, ...]:
    """The stored variants as the page knows them."""
    return tuple(
        VariantFacts(
            variant.key,
            variant.position,
            variant.name,
            variant.control,
            str(variant.content.get("headline") or ""),
            str(variant.content.get("image_url") or ""),
        )
        for variant in variants
    )


def fixed_costs(variants: list[Variant]) -> dict[str, float]:
    """What each variant cost once, in the experiment's currency, by its key; those that cost nothing are left out."""
    costs = {variant.key: float((variant.cost or {}).get("fixed") or 0) for variant in variants}
    return {key: cost for key, cost in costs.items() if cost}


def chosen_run(session: Session, experiment: Experiment, number: int | None) -> tuple[list[Run], Run | None]:
    """Every run, the newest first, and the one asked for; the newest where none or an unknown one is asked for."""
    runs = store.runs_of(session, experiment)[::-1]
    return runs, next((run for run in runs if run.number == number), runs[0] if runs else None)


def members_met(session: Session, run: Run | None) -> int:
    """How many members met the run so far."""
    if run is None:
        return 0
    return session.scalar(select(func.count()).select_from(Exposure).where(col(Exposure.run_id) == run.id)) or 0


def situation(session: Session, experiment: Experiment, run: Run | None, *, newest: bool) -> str:
    """Why there is no answer: "unrun", "silent" (nobody met it), "first" (it is to come) or "missed" (an old run)."""
    if run is None:
        return "unrun"
    if not newest:
        return "missed"
    met = session.scalar(select(exists().where(col(Exposure.run_id) == run.id)))
    counted = session.scalar(select(exists().where(col(ImportedCounts.run_id) == run.id)))
    if met or counted:
        return "first"
    return "silent" if experiment.state in ("running", "paused") else "unrun"


def newest_job(session: Session, experiment: Experiment) -> Job | None:
    """The newest analysis job of the experiment."""
    query = select(Job).where(Job.experiment_id == experiment.id, Job.kind == "analyse")
    return session.exec(query.order_by(col(Job.id).desc()).limit(1)).first()


def status(
    session: Session,
    experiment: Experiment,
    run: Run | None,
    answer: Answer | None,
    settings: Settings,
    *,
    now: datetime,
) -> Status:
    """What to say about the analysis now.

    Work that nobody asked for is not announced beside an answer: the newer answer comes quietly by itself.
    """
    job = newest_job(session, experiment)
    at = analysed_at(answer)
    asked = job is not None and job.requested_by.startswith(ASKED_BY_PEOPLE)
    missing = pending.coming(answer)
    if job and job.state in ("due", "running") and (answer is None or asked or missing):
        if job.state == "running" and missing:
            usual = pending.usual_duration(session, experiment)
            told = pending.sentence(missing, usual, now - moment(job.due_at))
            return Status("working", told, round(job.progress, 2))
        return _working(job, now)
    if job and job.state == "failed" and (at is None or (job.finished_at and moment(job.finished_at) > at)):
        return Status("failed", job.message or "The worker gave no reason.")
    if answer is None:
        return Status("working", "It starts as soon as the worker is free.")
    if missing:
        return Status("later", f"Not worked out yet: {listed(missing)}.")
    limit = timedelta(seconds=max(120, 3 * settings.analyse_every_seconds))
    if at and now - at > limit and run and newer_data(session, experiment, run, answer):
        return Status("stale", f"The answer below is from {ago(at, now)}, and members have acted since.")
    return Status()


def _working(job: Job, now: datetime) -> Status:
    if job.state == "due":
        waited = now - moment(job.due_at)
        if waited > LONG_WAIT:
            return Status(
                "working",
                f"The analysis has been waiting for a worker since {ago(job.due_at, now)};"
                " see that one is running (klette worker).",
            )
        return Status("working", "The analysis waits for the worker.")
    return Status("working", gettext(job.message) or gettext("Counting members and events"), round(job.progress, 2))


def newer_data(session: Session, experiment: Experiment, run: Run, answer: Answer) -> bool:
    """Whether the run has exposures after the cut-off, or its project has events while the run goes on."""
    after = int(datetime.fromisoformat(answer.heading.cut_off).timestamp() * 1_000_000)
    exposed = exists().where(col(Exposure.run_id) == run.id, col(Exposure.received_us) > after)
    # The sum keeps the database from walking all events of the project instead of the newest ones.
    acted = exists().where(col(Event.project_id) + 0 == experiment.project_id, col(Event.received_us) > after)
    return bool(session.scalar(select(exposed)) or (run.ended_at is None and session.scalar(select(acted))))


def analysed_at(answer: Answer | None) -> datetime | None:
    """When the analysis was made."""
    return datetime.fromisoformat(answer.heading.created_at) if answer else None


def length_of(run: Run | None, planned_days: int | None, now: datetime) -> str:
    """The day that the run is in, or what it took; "" without a run, and where it was over within the hour."""
    if run is None:
        return ""
    if run.ended_at is None:
        return durations.running(now - moment(run.started_at), planned_days)
    ran = moment(run.ended_at) - moment(run.started_at)
    return durations.over(ran) if ran >= timedelta(hours=1) else ""


def fingerprint(*parts: Any) -> str:
    """A short mark of what a page shows; a poll that brings the same mark gets nothing back."""
    return hashlib.blake2s(repr(parts).encode(), digest_size=8).hexdigest()


def members_text(number: int) -> str:
    """``1,204 members``."""
    return plural(number, "member")


def now_utc() -> datetime:
    """The present moment."""
    return datetime.now(UTC)
