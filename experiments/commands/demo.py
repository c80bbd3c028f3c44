"""``klette demo``: create the example experiment with a simulated audience over HTTP, and analyse it."""

from functools import partial

import click

from experiments.commands import helping
from experiments.commands.console import Bar, opened_database
from experiments.demo import campaign
from experiments.reporting.terminal import table
from experiments.reporting.worded import Reading
from experiments.settings import settings
from experiments.translation import N_, gettext


@click.command(cls=helping.Command, help=N_("Create an example experiment with a simulated audience."))
@click.option("--url", default="", help=N_("Address of the server; default: from the settings."))
@click.option(
    "--members", type=int, default=campaign.MEMBERS, show_default=True, help=N_("Number of simulated members.")
)
@click.option("--seed", type=int, default=campaign.SEED, show_default=True, help=N_("Seed of the simulation."))
@click.option("--again", is_flag=True, help=N_("Create another example if one exists."))
@click.option("--analyse/--no-analyse", default=True, help=N_("Analyse now, or leave it to the worker."))
def command(url: str, members: int, seed: int, again: bool, analyse: bool) -> None:
    from experiments.jobs.worker import prepare_process

    chosen = settings()
    prepare_process(chosen.data_dir)
    from experiments.demo.run import make, sentence
    from experiments.demo.server import client_of
    from experiments.jobs.foreground import analyse_now, release, reserve
    from experiments.lifecycle import store

    with opened_database(chosen) as database, Bar() as bar, client_of(chosen, url) as client:
        made = make(
            database,
            chosen,
            client,
            members=members,
            seed=seed,
            again=again,
            created=partial(reserve, requested_by="demo"),
            report=bar.show,
        )
        bar.clear()
        if not made.members:
            click.echo(gettext("{name} exists already; --again creates another one.").format(name=made.name))
        else:
            click.echo(f"{made.name}: {sentence(made)}")
            if analyse:
                result = Reading.of(analyse_now(database, made.key, report=bar.show_step), zone=chosen.time_zone)
                bar.clear()
                click.echo(table(result))
            else:
                with database.write() as session:
                    release(session, store.get(session, made.key))
    click.echo(f"{(url or chosen.public_url).rstrip('/')}/experiments/{made.key}")
