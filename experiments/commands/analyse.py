"""`klette analyse`: analyse an experiment now, or recompute a stored analysis."""

import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from experiments.commands import helping
from experiments.translation import N_, gettext, ngettext
from experiments.translation.filling import filled

if TYPE_CHECKING:
    from sqlmodel import Session

    from experiments.storage.database import Database
    from experiments.storage.tables import Analysis, Experiment

SHOWN_IDS = 3
"""Analyses listed in the error of an unknown one."""


@click.command(cls=helping.Command, help=N_("Analyse the experiment KEY now and print the result as a table."))
@click.argument("key")
@click.option("--repeat", "analysis_id", metavar="ID", help=N_("Recompute this stored analysis and compare."))
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help=N_("Seed of the sampled models."))
@click.option(
    "--quick", "--no-segments", "quick", is_flag=True, help=N_("Leave the sampled models to the worker; saves seconds.")
)
@click.option("--json", "as_json", is_flag=True, help=N_("Print the whole result as JSON."))
def command(key: str, analysis_id: str | None, seed: int | None, quick: bool, as_json: bool) -> None:
    from experiments.jobs.worker import prepare_process
    from experiments.settings import settings
    from experiments.storage.database import Database

    chosen = settings()
    prepare_process(chosen.data_dir)
    from experiments.analyses.run import analyse
    from experiments.reporting.terminal import table
    from experiments.reporting.worded import Reading

    with closing(Database(chosen.url, synchronous=chosen.sqlite_synchronous)) as database:
        if analysis_id:
            _repeat(database, key, analysis_id, zone=chosen.time_zone if as_json else None)
            return
        made = analyse(database, key, seed=seed, with_models=not quick)
        postponed_models = _enqueue_postponed(database, made, seed)
    reading = Reading.of(made, zone=chosen.time_zone)
    heading = reading.answer.heading
    if as_json:
        click.echo(json.dumps(reading.document, indent=2, ensure_ascii=False))
        return
    click.echo(table(reading))
    click.echo()
    summary = gettext("Analysis {id}, {members:,} members, up to {cut_off}.")
    click.echo(filled(summary, id=made.id, members=heading.units.randomised, cut_off=heading.cut_off))
    if postponed_models:
        click.echo(gettext("The worker fits the remaining models next."))
    click.echo(f"{chosen.public_url}/experiments/{key}")


def _enqueue_postponed(database: "Database", made: "Analysis", seed: int | None) -> bool:
    """Enqueue a full analysis if this one postponed models: for an ended experiment no other would follow."""
    from experiments.analyses.answer import Answer
    from experiments.analyses.sampled import postponed
    from experiments.jobs import queue
    from experiments.storage.tables import Experiment

    if not postponed(Answer.from_dict(made.result).sampled):
        return False
    with database.write() as session:
        experiment = session.get(Experiment, made.experiment_id)
        payload = {} if seed is None else {"seed": seed}
        queue.enqueue(session, "analyse", payload=payload, experiment=experiment, requested_by="cli")
    return True


def _repeat(database: "Database", key: str, analysis_id: str, *, zone: str | None) -> None:
    """Recompute and compare; with a time zone, print the whole result as JSON, with times in that zone."""
    from experiments.analyses.answer import Answer
    from experiments.analyses.run import repeat
    from experiments.errors import ConflictError, NotFoundError
    from experiments.lifecycle.store import get
    from experiments.reporting.worded import Reading
    from experiments.storage.tables import Analysis

    with database.read() as session:
        stored = session.get(Analysis, analysis_id)
        if stored is None or stored.experiment_id != get(session, key).id:
            message = gettext("{key} has no analysis {id!r}. {newest}")
            newest = _newest(session, get(session, key))
            raise NotFoundError(message.format(key=key, id=analysis_id, newest=newest))
        again = json.loads(json.dumps(repeat(session, analysis_id)))
    if zone is not None:
        reading = replace(Reading.of(stored, zone=zone), answer=Answer.from_dict(again))
        click.echo(json.dumps(reading.document, indent=2, ensure_ascii=False))
    if again != stored.result:
        then, now = stored.result["provenance"]["versions"], again["provenance"]["versions"]
        changed = [f"{name} {then.get(name)} → {now.get(name)}" for name in now if then.get(name) != now.get(name)]
        message = (
            gettext("Analysis {id} gives other figures than stored, because versions differ: {versions}.")
            if changed
            else gettext("Analysis {id} gives other figures than stored, with the same versions. Please report this.")
        )
        raise ConflictError(message.format(id=analysis_id, versions=", ".join(changed)))
    if zone is None:
        click.echo(gettext("Analysis {id} gives exactly the stored figures.").format(id=analysis_id))


def _newest(session: "Session", experiment: "Experiment") -> str:
    """Return a sentence with the ids of an experiment's newest analyses."""
    from sqlmodel import col, select

    from experiments.reporting.numbers import listed
    from experiments.storage.tables import Analysis

    conditions = (col(Analysis.experiment_id) == experiment.id, col(Analysis.history_only).is_(False))
    ids = session.exec(select(Analysis.id).where(*conditions).order_by(col(Analysis.id).desc()).limit(SHOWN_IDS)).all()
    if not ids:
        return gettext("Run klette analyse {key} to create one.").format(key=experiment.key)
    return ngettext("The newest is {ids}.", "The newest are {ids}.", len(ids)).format(ids=listed(ids))
