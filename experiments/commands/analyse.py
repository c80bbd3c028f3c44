"""`klette analyse`: analyse an experiment now, or compute a stored analysis again."""

import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlmodel import Session

    from experiments.storage.database import Database
    from experiments.storage.tables import Analysis, Experiment

SHOWN_IDS = 3
"""Analyses that are named where one is asked for that is not there."""


@click.command()
@click.argument("key")
@click.option("--repeat", "analysis_id", metavar="ID", help="Compute this stored analysis again and compare.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Seed of the sampled models.")
@click.option(
    "--quick", "--no-segments", "quick", is_flag=True, help="Leave the sampled models to the worker: seconds less."
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as JSON.")
def command(key: str, analysis_id: str | None, seed: int | None, quick: bool, as_json: bool) -> None:
    """Analyse the experiment KEY now and print the answer as a short table."""
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
        rest_follows = _ask_for_the_rest(database, made, seed)
    reading = Reading.of(made, zone=chosen.time_zone)
    heading = reading.answer.heading
    if as_json:
        click.echo(json.dumps(reading.document, indent=2, ensure_ascii=False))
        return
    click.echo(table(reading.document))
    click.echo()
    click.echo(f"Analysis {made.id}, {heading.units.randomised:,} members, up to {heading.cut_off}.")
    if rest_follows:
        click.echo("The worker computes the rest next.")
    click.echo(f"{chosen.public_url}/experiments/{key}")


def _ask_for_the_rest(database: "Database", made: "Analysis", seed: int | None) -> bool:
    """Queue a full answer where this one left models out: of a test that is over no other would ever follow."""
    from experiments.analyses.answer import Answer
    from experiments.analyses.sampled import postponed
    from experiments.jobs import queue
    from experiments.storage.tables import Experiment

    if not postponed(Answer.from_dict(made.result).sampled):
        return False
    with database.write() as session:
        found = session.get(Experiment, made.experiment_id)
        payload = {} if seed is None else {"seed": seed}
        queue.enqueue(session, "analyse", payload=payload, experiment=found, requested_by="cli")
    return True


def _repeat(database: "Database", key: str, analysis_id: str, *, zone: str | None) -> None:
    """Compute again and compare; with a zone, print the whole result as JSON, its moments in that zone."""
    from experiments.analyses.answer import Answer
    from experiments.analyses.run import repeat
    from experiments.errors import ConflictError, NotFoundError
    from experiments.lifecycle.store import get
    from experiments.reporting.worded import Reading
    from experiments.storage.tables import Analysis

    with database.read() as session:
        stored = session.get(Analysis, analysis_id)
        if stored is None or stored.experiment_id != get(session, key).id:
            raise NotFoundError(f"{key} has no analysis {analysis_id!r}. {_newest(session, get(session, key))}")
        again = json.loads(json.dumps(repeat(session, analysis_id)))
    if zone is not None:
        reading = replace(Reading.of(stored, zone=zone), answer=Answer.from_dict(again))
        click.echo(json.dumps(reading.document, indent=2, ensure_ascii=False))
    if again != stored.result:
        then, now = stored.result["provenance"]["versions"], again["provenance"]["versions"]
        changed = [f"{name} {then.get(name)} → {now.get(name)}" for name in now if then.get(name) != now.get(name)]
        why = f"the versions differ ({', '.join(changed)})" if changed else "the versions are the same: tell the makers"
        raise ConflictError(f"Analysis {analysis_id} gives other figures than stored; {why}.")
    if zone is None:
        click.echo(f"Analysis {analysis_id} repeats to the digit.")


def _newest(session: "Session", experiment: "Experiment") -> str:
    """Which analyses an experiment has, the newest few by their ids, so that one of them can be asked for."""
    from sqlmodel import col, select

    from experiments.reporting.numbers import listed
    from experiments.storage.tables import Analysis

    of_it = (col(Analysis.experiment_id) == experiment.id, col(Analysis.history_only).is_(False))
    ids = session.exec(select(Analysis.id).where(*of_it).order_by(col(Analysis.id).desc()).limit(SHOWN_IDS)).all()
    if not ids:
        return f"It has none yet; klette analyse {experiment.key} makes one."
    return f"The newest {'is' if len(ids) == 1 else 'are'} {listed(ids)}."
