"""`klette export`: export an analysis as posterior draws, a summary, the members, or a report."""

from pathlib import Path
from typing import Any

import click

from experiments.commands import helping
from experiments.translation import N_, gettext, ngettext
from experiments.translation.filling import filled
from experiments.translation.lists import either

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command(
    cls=helping.Command,
    help=N_(
        "Export the newest analysis of KEY to one or more files.\n\n"
        "If some files cannot be written, the others are; the errors are printed, and the exit status is 2."
    ),
)
@click.argument("key")
@click.option("--posterior", type=_FILE, metavar="FILE.nc", help=N_("Posterior draws as NetCDF, for ArviZ."))
@click.option("--summary", type=_FILE, metavar="FILE", help=N_("One row per metric and variant, as .csv or .parquet."))
@click.option("--members", type=_FILE, metavar="FILE", help=N_("One row per member, as .csv or .parquet."))
@click.option("--report", type=_FILE, metavar="FILE.html", help=N_("Verdict, health, figures and charts in one file."))
@click.option("--no-sampled", is_flag=True, help=N_("Omit the sampled models; saves seconds."))
def command(key: str, no_sampled: bool, **files: Path | None) -> None:
    from experiments.commands.console import opened_database
    from experiments.errors import InvalidError, KletteError
    from experiments.exporting.source import newest
    from experiments.jobs.worker import prepare_process
    from experiments.settings import settings

    requested = {name: file for name, file in files.items() if file is not None}
    if not requested:
        raise InvalidError(gettext("Choose --posterior, --summary, --members or --report, each with a file."))
    chosen = settings()
    if "posterior" in requested:
        prepare_process(chosen.data_dir)
    errors = []
    with opened_database(chosen) as database:
        with database.read() as session:
            stored = newest(session, key, zone=chosen.time_zone)
        for name, file in requested.items():
            try:
                click.echo(f"{file}: {_written(name, file, stored, database, no_sampled)}")
            except KletteError as error:
                message = gettext("--{name} {file} was not written: {error}")
                errors.append(message.format(name=name, file=file, error=error.detail))
    if errors:
        raise InvalidError("\n".join(errors))


def _written(name: str, file: Path, stored: Any, database: Any, no_sampled: bool) -> str:
    from experiments.errors import InvalidError

    if file.suffix not in _ENDINGS[name]:
        message = gettext("the file name must end with {endings}.")
        raise InvalidError(message.format(endings=either(_ENDINGS[name])))
    try:
        return _WRITERS[name](stored, file, database, no_sampled)
    except OSError as error:
        message = gettext("the file cannot be written ({reason}); choose another.")
        raise InvalidError(message.format(reason=error.strerror)) from None


_ENDINGS = {
    "posterior": (".nc",),
    "summary": (".csv", ".parquet"),
    "members": (".csv", ".parquet"),
    "report": (".html",),
}


def _posterior(stored: Any, file: Path, _database: Any, no_sampled: bool) -> str:
    from experiments.exporting import posterior

    names = posterior.write(stored, file, sampled=not no_sampled)
    return gettext("draws of {names}.").format(names=", ".join(names))


def _summary(stored: Any, file: Path, _database: Any, _no_sampled: bool) -> str:
    from experiments.exporting import summary

    return filled(gettext("{count:,} rows, one per metric and variant."), count=summary.write(stored, file))


def _members(stored: Any, file: Path, database: Any, _no_sampled: bool) -> str:
    from experiments.exporting import members
    from experiments.lifecycle.store import get

    with database.read() as session:
        table = members.member_table(session, database.url, get(session, stored.answer.heading.experiment))
    if file.suffix == ".parquet":
        with file.open("wb") as opened:
            members.to_parquet(table, opened)
    else:
        with file.open("w", newline="", encoding="utf-8") as text:
            text.writelines(members.to_csv(table))
    count = stored.answer.heading.units.randomised
    message = ngettext("{count:,} member, one per row.", "{count:,} members, one per row.", count)
    return filled(message, count=count)


def _report(stored: Any, file: Path, _database: Any, _no_sampled: bool) -> str:
    from experiments.exporting import report
    from experiments.settings import settings

    report.write(stored, file, settings().time_zone)
    return gettext("a report for any browser.")


_WRITERS = {"posterior": _posterior, "summary": _summary, "members": _members, "report": _report}
