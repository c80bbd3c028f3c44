"""`klette worker`: run due analyses, imports and demos."""

import logging
import sys
from contextlib import closing

import click

from experiments.translation import ngettext


@click.command()
@click.option("--once", is_flag=True, help="Run the jobs that are due, then exit.")
def command(once: bool) -> None:
    """Run due analyses, imports and demos until stopped."""
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
