"""Suggested roles for the columns of a file, from their names and values; a person checks each suggestion.

A known name decides unless the values contradict it. Values decide alone only where they are unambiguous, such as
times. A column without a clear role becomes an attribute, which is always safe.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from experiments.catalogue.event_types import EVENT_TYPES, MONEY_TYPES
from experiments.definition.fields import MAX_SEGMENTS
from experiments.importing.amounts import COMMA, read_number
from experiments.importing.counts import metric_of
from experiments.importing.plan import CONTENT_MEANINGS
from experiments.importing.values import is_local, parse_moment, slashed, slug
from experiments.translation import gettext

OUTCOME = "outcome:"
MONEY_OUTCOMES = tuple(OUTCOME + key for key in MONEY_TYPES)
SEGMENT = "segment"
ATTRIBUTE = "attribute"
IGNORE = ""

_LEVELS = range(2, 31)  # distinct values of a suggested segment: a chart shows at most 30
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_TIME_SHAPE = re.compile(r"\d{4}-?\d\d-?\d\d|\d{1,2}\.\d{1,2}\.\d{4}|\d{1,2}/\d{1,2}/\d{2,4}")

_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "members": {
        "unit": (
            *("unit", "customer_no", "customer_id", "user_id", "userid", "member_id", "participant_id", "subject_id"),
            *("household_id", "visitor_id", "user", "member", "customer", "participant", "subject", "household", "id"),
        ),
        "variant": ("variant", "arm", "group", "package", "version", "treatment", "condition", "segment"),
        "exposed_at": ("exposed_at", "exposed", "first_seen", "seen_at", "sent_at", "timestamp", "date"),
        "brought_by": ("brought_by", "invited_by", "referred_by", "referrer", "shared_by"),
        **{OUTCOME + kind.key: kind.column_names for kind in EVENT_TYPES if kind.column_names},
    },
    "events": {
        "unit": ("unit", "customer_no", "customer_id", "user_id", "member_id", "user", "member", "customer"),
        "type": ("type", "event", "action"),
        "at": ("at", "time", "timestamp", "date", "happened_at", "created_at"),
        "value": ("value", "amount", "revenue", "spend", "spent"),
        "currency": ("currency",),
        "id": ("id", "event_id"),
    },
    "counts": {
        "variant": ("variant", "arm", "group", "package", "version", "treatment", "segment"),
        "members": ("members", "impressions", "visitors", "users", "recipients", "exposed", "sent", "n"),
        "successes": ("successes", "clicks", "clicked", "conversions", "converted", "success"),
        "metric": ("metric",),
        **{meaning: (meaning,) for meaning in CONTENT_MEANINGS},
    },
}
_MONEY = frozenset(
    ("spend", "spent", "revenue", "amount", "paid", "price", "turnover", "sales", "basket", "eur", "usd")
)


@dataclass(frozen=True)
class ColumnSample:
    """The first values of one column.

    Attributes
    ----------
    name
        The column's name.
    cells
        The cells as written in the file; empty if only the name is known.
    zone
        Zone of times without an offset.
    """

    name: str
    cells: tuple[str, ...]
    zone: str = "UTC"

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """The cells that are not empty, without surrounding spaces."""
        return tuple(cell.strip() for cell in self.cells if cell.strip())

    @cached_property
    def plain_name(self) -> str:
        """The name in lower case with underscores: ``"Seen at"`` is ``"seen_at"``."""
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name)
        return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")

    @cached_property
    def timelike(self) -> bool:
        """Whether every value is a date or time, including dates with an ambiguous order of day and month."""
        return bool(self.filled) and all(_TIME_SHAPE.match(cell) and _is_moment(cell) for cell in self.filled)

    @cached_property
    def numbers(self) -> tuple[int, ...] | None:
        """The values in millionths; None if one of them is not a number."""
        try:
            return tuple(read_number(cell)[0] for cell in self.filled)
        except ValueError:
            return None

    @property
    def note(self) -> str:
        """How an ambiguous value is read; empty if there is none."""
        for cell in self.filled:
            if slashed(cell):
                message = gettext("{cell} is ambiguous: day/month or month/day. Write dates like 2026-03-06 (6 March).")
                return message.format(cell=cell)
        if self.timelike and (written := next((cell for cell in self.filled if is_local(cell)), None)):
            message = gettext("{cell} is read as {value} in {zone}")
            return message.format(cell=written, value=_long_date(written), zone=self.zone)
        if self.numbers is not None:
            for cell in self.filled:
                micro, mark = read_number(cell)
                if mark == COMMA:
                    return gettext("{cell} is read as {value}").format(cell=cell, value=f"{micro / 1_000_000:.2f}")
        return ""


def suggest_roles(kind: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a suggested role for each column.

    Parameters
    ----------
    kind
        "members", "events" or "counts".
    header, rows
        The columns' names and the first rows of the file.

    Returns
    -------
    list of str
        For each column a meaning of `plan`, "outcome:" with an event's type, "segment", "attribute", or "" to ignore
        the column.
    """
    samples = column_samples(header, rows)
    roles = [ATTRIBUTE if kind == "members" else IGNORE] * len(samples)
    free = dict(enumerate(samples))
    _by_name(kind, free, roles)
    time_role = {"members": "exposed_at", "events": "at"}.get(kind)
    if time_role is not None and time_role not in roles:
        _take(free, roles, time_role, lambda column: column.timelike)
    if kind == "counts" and "successes" not in roles:
        _take(free, roles, "successes", lambda column: bool(metric_of(column.name) and column.numbers is not None))
    if kind == "members":
        _outcomes(free, roles)
        _splits(free, roles)
    return roles


def column_samples(header: Sequence[str], rows: Sequence[Sequence[str]], zone: str = "UTC") -> list[ColumnSample]:
    """Return the columns of a file with their first values."""
    return [ColumnSample(name, tuple(row[index] for row in rows), zone) for index, name in enumerate(header)]


def key_of(file_name: str) -> str:
    """Return a suggested key from a file's name: ``"Spring mail.csv.gz"`` gives ``"spring-mail"``."""
    key = re.sub(r"[^a-z0-9]+", "-", slug(_stem(file_name), set())).strip("-")
    return "imported" if key in ("", "variant") else key


def name_of(file_name: str) -> str:
    """Return a suggested name from a file's name: ``"spring_mail.csv"`` gives ``"Spring mail"``."""
    words = " ".join(re.sub(r"[_\s]+|(?<=\w)-(?=\w)", " ", _stem(file_name)).split())[:120].strip()
    return words[:1].upper() + words[1:]


def _stem(file_name: str) -> str:
    return re.sub(r"\.(csv|gz|txt|tsv)(?=\.|$)", "", file_name, flags=re.IGNORECASE)


def _by_name(kind: str, free: dict[int, ColumnSample], roles: list[str]) -> None:
    for role, names in _NAMES[kind].items():
        place = next(
            (
                index
                for name in names
                for index, column in free.items()
                if column.plain_name == name and _agrees(role, column)
            ),
            None,
        )
        if place is not None:
            roles[place] = role
            del free[place]


def _agrees(role: str, column: ColumnSample) -> bool:
    """Return whether a column's values fit the role that its name suggests."""
    if not column.filled:
        return True
    if role in ("exposed_at", "at"):
        return column.timelike or all(_is_moment(cell) for cell in column.filled)
    if role in ("members", "successes", "value") or role in MONEY_OUTCOMES:
        return column.numbers is not None and min(column.numbers) >= 0
    if role.startswith(OUTCOME):
        return column.numbers is not None and all(n >= 0 and n % 1_000_000 == 0 for n in column.numbers)
    return True


def _outcomes(free: dict[int, ColumnSample], roles: list[str]) -> None:
    """Suggest purchases for a column of amounts without a known name."""
    if not set(MONEY_OUTCOMES).intersection(roles):
        _take(free, roles, MONEY_OUTCOMES[0], _like_money)


def _like_money(column: ColumnSample) -> bool:
    """Return whether the values have decimals, and most are 0 or empty or the name suggests money."""
    numbers = column.numbers
    if not numbers or min(numbers) < 0 or all(n % 1_000_000 == 0 for n in numbers):
        return False
    zero_or_empty = len(column.cells) - sum(n > 0 for n in numbers)
    return 2 * zero_or_empty >= len(column.cells) or bool(_MONEY & set(column.plain_name.split("_")))


def _splits(free: dict[int, ColumnSample], roles: list[str]) -> None:
    """Suggest segments for texts with few distinct values; a text that differs in every row is an identifier."""
    for index, column in free.items():
        levels = len(set(column.filled))
        if (
            roles.count(SEGMENT) < MAX_SEGMENTS
            and levels in _LEVELS
            and levels < len(column.filled)
            and column.numbers is None
            and not column.timelike
            and _ATTRIBUTE_NAME.fullmatch(column.name)
        ):
            roles[index] = SEGMENT


def _take(free: dict[int, ColumnSample], roles: list[str], role: str, fits: Callable[[ColumnSample], bool]) -> None:
    place = next((index for index, column in free.items() if fits(column)), None)
    if place is not None:
        roles[place] = role
        del free[place]


def _is_moment(text: str) -> bool:
    if slashed(text):
        return True
    try:
        parse_moment(text)
    except ValueError:
        return False
    return True


def _long_date(text: str) -> str:
    moment = parse_moment(text)
    time = f", {moment:%H:%M}" if ":" in text else ""
    return f"{moment.day} {moment:%B %Y}{time}"
