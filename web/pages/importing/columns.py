"""The form of an import: the roles of columns, a suggested role for each, and the plan of the form."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.catalogue.event_types import EVENT_TYPES
from experiments.errors import InvalidError
from experiments.importing import Plan, make_plan
from experiments.importing.columns import ATTRIBUTE, IGNORE, OUTCOME, SEGMENT, column_samples, suggest_roles
from experiments.importing.counts import metric_of
from experiments.importing.plan import CONTENT_MEANINGS, COUNT_MEANINGS, EVENT_MEANINGS, MEMBER_MEANINGS
from experiments.importing.values import parse_moment
from experiments.translation import N_, gettext

COVARIATE = "covariate"
OWN = "own:"

ROLES: dict[str, tuple[tuple[str, str], ...]] = {
    "members": (
        ("unit", N_("Member")),
        ("variant", N_("Variant")),
        ("exposed_at", N_("Time of the exposure")),
        ("brought_by", N_("Brought by member")),
        ("block", N_("Block")),
        (SEGMENT, N_("Segment")),
        (COVARIATE, N_("Pre-experiment covariate")),
        (ATTRIBUTE, N_("Attribute")),
        *((OUTCOME + kind.key, kind.outcome) for kind in EVENT_TYPES if kind.outcome),
        (OWN + "share", N_("Outcome by its name: yes or no")),
        (OWN + "amount", N_("Outcome by its name: amount")),
        (OWN + "count", N_("Outcome by its name: count")),
    ),
    "events": (
        ("unit", N_("Member")),
        ("type", N_("Event type")),
        ("at", N_("Time of the event")),
        ("value", N_("Value or amount")),
        ("currency", N_("Currency")),
        ("id", N_("Event ID")),
        (IGNORE, N_("Ignore")),
    ),
    "counts": (
        ("variant", N_("Variant")),
        ("members", N_("Members exposed")),
        ("successes", N_("Successes")),
        ("metric", N_("Metric")),
        ("mean", N_("Mean")),
        ("sd", N_("Standard deviation")),
        ("total", N_("Sum")),
        ("squares", N_("Sum of squares")),
        ("positive", N_("Members above 0")),
        ("denominator", N_("Sum of denominators")),
        ("denominator_squares", N_("Squares of denominators")),
        ("products", N_("Sum of products")),
        ("headline", N_("Headline")),
        ("body", N_("Text")),
        ("image_url", N_("Image URL")),
        ("link_url", N_("Link URL")),
        ("cta", N_("Call to action")),
        (IGNORE, N_("Ignore")),
    ),
}
"""The roles of the columns of each file: the form's value and the name on screen, in English."""

_SHOWN = 4
_REQUIRED = {
    "members": ("unit", "variant"),
    "events": ("unit", "type", "at"),
    "counts": ("variant", "members", "successes"),
}


@dataclass(frozen=True)
class Column:
    """A column of a file as the form shows it.

    Attributes
    ----------
    examples
        Its first values.
    role
        Its role.
    note
        How an ambiguous value is read; empty if there is none.
    timelike
        Whether every value is a date or time.
    """

    field: str
    name: str
    examples: tuple[str, ...]
    role: str
    note: str = ""
    timelike: bool = False


def columns(
    kind: str, header: Sequence[str], rows: Sequence[Sequence[str]], form: Mapping[str, str], zone: str
) -> list[Column]:
    """Return the columns of a file, each with the role of the form or else a suggested one."""
    guesses = suggest_roles(kind, header, rows)
    return [
        Column(
            field=f"{kind}-{index}",
            name=column.name,
            examples=column.cells[:_SHOWN],
            role=form.get(f"{kind}-{index}", guesses[index]),
            note=column.note,
            timelike=column.timelike,
        )
        for index, column in enumerate(column_samples(header, rows, zone))
    ]


def successes_mean(main: Sequence[Column]) -> str:
    """Return the metric that the name of the successes column suggests; empty if there is none."""
    return next((metric_of(column.name) or "" for column in main if column.role == "successes"), "")


def options(kind: str) -> list[tuple[str, str]]:
    """Return the roles of a file's columns with their names in the language in use."""
    return [(role, gettext(name)) for role, name in ROLES[kind]]


def read_form(
    kind: str, form: Mapping[str, str], main: Sequence[Column], events: Sequence[Column] | None = None, *, zone: str
) -> Plan:
    """Return the plan of a form; ``zone`` is that of dates typed without one.

    Raises
    ------
    InvalidError
        ``fields`` holds a message for each invalid field, by the form's field names.
    """
    faults: dict[str, str] = {}
    mapped = _mapped(kind, main, faults)
    mapped_events = _mapped("events", events, faults) if events is not None else {}
    wishes: dict[str, Any] = {
        "kind": kind,
        **{name: form.get(name, "").strip() for name in ("key", "name", "hypothesis", "control")},
        "columns": _known(mapped, MEMBER_MEANINGS if kind == "members" else COUNT_MEANINGS + CONTENT_MEANINGS),
        "event_columns": _known(mapped_events, EVENT_MEANINGS),
        **_outcomes(main),
        "segments": [column.name for column in main if column.role == SEGMENT],
        "covariate": {"attribute": mapped[COVARIATE]} if COVARIATE in mapped else None,
        "where": _where(form, faults),
        "weights": _weights(form.get("weights", ""), faults),
        "metrics": [form["success_metric"]] if form.get("success_metric") else [],
        "primary_metric": form.get("primary_metric") or None,
        "repeats": form.get("repeats") or "auto",
        "time_zone": form.get("time_zone", "").strip() or None,
        "currency": form.get("currency", "").strip().upper() or None,
        "window_days": form.get("window_days", "7").strip() or "7",
        "exposed_at": _moment("exposed_at", form, faults, zone),
        "ended_at": _moment("ended_at", form, faults, zone),
    }
    if kind == "members" and "exposed_at" not in mapped and wishes["exposed_at"] is None:
        _ask_when(main, faults)
    if kind == "counts" and not wishes["metrics"] and "metric" not in mapped:
        faults["success_metric"] = gettext("Choose the metric that the successes count.")
    try:
        plan = make_plan(**wishes)
    except InvalidError as error:
        raise InvalidError(error.detail, fields={**error.fields, **faults}) from None
    if faults:
        raise InvalidError(" ".join(faults.values()), fields=faults)
    return plan


def _outcomes(main: Sequence[Column]) -> dict[str, Any]:
    """Return the outcomes of a plan, with the kind of each that keeps its column's name."""
    outcomes, custom = [], {}
    for column in main:
        if column.role.startswith(OUTCOME):
            outcomes.append((column.role.removeprefix(OUTCOME), column.name))
        elif column.role.startswith(OWN):
            name = re.sub(r"[^A-Za-z0-9_-]+", "_", column.name).strip("_")[:48]
            custom[name] = column.role.removeprefix(OWN)
            outcomes.append((name, column.name))
    return {"outcomes": outcomes, "custom": custom}


def _ask_when(main: Sequence[Column], faults: dict[str, str]) -> None:
    """Ask for the time of the exposures, at the column that may hold it if there is one."""
    likely = next((column for column in main if column.timelike), None)
    if likely is None:
        message = gettext("No column holds the time of the exposure. Enter one time for all members.")
        faults.setdefault("exposed_at", message)
    else:
        message = gettext("Choose the column with the time of the exposure. It may be {column}.")
        faults.setdefault(likely.field, message.format(column=likely.name))


def _mapped(kind: str, chosen: Sequence[Column], faults: dict[str, str]) -> dict[str, str]:
    """Return role to column name; add a message for each role that is missing, taken twice or unknown."""
    known = dict(ROLES[kind])
    mapped: dict[str, str] = {}
    for column in chosen:
        if column.role not in known:
            message = gettext("{role!r} is not a role of a column. Choose one from the list.")
            faults[column.field] = message.format(role=column.role)
        elif column.role in (IGNORE, ATTRIBUTE, SEGMENT) or column.role.startswith((OUTCOME, OWN)):
            continue
        elif column.role in mapped:
            message = gettext("The column {column} already has the role “{role}”. Choose one of the two.")
            faults[column.field] = message.format(column=mapped[column.role], role=gettext(known[column.role]))
        else:
            mapped[column.role] = column.name
    summed = bool({"mean", "total"} & mapped.keys())
    for role in _REQUIRED[kind]:
        if role not in mapped and not (role == "successes" and summed):
            message = gettext("No column has the role “{role}”. Choose one.").format(role=gettext(known[role]))
            faults.setdefault(chosen[0].field, message)
    return mapped


def _known(mapped: Mapping[str, str], meanings: Sequence[str]) -> dict[str, str]:
    return {meaning: column for meaning, column in mapped.items() if meaning in meanings}


def _where(form: Mapping[str, str], faults: dict[str, str]) -> list[list[tuple[str, str]]]:
    column, value = form.get("where_column", ""), form.get("where_value", "").strip()
    if column and not value:
        message = gettext("Enter the value that {column} must have, or choose all rows.")
        faults["where_value"] = message.format(column=column)
    return [[(column, value)]] if column and value else []


def _weights(text: str, faults: dict[str, str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for line in filter(None, (part.strip() for part in text.splitlines())):
        name, sign, share = line.rpartition("=")
        try:
            weights[name.strip()] = float(share)
        except ValueError:
            sign = ""
        if not sign or not name.strip():
            message = gettext("{line!r} is not a share. Enter one variant per line, such as Old headline = 0.5.")
            faults["weights"] = message.format(line=line)
            return {}
    return weights


def _moment(name: str, form: Mapping[str, str], faults: dict[str, str], zone: str) -> str | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        return parse_moment(text, zone).isoformat()
    except ValueError as error:
        faults[name] = f"{error}."
        return None
