"""``klette demo``: the example experiment with its simulated audience, made over HTTP and analysed at once."""

from functools import partial

import click

from experiments.commands.console import Bar, opened_database
from experiments.demo import campaign
from experiments.reporting.terminal import table
from experiments.reporting.worded import Reading
from experiments.settings import settings


@click.command()
@click.option("--url", default="", help="Where this copy's server is; where the settings say if absent.")
@click.option("--members", type=int, default=campaign.MEMBERS, show_default=True, help="How many come by.")
@click.option("--seed", type=int, default=campaign.SEED, show_default=True, help="The same seed, the same audience.")
@click.option("--again", is_flag=True, help="Make another example beside the one that is there.")
@click.option("--analyse/--no-analyse", default=True, help="Answer at once, or leave it to the worker.")
def command(url: str, members: int, seed: int, again: bool, analyse: bool) -> None:
    """Create a lively example experiment with a simulated audience."""
    from experiments.jobs.worker import prepare_process

    chosen = settings()
    prepare_process(chosen.data_dir)
    from experiments.demo.run import make, sentence
    from experiments.demo.server import client_of
    from experiments.jobs.at_once import answer, hold, release
    from experiments.lifecycle import store

    with opened_database(chosen) as database, Bar() as bar, client_of(chosen, url) as client:
        made = make(
            database,
            chosen,
            client,
            members=members,
            seed=seed,
            again=again,
            created=partial(hold, requested_by="demo"),
            report=bar.show,
        )
        bar.clear()
        if not made.members:
            click.echo(f"{made.name} is there already; --again makes another one.")
        else:
            click.echo(f"{made.name}: {sentence(made)}")
            if analyse:
                result = Reading.of(answer(database, made.key, report=bar.show), zone=chosen.time_zone)
                bar.clear()
                click.echo(table(result.document))
            else:
                with database.write() as session:
                    release(session, store.get(session, made.key))
    click.echo(f"{(url or chosen.public_url).rstrip('/')}/experiments/{made.key}")
