"""The form of an import: what each column can mean, a suggested role, and the way from the form to a plan."""

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

COVARIATE = "covariate"

ROLES: dict[str, tuple[tuple[str, str], ...]] = {
    "members": (
        ("unit", "The member"),
        ("variant", "The variant"),
        ("exposed_at", "When the member saw it"),
        ("brought_by", "Who brought the member"),
        (SEGMENT, "Split the results by this"),
        (COVARIATE, "Known before: take out of the noise"),
        (ATTRIBUTE, "Keep as an attribute"),
        *((OUTCOME + kind.key, kind.outcome) for kind in EVENT_TYPES if kind.outcome),
    ),
    "events": (
        ("unit", "The member"),
        ("type", "What the member did"),
        ("at", "When it happened"),
        ("value", "Value or amount"),
        ("currency", "Currency"),
        ("id", "Identifier of the event"),
        (IGNORE, "Leave out"),
    ),
    "counts": (
        ("variant", "The variant"),
        ("members", "Members who saw it"),
        ("successes", "Members who did it"),
        ("metric", "The metric"),
        ("headline", "Headline"),
        ("body", "Text"),
        ("image_url", "Address of the picture"),
        ("link_url", "Address of the link"),
        ("cta", "Call to action"),
        (IGNORE, "Leave out"),
    ),
}
"""What a column of each file can mean: the form's value and its words."""

_SHOWN = 4
_NEEDED = {
    "members": {"unit": "the member", "variant": "the variant"},
    "events": {"unit": "the member", "type": "what the member did", "at": "when it happened"},
    "counts": {
        "variant": "the variant",
        "members": "the members who saw it",
        "successes": "the members who did it",
    },
}


@dataclass(frozen=True)
class Column:
    """A column of a file as the form shows it.

    Attributes
    ----------
    examples
        Its first values.
    role
        What it is taken to mean.
    note
        How a value that could be misread is read; empty where none can.
    timelike
        Whether every value is a date or time.
    """

    field: str
    name: str
    examples: tuple[str, ...]
    role: str
    note: str = ""
    timelike: bool = False


def columns(kind: str, header: Sequence[str], rows: Sequence[Sequence[str]], form: Mapping[str, str]) -> list[Column]:
    """The columns of a file, with what the form says or else a suggested role."""
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
        for index, column in enumerate(column_samples(header, rows))
    ]


def successes_mean(main: Sequence[Column]) -> str:
    """The metric that the column of successes speaks of by its name; empty where nothing can be said."""
    return next((metric_of(column.name) or "" for column in main if column.role == "successes"), "")


def read_form(
    kind: str, form: Mapping[str, str], main: Sequence[Column], events: Sequence[Column] | None = None
) -> Plan:
    """The plan that a form asks for.

    Raises
    ------
    InvalidError
        ``fields`` holds a sentence for each field at fault, by the form's own field names.
    """
    faults: dict[str, str] = {}
    mapped = _mapped(kind, main, faults)
    mapped_events = _mapped("events", events, faults) if events is not None else {}
    wishes: dict[str, Any] = {
        "kind": kind,
        **{name: form.get(name, "").strip() for name in ("key", "name", "hypothesis", "control")},
        "columns": _known(mapped, MEMBER_MEANINGS if kind == "members" else COUNT_MEANINGS + CONTENT_MEANINGS),
        "event_columns": _known(mapped_events, EVENT_MEANINGS),
        "outcomes": [
            (column.role.removeprefix(OUTCOME), column.name) for column in main if column.role.startswith(OUTCOME)
        ],
        "segments": [column.name for column in main if column.role == SEGMENT],
        "covariate": {"attribute": mapped[COVARIATE]} if COVARIATE in mapped else None,
        "where": _where(form, faults),
        "weights": _weights(form.get("weights", ""), faults),
        "metrics": [form["success_metric"]] if form.get("success_metric") else [],
        "primary_metric": form.get("primary_metric") or None,
        "currency": form.get("currency", "").strip().upper() or None,
        "window_days": form.get("window_days", "7").strip() or "7",
        "exposed_at": _moment("exposed_at", form, faults),
        "ended_at": _moment("ended_at", form, faults),
    }
    if kind == "members" and "exposed_at" not in mapped and wishes["exposed_at"] is None:
        _ask_when(main, faults)
    if kind == "counts" and not wishes["metrics"] and "metric" not in mapped:
        faults["success_metric"] = "Nothing says what the members did; choose what the successes are."
    try:
        plan = make_plan(**wishes)
    except InvalidError as error:
        raise InvalidError(error.detail, fields={**error.fields, **faults}) from None
    if faults:
        raise InvalidError(" ".join(faults.values()), fields=faults)
    return plan


def _ask_when(main: Sequence[Column], faults: dict[str, str]) -> None:
    """Nobody says when members saw it: point at the column that may, or ask for one moment."""
    likely = next((column for column in main if column.timelike), None)
    if likely is None:
        faults.setdefault("exposed_at", "No column says when members saw it; give one moment for all of them.")
    else:
        faults.setdefault(likely.field, f"Which column says when members saw it? {likely.name} looks like it.")


def _mapped(kind: str, chosen: Sequence[Column], faults: dict[str, str]) -> dict[str, str]:
    """Role to column name; faults where a role is missing, taken twice or unknown."""
    known = dict(ROLES[kind])
    mapped: dict[str, str] = {}
    for column in chosen:
        if column.role not in known:
            faults[column.field] = f"{column.role!r} is no meaning of a column; choose one of the list."
        elif column.role in (IGNORE, ATTRIBUTE, SEGMENT) or column.role.startswith(OUTCOME):
            continue
        elif column.role in mapped:
            faults[column.field] = f"{mapped[column.role]} already is “{known[column.role]}”; choose one of the two."
        else:
            mapped[column.role] = column.name
    for role, words in _NEEDED[kind].items():
        if role not in mapped:
            faults.setdefault(chosen[0].field, f"No column is marked as {words}; choose the one that is.")
    return mapped


def _known(mapped: Mapping[str, str], meanings: Sequence[str]) -> dict[str, str]:
    return {meaning: column for meaning, column in mapped.items() if meaning in meanings}


def _where(form: Mapping[str, str], faults: dict[str, str]) -> dict[str, str]:
    column, value = form.get("where_column", ""), form.get("where_value", "").strip()
    if column and not value:
        faults["where_value"] = f"Write the value that {column} must have, or choose all rows."
    return {column: value} if column and value else {}


def _weights(text: str, faults: dict[str, str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for line in filter(None, (part.strip() for part in text.splitlines())):
        name, sign, share = line.rpartition("=")
        try:
            weights[name.strip()] = float(share)
        except ValueError:
            sign = ""
        if not sign or not name.strip():
            faults["weights"] = f"{line!r} is no share; write one variant per line, such as Old headline = 0.5."
            return {}
    return weights


def _moment(name: str, form: Mapping[str, str], faults: dict[str, str]) -> str | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        return parse_moment(text).isoformat()
    except ValueError as error:
        faults[name] = f"{error}."
        return None
