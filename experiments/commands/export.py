"""`klette export`: take an analysis along, as posterior draws, a summary, the members, or a report in one file."""

from pathlib import Path
from typing import Any

import click

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command()
@click.argument("key")
@click.option("--posterior", type=_FILE, metavar="FILE.nc", help="Posterior draws as NetCDF, which ArviZ reads.")
@click.option("--summary", type=_FILE, metavar="FILE", help="One row a metric and variant, as .csv or .parquet.")
@click.option("--members", type=_FILE, metavar="FILE", help="One row a member, as .csv or .parquet.")
@click.option("--report", type=_FILE, metavar="FILE.html", help="Verdict, health, figures and charts in one file.")
@click.option("--no-sampled", is_flag=True, help="Leave the models out that take a sampler: seconds less.")
def command(key: str, no_sampled: bool, **files: Path | None) -> None:
    """Write files of the newest analysis of KEY; several at once if you like.

    What can be written is written; of what cannot, the reason is told, and the exit status is 2.
    """
    from experiments.commands.console import opened_database
    from experiments.errors import InvalidError, KletteError
    from experiments.exporting.source import newest
    from experiments.jobs.worker import prepare_process
    from experiments.settings import settings

    wanted = {name: file for name, file in files.items() if file is not None}
    if not wanted:
        raise InvalidError("Say what to write: --posterior, --summary, --members or --report, each with a file.")
    chosen = settings()
    if "posterior" in wanted:
        prepare_process(chosen.data_dir)
    refused = []
    with opened_database(chosen) as database:
        with database.read() as session:
            stored = newest(session, key, zone=chosen.time_zone)
        for name, file in wanted.items():
            try:
                click.echo(f"{file}: {_written(name, file, stored, database, no_sampled)}")
            except KletteError as error:
                refused.append(f"--{name} {file} was not written: {error.detail}")
    if refused:
        raise InvalidError("\n".join(refused))


def _written(name: str, file: Path, stored: Any, database: Any, no_sampled: bool) -> str:
    from experiments.errors import InvalidError

    if file.suffix not in _ENDINGS[name]:
        endings = " or ".join(_ENDINGS[name])
        raise InvalidError(f"it ends with {file.suffix or 'nothing'}; end it with {endings}.")
    try:
        return _WRITERS[name](stored, file, database, no_sampled)
    except OSError as error:
        raise InvalidError(f"the file cannot be written ({error.strerror}); name another.") from None


_ENDINGS = {
    "posterior": (".nc",),
    "summary": (".csv", ".parquet"),
    "members": (".csv", ".parquet"),
    "report": (".html",),
}


def _posterior(stored: Any, file: Path, _database: Any, no_sampled: bool) -> str:
    from experiments.exporting import posterior

    names = posterior.write(stored, file, sampled=not no_sampled)
    return f"draws of {', '.join(names)}."


def _summary(stored: Any, file: Path, _database: Any, _no_sampled: bool) -> str:
    from experiments.exporting import summary

    return f"{summary.write(stored, file):,} rows, one a metric and variant."


def _members(stored: Any, file: Path, database: Any, _no_sampled: bool) -> str:
    from experiments.exporting import members
    from experiments.lifecycle.store import get

    with database.read() as session:
        table = members.member_table(session, database.url, get(session, stored.result["experiment"]))
    if file.suffix == ".parquet":
        with file.open("wb") as opened:
            members.to_parquet(table, opened)
    else:
        with file.open("w", newline="", encoding="utf-8") as text:
            text.writelines(members.to_csv(table))
    return f"{stored.result['units']['randomised']:,} members, one a row."


def _report(stored: Any, file: Path, _database: Any, _no_sampled: bool) -> str:
    from experiments.exporting import report
    from experiments.settings import settings

    report.write(stored, file, settings().time_zone)
    return "a report that opens in any browser."


_WRITERS = {"posterior": _posterior, "summary": _summary, "members": _members, "report": _report}
