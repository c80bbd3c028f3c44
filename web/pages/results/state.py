"""What is around the result: the state of the experiment, and of its analysis."""

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import exists
from sqlmodel import Session, col, func, select

from experiments.analyses.answer import Answer
from experiments.jobs import schedule
from experiments.lifecycle import store
from experiments.lifecycle.states import POSSIBLE
from experiments.reporting.numbers import ago, count, listed, moment
from experiments.settings import Settings
from experiments.storage.tables import AuditEntry, Experiment, Exposure, ImportedCounts, Job, Run, Variant
from experiments.translation import gettext, ngettext
from web.pages.common import durations
from web.pages.results import pending
from web.pages.results.parts import VariantFacts

REQUESTED_BY_PEOPLE = ("page:", "api:", "cli")
LONG_WAIT = timedelta(seconds=30)


@dataclass(frozen=True)
class Status:
    """The state of the analysis.

    Attributes
    ----------
    kind
        "" (nothing to report), working, failed, stale or later (a part is missing and no job computes it).
    progress
        A share, or 0 where it is not known.
    """

    kind: str = ""
    sentence: str = ""
    progress: float = 0.0


@dataclass(frozen=True)
class Age:
    """The time of an analysis, as ISO 8601 and as how long ago it was."""

    at: str
    text: str


def may_ship(experiment: Experiment, *, exposed: bool) -> bool:
    """Whether "Decide…" is offered: not on a test that ended before any member was `exposed`."""
    still_open = experiment.state in ("running", "paused")
    return "ship" in POSSIBLE[experiment.state] and experiment.shipped_variant is None and (exposed or still_open)


def shipped_at(session: Session, experiment: Experiment) -> datetime | None:
    """Return when a variant was shipped; None where the audit log has no entry."""
    shipped = col(AuditEntry.action).like("%:experiment:ship")
    query = select(AuditEntry.at).where(AuditEntry.experiment_id == experiment.id, shipped)
    return session.exec(query.order_by(col(AuditEntry.id).desc()).limit(1)).first()


def counted_elsewhere(session: Session, run: Run | None) -> bool:
    """Whether the run was imported as totals per variant, without members."""
    return run is not None and bool(session.scalar(select(exists().where(col(ImportedCounts.run_id) == run.id))))


def facts_of(variants: list[Variant]) -> tuple[VariantFacts, ...]:
    """Return the stored variants as the page shows them."""
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
    """Return the one-off cost of each variant that has one, in the experiment's currency, by its key."""
    costs = {variant.key: float(variant.cost["fixed"]) for variant in variants if variant.cost}
    return {key: cost for key, cost in costs.items() if cost}


def chosen_run(session: Session, experiment: Experiment, number: int | None) -> tuple[list[Run], Run | None]:
    """Return all runs, the newest first, and the requested one; the newest where that is missing or unknown."""
    runs = store.runs_of(session, experiment)[::-1]
    return runs, next((run for run in runs if run.number == number), runs[0] if runs else None)


def arrivals(session: Session, run: Run | None) -> dict[str, int]:
    """Return how many members were exposed in the run so far, by variant; bots are left out."""
    if run is None:
        return {}
    counted = select(col(Exposure.variant), func.count()).where(col(Exposure.run_id) == run.id)
    return dict(session.exec(counted.where(col(Exposure.bot).is_(False)).group_by(col(Exposure.variant))).all())


def situation(session: Session, experiment: Experiment, run: Run | None, *, newest: bool) -> str:
    """Return why there is no result.

    "unrun" (it never had members), "silent" (no member yet), "first" (the first analysis is due) or "missed" (an
    earlier run that was not analysed).
    """
    if run is None:
        return "unrun"
    if not newest:
        return "missed"
    exposed = session.scalar(select(exists().where(col(Exposure.run_id) == run.id)))
    counted = session.scalar(select(exists().where(col(ImportedCounts.run_id) == run.id)))
    if exposed or counted:
        return "first"
    return "silent" if experiment.state in ("running", "paused") else "unrun"


def newest_job(session: Session, experiment: Experiment) -> Job | None:
    """Return the newest analysis job of the experiment."""
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
    """Return the state of the analysis.

    A scheduled analysis is not announced beside a result: the page shows the newer one when it is there.
    """
    job = newest_job(session, experiment)
    at = analysed_at(answer)
    requested = job is not None and job.requested_by.startswith(REQUESTED_BY_PEOPLE)
    missing = pending.missing_parts(answer)
    if job and job.state in ("due", "running") and (answer is None or requested or missing):
        if job.state == "running" and missing:
            usual = pending.usual_duration(session, experiment)
            text = pending.sentence(missing, usual, now - moment(job.due_at))
            return Status("working", text, round(job.progress, 2))
        return _working(job, now)
    if job and job.state == "failed" and (at is None or (job.finished_at and moment(job.finished_at) > at)):
        return Status("failed", job.message or gettext("The worker gave no reason."))
    if answer is None:
        return Status("working", _first_starts(session, run, settings, now))
    if missing:
        return Status("later", gettext("Not computed yet: {parts}.").format(parts=listed(missing)))
    limit = timedelta(seconds=max(120, 3 * settings.analyse_every_seconds))
    if at and now - at > limit and run and newer_data(session, experiment, run, answer, now):
        text = gettext("This result was computed {time}; members have acted since.")
        return Status("stale", text.format(time=ago(at, now)))
    return Status()


def _working(job: Job, now: datetime) -> Status:
    if job.state == "due":
        waited = now - moment(job.due_at)
        if waited > LONG_WAIT:
            text = gettext(
                "The analysis was requested {time} and no worker has started it. "
                "Check that a worker is running (klette worker)."
            )
            return Status("working", text.format(time=ago(job.due_at, now)))
        return Status("working", gettext("The analysis is waiting for the worker."))
    return Status("working", gettext(job.message) or gettext("Counting members and events"), round(job.progress, 2))


def _first_starts(session: Session, run: Run | None, settings: Settings, now: datetime) -> str:
    """Return when the first analysis starts, in steps of ten seconds."""
    every_us = settings.analyse_every_seconds * 1_000_000
    due_us = schedule.first_due_us(session, run.id, every_us) if run and run.id else None
    seconds = 0 if due_us is None else math.ceil((due_us / 1e6 - now.timestamp()) / 10) * 10
    if seconds <= 0:
        return gettext("The first analysis starts as soon as the worker is free.")
    text = ngettext(
        "The first analysis starts in about {seconds} second.",
        "The first analysis starts in about {seconds} seconds.",
        seconds,
    )
    return text.format(seconds=count(seconds))


def newer_data(session: Session, experiment: Experiment, run: Run, answer: Answer, now: datetime) -> bool:
    """Whether the run has exposures, or events of its members, that arrived after the cut-off."""
    after = int(datetime.fromisoformat(answer.heading.cut_off).timestamp() * 1_000_000)
    now_us = int(now.timestamp() * 1_000_000)
    return schedule.has_new_data(session, experiment, run.id or 0, after, needed=1, now_us=now_us)


def age(answer: Answer | None, experiment: Experiment, now: datetime) -> Age | None:
    """Return how old the result of a test that goes on is; None where it has ended or has no result."""
    at = analysed_at(answer)
    if at is None or experiment.state not in ("running", "paused"):
        return None
    return Age(at.isoformat(), ago(at, now))


def analysed_at(answer: Answer | None) -> datetime | None:
    """Return when the analysis was computed."""
    return datetime.fromisoformat(answer.heading.created_at) if answer else None


def length_of(run: Run | None, planned_days: int | None, now: datetime) -> str:
    """Return the day of the run, or its length; "" without a run, and where it ended within the hour."""
    if run is None:
        return ""
    if run.ended_at is None:
        return durations.running(now - moment(run.started_at), planned_days)
    ran = moment(run.ended_at) - moment(run.started_at)
    return durations.over(ran) if ran >= timedelta(hours=1) else ""


def fingerprint(*parts: Any) -> str:
    """Return a short mark of what a page shows; a poll with the same mark gets nothing back."""
    return hashlib.blake2s(repr(parts).encode(), digest_size=8).hexdigest()


def now_utc() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)
