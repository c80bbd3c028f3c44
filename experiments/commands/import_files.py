"""``klette import``: import a finished experiment from CSV files and analyse it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlmodel import Session

from experiments.catalogue.custom import CUSTOM_KINDS, custom_key
from experiments.commands import helping
from experiments.commands.console import Bar, opened_database
from experiments.errors import ImportFailedError, InvalidError
from experiments.importing import ImportSummary, Plan, Source, make_plan, run_import
from experiments.importing.columns import key_of, name_of, suggest_roles
from experiments.importing.csv_file import preview
from experiments.importing.plan import COUNT_MEANINGS, MEMBER_MEANINGS
from experiments.importing.summary import document
from experiments.importing.values import parse_moment
from experiments.lifecycle import store
from experiments.reporting.terminal import table
from experiments.reporting.worded import Reading
from experiments.settings import settings
from experiments.translation import N_, gettext

_EITHER = re.compile(r"\s+or\s+(?=[^=]+=)", re.IGNORECASE)
_SAMPLE_ROWS = 200  # for the suggested roles of columns
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


command = helping.Group(help=N_("Import a finished experiment from CSV files, plain or gzip-compressed."))


_OPTIONS = (
    click.option(
        "--key",
        default="",
        help=N_("Key of the new experiment, such as spring-mailing; default: from FILE's name."),
    ),
    click.option("--name", default="", help=N_("Name on screen; default: the key.")),
    click.option("--hypothesis", default="", help=N_("The expected effect, and why.")),
    click.option("--map", "mapped", multiple=True, metavar="MEANING=COLUMN", help=N_("Column of a meaning.")),
    click.option(
        "--where",
        multiple=True,
        metavar="COLUMN=VALUE",
        help=N_("Read only rows with this value. Repeat it for more conditions; 'A=1 or B=2' accepts either."),
    ),
    click.option("--control", default="", help=N_("Name of the control; default: the first variant of the file.")),
    click.option("--weights", default="", metavar="NAME=SHARE,...", help=N_("Planned shares; default: equal.")),
    click.option("--primary", default=None, metavar="METRIC", help=N_("The primary metric.")),
    click.option(
        "--metrics",
        default="",
        metavar="METRIC,...",
        help=N_("Metrics; default: all that FILE supports."),
    ),
    click.option(
        "--guardrails",
        default=None,
        metavar="METRIC,...",
        help=N_("Guardrails, or none; default: the default ones that FILE supports."),
    ),
    click.option("--currency", default=None, help=N_("Currency of the amounts (ISO 4217).")),
    click.option(
        "--time-zone",
        default=None,
        metavar="NAME",
        help=N_("Zone of times without an offset, such as Europe/Berlin; default: the project's."),
    ),
    click.option("--window-days", type=int, default=7, show_default=True, help=N_("Attribution window in days.")),
    click.option("--ended", default=None, metavar="TIME", help=N_("End of the experiment; default: from the file.")),
    click.option("--analyse/--no-analyse", default=True, help=N_("Analyse now, or leave it to the worker.")),
    click.option("--json", "as_json", is_flag=True, help=N_("Print the import and the result as JSON.")),
)
"""Options of both subcommands."""


def _common(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@command.command(
    "members",
    help=N_("Import FILE with one line per member: unit, variant, exposed_at, optional brought_by and attributes."),
)
@click.argument("file", type=_FILE)
@click.option("--events", type=_FILE, help=N_("CSV of the members' events: unit, type, at, value."))
@click.option(
    "--map-event",
    "mapped_event",
    multiple=True,
    metavar="MEANING=COLUMN",
    help=N_("Column of a meaning in EVENTS."),
)
@click.option(
    "--outcome",
    multiple=True,
    metavar="TYPE=COLUMN[:KIND]",
    help=N_("Column with an event type's counts or amounts; a name of your own takes :share, :amount or :count."),
)
@click.option(
    "--exposed-at", default=None, metavar="TIME", help=N_("Time of exposure for all members, if FILE has none.")
)
@click.option(
    "--unit",
    default=None,
    metavar="COLUMN",
    help=N_("Column of the member in a file with several rows a member: outcomes add up to the member."),
)
@click.option("--block", default=None, metavar="COLUMN", help=N_("Column of the block or pair to compare within."))
@click.option("--segments", default="", metavar="COLUMN,...", help=N_("Columns to split the results by, at most 8."))
@click.option("--covariate", metavar="COLUMN", help=N_("Pre-experiment covariate that reduces variance (CUPED)."))
@click.option(
    "--days-before",
    type=int,
    metavar="DAYS",
    help=N_("Use the events of so many days before exposure as the covariate."),
)
@_common
def members(
    file: Path,
    events: Path | None,
    mapped_event: tuple[str, ...],
    outcome: tuple[str, ...],
    exposed_at: str | None,
    unit: str | None,
    block: str | None,
    segments: str,
    covariate: str | None,
    days_before: int | None,
    **common: Any,
) -> None:
    if unit is not None:
        common["mapped"] = (*common["mapped"], f"unit={unit}")
    if block is not None:
        common["mapped"] = (*common["mapped"], f"block={block}")
    plan = _plan(
        "members",
        file,
        common,
        repeats="auto" if unit is None else "add",
        event_columns=_pairs("--map-event", mapped_event),
        **_outcomes(outcome),
        exposed_at=_moment("--exposed-at", exposed_at, common["time_zone"]),
        segments=_listed(segments),
        covariate=_covariate(covariate, days_before),
    )
    _run(plan, file, events, at_once=common["analyse"], as_json=common["as_json"])


@command.command(
    "counts",
    help=N_("Import FILE with one line per variant: variant, members; successes, mean and sd, or total and squares."),
)
@click.argument("file", type=_FILE)
@click.option("--started", default=None, metavar="TIME", help=N_("Start of the experiment; needs --ended."))
@_common
def counts(file: Path, started: str | None, **common: Any) -> None:
    plan = _plan("counts", file, common, exposed_at=_moment("--started", started, common["time_zone"]))
    _run(plan, file, None, at_once=common["analyse"], as_json=common["as_json"])


def _plan(kind: str, file: Path, common: dict[str, Any], **values: Any) -> Plan:
    return make_plan(
        kind=kind,
        key=common["key"] or key_of(file.name),
        name=common["name"] or ("" if common["key"] else name_of(file.name)),
        hypothesis=common["hypothesis"],
        control=common["control"],
        columns=_columns(kind, file, _pairs("--map", common["mapped"]), dated=values.get("exposed_at") is not None),
        where=[list(_each_pair("--where", _EITHER.split(text))) for text in common["where"]],
        weights={
            name: _number("--weights", text) for name, text in _each_pair("--weights", _listed(common["weights"]))
        },
        primary_metric=common["primary"] and _named(common["primary"], values),
        metrics=[_named(key, values) for key in _listed(common["metrics"])],
        guardrails=_guardrails(common["guardrails"], values),
        currency=common["currency"],
        time_zone=common["time_zone"],
        window_days=common["window_days"],
        ended_at=_moment("--ended", common["ended"], common["time_zone"]),
        **values,
    )


def _covariate(column: str | None, days_before: int | None) -> dict[str, Any] | None:
    if column is None and days_before is None:
        return None
    return {"attribute": column, "days_before": days_before}


def _outcomes(texts: tuple[str, ...]) -> dict[str, Any]:
    """Return the outcomes of a plan: event type and column, and the kind of each custom one."""
    pairs, custom = [], {}
    for type_, rest in _each_pair("--outcome", texts):
        column, sign, kind = rest.rpartition(":")
        if sign and kind in CUSTOM_KINDS:
            custom[type_] = kind
        pairs.append((type_, column if type_ in custom else rest))
    return {"outcomes": pairs, "custom": custom}


def _named(key: str, values: dict[str, Any]) -> str:
    """Return the key of a metric that may be named by its custom outcome."""
    custom = values.get("custom", {})
    return custom_key(custom[key], key) if key in custom else key


def _guardrails(text: str | None, values: dict[str, Any]) -> list[str] | None:
    if text is None:
        return None
    return [] if text.strip() in ("", "none") else [_named(key, values) for key in _listed(text)]


def _columns(kind: str, file: Path, mapped: dict[str, str], *, dated: bool) -> dict[str, str]:
    """Return the mapped columns, completed by suggestions for meanings without a mapping or a column of that name."""
    header, rows = preview(Source.at(file), rows=_SAMPLE_ROWS)
    suggested = dict(zip(suggest_roles(kind, header, rows), header, strict=True))
    for meaning in MEMBER_MEANINGS if kind == "members" else COUNT_MEANINGS:
        known = meaning in mapped or meaning in header or (meaning == "exposed_at" and dated)
        if not known and meaning in suggested and suggested[meaning] not in mapped.values():
            mapped[meaning] = suggested[meaning]
    return mapped


def _run(plan: Plan, file: Path, events: Path | None, *, at_once: bool, as_json: bool) -> None:
    from experiments.jobs.worker import prepare_process

    chosen = settings()
    prepare_process(chosen.data_dir)
    from experiments.jobs.foreground import analyse_now, release, reserve

    def end(session: Session, summary: ImportSummary) -> None:
        stored = store.get(session, summary.key)
        reserve(session, stored, requested_by="cli")
        if not at_once:
            release(session, stored)

    with opened_database(chosen) as database, Bar() as bar:
        try:
            summary = run_import(
                *(database, plan, Source.at(file), None if events is None else Source.at(events)),
                currency=chosen.currency,
                zone=chosen.time_zone,
                actor="cli",
                report=bar.show,
                report_storing=bar.show,
                before_commit=end,
            )
        except ImportFailedError as error:
            bar.clear()
            _print_errors(error)
            raise SystemExit(2) from None
        bar.clear()
        imported, result = document(summary, plan), None
        if not as_json:
            click.echo("\n".join(imported["notes"]))
        if at_once:
            result = Reading.of(analyse_now(database, plan.key, report=bar.show_step), zone=chosen.time_zone)
            bar.clear()
    if as_json:
        click.echo(json.dumps({"import": imported, "result": result and result.document}, indent=2, ensure_ascii=False))
    else:
        click.echo(gettext("The worker analyses it next.") if result is None else table(result))
        click.echo(f"{chosen.public_url}/experiments/{plan.key}")


def _print_errors(error: ImportFailedError) -> None:
    click.echo(error.detail, err=True)
    for line, message in error.lines:
        click.echo(gettext("  line {line}: {message}").format(line=line, message=message), err=True)


def _pairs(option: str, values: tuple[str, ...]) -> dict[str, str]:
    return dict(_each_pair(option, values))


def _each_pair(option: str, values: tuple[str, ...] | list[str]) -> list[tuple[str, str]]:
    pairs = []
    for value in values:
        name, sign, rest = value.partition("=")
        if not (sign and name.strip() and rest.strip()):
            message = gettext("{option} {value!r} is not NAME=VALUE; write it like {option} unit=customer_no.")
            raise InvalidError(message.format(option=option, value=value))
        pairs.append((name.strip(), rest.strip()))
    return pairs


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        message = gettext("{option}: {text!r} is not a number; write a share such as 0.5.")
        raise InvalidError(message.format(option=option, text=text)) from None


def _moment(option: str, text: str | None, zone: str | None) -> str | None:
    if text is None:
        return None
    try:
        return parse_moment(text, zone or settings().time_zone).isoformat()
    except ValueError as error:
        raise InvalidError(f"{option}: {error}.") from None
