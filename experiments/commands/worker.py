"""`klette worker`: run due analyses, imports and demos."""

import logging
import sys
from contextlib import closing

import click

from experiments.commands import helping
from experiments.translation import N_, ngettext


@click.command(cls=helping.Command, help=N_("Run due analyses, imports and demos until stopped."))
@click.option("--once", is_flag=True, help=N_("Run the jobs that are due, then exit."))
def command(once: bool) -> None:
    from experiments.jobs.worker import Stopping, prepare_process, stop_on_signals, work
    from experiments.settings import settings
    from experiments.storage.database import Database

    chosen = settings()
    prepare_process(chosen.data_dir)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
    stopping = Stopping()
    stop_on_signals(stopping)
    with closing(Database(chosen.url, synchronous=chosen.sqlite_synchronous, pool_size=3)) as database:
        done = work(database, chosen, once=once, stopping=stopping)
    if once:
        click.echo(ngettext("{count} job done.", "{count} jobs done.", done).format(count=done))
