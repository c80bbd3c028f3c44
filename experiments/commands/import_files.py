"""``klette import``: a finished experiment comes in from CSV files and is answered at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlmodel import Session

from experiments.analyses.records import in_words
from experiments.catalogue.event_types import KNOWN, meant
from experiments.commands.console import Bar, opened_database
from experiments.errors import ImportFailedError, InvalidError
from experiments.importing import BroughtIn, Plan, Source, bring_in, make_plan
from experiments.importing.column_guesses import guess, key_of, name_of
from experiments.importing.plan import COUNT_MEANINGS, MEMBER_MEANINGS
from experiments.importing.reading import preview
from experiments.lifecycle import store
from experiments.reporting.terminal import table
from experiments.settings import settings

_GUESSED_BY = 200  # rows
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def command() -> None:
    """Import a finished experiment from CSV files, plain or gzip-compressed."""


def _common(function: Callable) -> Callable:
    """The options that both forms have."""
    options = (
        click.option(
            "--key", default="", help="Key of the new experiment, such as spring-mailing; by FILE's name if absent."
        ),
        click.option("--name", default="", help="Its name on screen; the key where absent."),
        click.option("--hypothesis", default="", help="What was expected, and why."),
        click.option("--map", "mapped", multiple=True, metavar="MEANING=COLUMN", help="Which column means what."),
        click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Take only such rows."),
        click.option("--control", default="", help="The control's name; the first variant of the file where absent."),
        click.option("--weights", default="", metavar="NAME=SHARE,...", help="Planned shares; equal where absent."),
        click.option("--primary", default=None, metavar="METRIC", help="The metric that decides."),
        click.option("--metrics", default="", metavar="METRIC,...", help="What to count; by the file where absent."),
        click.option("--currency", default=None, help="Currency of the amounts (ISO 4217)."),
        click.option("--window-days", type=int, default=7, show_default=True, help="Days in which an event counts."),
        click.option("--ended", default=None, metavar="TIME", help="When it ended; by the file where absent."),
        click.option("--analyse/--no-analyse", default=True, help="Answer at once, or leave it to the worker."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command("members")
@click.argument("file", type=_FILE)
@click.option("--events", type=_FILE, help="CSV of what members did: unit, type, at, value.")
@click.option("--map-event", "mapped_event", multiple=True, metavar="MEANING=COLUMN", help="The same for the events.")
@click.option("--outcome", multiple=True, metavar="TYPE=COLUMN", help="A column of FILE that counts events or money.")
@click.option("--exposed-at", default=None, metavar="TIME", help="The moment of exposure, where FILE has none.")
@click.option("--segments", default="", metavar="COLUMN,...", help="Columns to split the results by, up to 8.")
@click.option("--covariate", metavar="COLUMN", help="A number known of members before: taken out of the noise (CUPED).")
@click.option(
    "--days-before", type=int, metavar="DAYS", help="Instead: what they did in so many days before, of --events."
)
@_common
def members(
    file: Path,
    events: Path | None,
    mapped_event: tuple[str, ...],
    outcome: tuple[str, ...],
    exposed_at: str | None,
    segments: str,
    covariate: str | None,
    days_before: int | None,
    **common: Any,
) -> None:
    """Import FILE with one line per member: unit, variant, exposed_at, maybe brought_by, and any attributes."""
    plan = _plan(
        "members",
        file,
        common,
        event_columns=_pairs("--map-event", mapped_event),
        outcomes=list(_each_pair("--outcome", outcome)),
        exposed_at=_moment("--exposed-at", exposed_at),
        segments=_listed(segments),
        covariate=_covariate(covariate, days_before),
    )
    _run(plan, file, events, at_once=common["analyse"])


@command.command("counts")
@click.argument("file", type=_FILE)
@click.option("--started", default=None, metavar="TIME", help="When it began, given together with --ended.")
@_common
def counts(file: Path, started: str | None, **common: Any) -> None:
    """Import FILE with one line per variant: variant, members, successes."""
    plan = _plan("counts", file, common, exposed_at=_moment("--started", started))
    _run(plan, file, None, at_once=common["analyse"])


def _plan(kind: str, file: Path, common: dict[str, Any], **wishes: Any) -> Plan:
    return make_plan(
        kind=kind,
        key=common["key"] or key_of(file.name),
        name=common["name"] or ("" if common["key"] else name_of(file.name)),
        hypothesis=common["hypothesis"],
        control=common["control"],
        columns=_columns(kind, file, _pairs("--map", common["mapped"]), dated=wishes.get("exposed_at") is not None),
        where=_pairs("--where", common["where"]),
        weights={
            name: _number("--weights", text) for name, text in _each_pair("--weights", _listed(common["weights"]))
        },
        primary_metric=common["primary"],
        metrics=_listed(common["metrics"]),
        currency=common["currency"],
        window_days=common["window_days"],
        ended_at=_moment("--ended", common["ended"]),
        **wishes,
    )


def _covariate(column: str | None, days_before: int | None) -> dict[str, Any] | None:
    if column is None and days_before is None:
        return None
    return {"attribute": column, "days_before": days_before}


def _columns(kind: str, file: Path, mapped: dict[str, str], *, dated: bool) -> dict[str, str]:
    """What was said of the columns, and a guess at each meaning that neither a word nor a column's name tells."""
    header, rows = preview(Source.at(file), rows=_GUESSED_BY)
    guessed = dict(zip(guess(kind, header, rows), header, strict=True))
    for meaning in MEMBER_MEANINGS if kind == "members" else COUNT_MEANINGS:
        said = meaning in mapped or meaning in header or (meaning == "exposed_at" and dated)
        if not said and meaning in guessed and guessed[meaning] not in mapped.values():
            mapped[meaning] = guessed[meaning]
    return mapped


def _run(plan: Plan, file: Path, events: Path | None, *, at_once: bool) -> None:
    from experiments.jobs.worker import prepare_process

    chosen = settings()
    prepare_process(chosen.data_dir)
    from experiments.jobs.at_once import answer, hold, release

    def end(session: Session, brought: BroughtIn) -> None:
        stored = store.get(session, brought.key)
        hold(session, stored, requested_by="cli")
        if not at_once:
            release(session, stored)

    second = None if events is None else Source.at(events)
    with opened_database(chosen) as database, Bar() as bar:
        try:
            brought = bring_in(
                database,
                plan,
                Source.at(file),
                second,
                currency=chosen.currency,
                actor="cli",
                report=bar.show,
                report_storing=bar.show,
                then=end,
            )
        except ImportFailedError as error:
            bar.clear()
            click.echo(error.detail, err=True)
            for line, message in error.lines:
                click.echo(f"  line {line}: {message}", err=True)
            raise SystemExit(2) from None
        bar.clear()
        _tell(brought, plan)
        if at_once:
            result = in_words(answer(database, plan.key, report=bar.show), zone=chosen.time_zone)
            bar.clear()
            click.echo(table(result))
        else:
            click.echo("The worker analyses it next.")
    click.echo(f"{chosen.public_url}/experiments/{plan.key}")


def _tell(brought: BroughtIn, plan: Plan) -> None:
    total = sum(brought.members.values())
    click.echo(f"Imported {brought.name} ({brought.key}): {total:,} members in {len(brought.members)} variants.")
    taken = [f"{column} as {meaning}" for meaning, column in plan.columns.items() if column != meaning]
    if taken:
        click.echo(f"Columns: {', '.join(taken)}.")
    if brought.events:
        said = ", ".join(f"{count:,} {type_}" for type_, count in sorted(brought.events.items()))
        click.echo(f"Events: {said}.")
    for type_ in sorted(set(brought.events) - KNOWN.keys()):
        known = meant(type_)
        counted = f"did you mean {known}?" if known else "only a value laid on it as an action counts it."
        click.echo(f"No metric of Klette's own counts the type {type_!r}: {counted}")
    if brought.uncounted:
        click.echo(f"{brought.uncounted:,} events lie outside their member's window: kept, not counted.")


def _pairs(option: str, values: tuple[str, ...]) -> dict[str, str]:
    return dict(_each_pair(option, values))


def _each_pair(option: str, values: tuple[str, ...] | list[str]) -> list[tuple[str, str]]:
    pairs = []
    for value in values:
        name, sign, rest = value.partition("=")
        if not (sign and name.strip() and rest.strip()):
            raise InvalidError(f"{option} {value!r} has no NAME=VALUE form; write it like {option} unit=customer_no.")
        pairs.append((name.strip(), rest.strip()))
    return pairs


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidError(f"{option}: {text!r} is no number; write a share such as 0.5.") from None


def _moment(option: str, text: str | None) -> str | None:
    if text is None:
        return None
    from experiments.importing.values import parse_moment

    try:
        return parse_moment(text).isoformat()
    except ValueError as error:
        raise InvalidError(f"{option}: {error}.") from None
