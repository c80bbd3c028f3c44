"""Rows of a per-member file and of its events' file, checked and made plain; no storage here."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from experiments.catalogue.event_types import KNOWN, MAX_ID, MAX_TYPE, MAX_UNIT, event_type
from experiments.errors import InvalidError
from experiments.importing.amounts import Amounts
from experiments.importing.plan import EVENT_MEANINGS, MOST_VARIANTS, Plan
from experiments.importing.reading import place
from experiments.importing.values import (
    MICRO,
    attribute,
    meant_name,
    moment_us,
    slug,
    whole_number,
)

MOST_REPEATS = 1_000
AFTER_EXPOSURE_US = MICRO  # an outcome without a time of its own: one second after the exposure


class Member(NamedTuple):
    """One member as the file has them; ``variant`` is the key of the variant.

    ``brought_by`` is the unit whose share led the member here; ``root`` and ``depth`` follow from it when all are read.
    """

    line: int
    unit: str
    variant: str
    at_us: int
    attributes: str | None
    brought_by: str | None = None
    root: str | None = None
    depth: int = 0


class Happening(NamedTuple):
    """One event; ``id`` is unique inside the file."""

    line: int
    id: str
    unit: str
    type: str
    at_us: int
    value_micro: int | None
    currency: str | None


_WHEN = "--map exposed_at=COLUMN, or one moment for everybody by --exposed-at TIME"


class Faults(ValueError):  # noqa: N818 - faults of one row, gathered
    """What is wrong with one row, a sentence each."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


class Variants:
    """The variants met so far: their names in order of appearance, each with a valid key.

    Parameters
    ----------
    planned
        Names that may occur; empty where any may. A file may write one in other case than planned, all through.
    """

    def __init__(self, planned: Sequence[str] = ()) -> None:
        self.planned = tuple(planned)
        self.keys: dict[str, str] = {}
        self._read: dict[str, str] = {}  # the same, as the file writes the names
        self._written: dict[str, str] = {}  # planned name -> how the file writes it
        for name in planned:
            self._new(name)

    def key(self, name: str) -> str:
        """The key of a variant's name.

        Raises
        ------
        ValueError
            Empty, unknown, over-long, written in two ways, or one more than an experiment can have.
        """
        known = self._read.get(name)
        if known is not None:
            return known
        if not name:
            raise ValueError("the variant is empty; write which variant the member met")
        if self.planned:
            self._read[name] = self._planned_key(name)
            return self._read[name]
        if not name.isprintable():
            raise ValueError(f"the variant {name!r} holds a line break or control character; remove it")
        if len(name) > 120:
            raise ValueError(f"the variant's name has {len(name)} characters; 120 is the most")
        if len(self.keys) >= MOST_VARIANTS:
            raise ValueError(
                f"{name!r} would be variant {MOST_VARIANTS + 1}; an experiment has 2 to {MOST_VARIANTS}. "
                "Is this the right column?"
            )
        self._read[name] = self._new(name)
        return self._read[name]

    def _planned_key(self, name: str) -> str:
        planned = meant_name(name, self.planned)
        if planned is None:
            raise ValueError(f"{name!r} is no variant of this experiment; it has {', '.join(self.planned)}")
        written = self._written.setdefault(planned, name)
        if written != name:
            # Two spellings may be two variants: they are never put together unasked.
            raise ValueError(f"the variant {written!r} is written {name!r} here; write it alike in every row")
        return self.keys[planned]

    def _new(self, name: str) -> str:
        self.keys[name] = slug(name, set(self.keys.values()))
        return self.keys[name]


class MemberReader:
    """Turns the rows of a per-member file into members and, for wide files, their outcomes.

    Parameters
    ----------
    header
        The file's columns.
    plan
        Which column means what.
    variants
        Filled with the variants met.
    """

    def __init__(self, header: Sequence[str], plan: Plan, variants: Variants, *, file_name: str, currency: str) -> None:
        self._variants = variants
        self._currency = currency
        self._unit = place(header, plan.column("unit"), "unit", file_name)
        self._variant = place(header, plan.column("variant"), "variant", file_name)
        self._at: int | None = None
        self._fixed_us = None if plan.exposed_at is None else fixed_moment_us(plan.exposed_at)
        if self._fixed_us is None or plan.column("exposed_at") in header:
            self._at = place(header, plan.column("exposed_at"), "exposed_at", file_name, remedy=_WHEN)
        self._brought_by: int | None = None
        if "brought_by" in plan.columns or "brought_by" in header:
            self._brought_by = place(header, plan.column("brought_by"), "brought_by", file_name)
        self._outcomes = [
            (type_, place(header, column, "outcome", file_name, remedy=f"--outcome {type_}=COLUMN"), Amounts())
            for type_, column in plan.outcomes
        ]
        self._where = [
            (place(header, column, "where", file_name, remedy=f"--where COLUMN={value}"), value)
            for column, value in plan.where.items()
        ]
        counted = {self._unit, self._variant, self._at, self._brought_by, *(column for _, column, _ in self._outcomes)}
        self.attributes = [(index, name) for index, name in enumerate(header) if index not in counted]
        left = [name for _, name in self.attributes]
        for segment in plan.segments:
            place(left, segment, "segments", file_name, remedy="--segments COLUMN,...")
        if plan.covariate is not None and plan.covariate.attribute is not None:
            place(left, plan.covariate.attribute, "covariate", file_name, remedy="--covariate COLUMN")

    def wanted(self, row: Sequence[str]) -> bool:
        """Whether the row is one of those asked for."""
        return all(row[column].strip() == value for column, value in self._where)

    def read(self, line: int, row: Sequence[str]) -> tuple[Member, list[Happening]]:
        """One row.

        Raises
        ------
        Faults
            Everything that is wrong with it.
        """
        faults: list[str] = []
        unit = row[self._unit].strip()
        fault = unit_fault(unit)
        if fault:
            faults.append(fault)
        variant, at_us = "", 0
        try:
            variant = self._variants.key(row[self._variant].strip())
        except ValueError as error:
            faults.append(str(error))
        try:
            at_us = self._moment(row)
        except ValueError as error:
            faults.append(str(error))
        happenings: list[Happening] = []
        for type_, column, amounts in self._outcomes:
            try:
                happenings.extend(self._outcome(line, unit, at_us, type_, column, row[column].strip(), amounts))
            except ValueError as error:
                faults.append(f"{type_}: {error}")
        if faults:
            raise Faults(faults)
        attributes = {name: value for index, name in self.attributes if (value := attribute(row[index])) is not None}
        text = json.dumps(attributes, ensure_ascii=False, separators=(",", ":")) if attributes else None
        return Member(line, unit, variant, at_us, text, self._host(row)), happenings

    def _host(self, row: Sequence[str]) -> str | None:
        return None if self._brought_by is None else row[self._brought_by].strip() or None

    def _moment(self, row: Sequence[str]) -> int:
        text = "" if self._at is None else row[self._at].strip()
        if text:
            return moment_us(text)
        if self._fixed_us is None:
            raise ValueError("the moment of exposure is empty; fill it in or give one moment for all")
        return self._fixed_us

    def _outcome(
        self, line: int, unit: str, at_us: int, type_: str, column: int, text: str, amounts: Amounts
    ) -> list[Happening]:
        meaning = event_type(type_).value
        if meaning.required:
            # Nothing spent is no purchase, and no time stayed no visit.
            value = value_micro(type_, text, amounts, line) if text and amounts.micro(text, line) else None
            count = int(value is not None)
        else:
            value, count = None, whole_number(text) if text else 0
            if count > MOST_REPEATS:
                raise ValueError(
                    f"{count:,} is above {MOST_REPEATS:,} events of one kind per member; use an events file"
                )
        currency = self._currency if meaning.key == "money" else None
        return [
            Happening(line, f"{line}.{column}.{number}", unit, type_, at_us + AFTER_EXPOSURE_US, value, currency)
            for number in range(count)
        ]


class EventReader:
    """Turns the rows of an events' file into events."""

    def __init__(self, header: Sequence[str], plan: Plan, *, file_name: str, currency: str) -> None:
        self._currency = currency
        self._amounts = Amounts()
        self._places = {
            meaning: place(
                header, plan.event_column(meaning), meaning, file_name, remedy=f"--map-event {meaning}=COLUMN"
            )
            for meaning in EVENT_MEANINGS
            if meaning in ("unit", "type", "at") or plan.event_column(meaning) in header
        }

    def read(self, line: int, row: Sequence[str]) -> Happening:
        """One row.

        Raises
        ------
        Faults
            Everything that is wrong with it.
        """
        cells = {meaning: row[index].strip() for meaning, index in self._places.items()}
        faults: list[str] = []
        checks = (
            unit_fault(cells["unit"]),
            type_fault(cells["type"]),
            self._currency_fault(cells.get("currency", "")),
            _too_long("the id", cells.get("id", ""), MAX_ID),
        )
        faults.extend(fault for fault in checks if fault)
        at_us, value = 0, None
        try:
            at_us = moment_us(cells["at"])
        except ValueError as error:
            faults.append(str(error))
        try:
            value = value_micro(cells["type"], cells.get("value", ""), self._amounts, line)
        except ValueError as error:
            faults.append(str(error))
        if faults:
            raise Faults(faults)
        currency = self._currency if event_type(cells["type"]).value.key == "money" else None
        return Happening(line, cells.get("id") or f"line.{line}", cells["unit"], cells["type"], at_us, value, currency)

    def _currency_fault(self, text: str) -> str | None:
        if text and text.upper() != self._currency:
            return (
                f"the currency is {text}, this experiment counts in {self._currency}; "
                f"convert the value or choose {text.upper()}"
            )
        return None


def fixed_moment_us(moment: datetime) -> int:
    """The one moment of exposure given for all members, in microseconds.

    Raises
    ------
    InvalidError
        Outside the bounds of `moment_us`.
    """
    try:
        return moment_us(moment.isoformat())
    except ValueError as error:
        raise InvalidError(f"The moment of exposure {error}.", fields={"exposed_at": f"{error}."}) from None


def unit_fault(unit: str) -> str | None:
    """What is wrong with a unit, or nothing."""
    if not unit:
        return "the unit is empty; every member needs an identifier"
    if not unit.isprintable():
        return f"the unit {unit!r} holds a control character; remove it"
    return _too_long("the unit", unit, MAX_UNIT)


def type_fault(type_: str) -> str | None:
    """What is wrong with an event's type, or nothing."""
    if not type_:
        return f"the type is empty; use one of {', '.join(KNOWN)} or a name of your own"
    if type_ == "exposure":
        return "exposures come from the members' file; leave this line out"
    return _too_long("the type", type_, MAX_TYPE)


def value_micro(type_: str, text: str, amounts: Amounts, line: int) -> int | None:
    """An event's value in millionths, or nothing where it has none; ``amounts`` knows how its column is written.

    Raises
    ------
    ValueError
        Missing where the type needs one, or outside its bounds.
    """
    meaning = event_type(type_).value
    if not text:
        if meaning.required:
            raise ValueError(f"a {type_} needs a value ({meaning.meaning})")
        return None
    value = amounts.micro(text, line)
    try:
        meaning.check(value, text)
    except InvalidError as error:
        detail = error.detail.rstrip(".")
        raise ValueError(f"{detail[:1].lower()}{detail[1:]}") from None
    return value


def _too_long(what: str, text: str, most: int) -> str | None:
    if len(text) > most:
        return f"{what} has {len(text)} characters; {most} is the most"
    return None
