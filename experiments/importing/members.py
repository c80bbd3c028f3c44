"""Rows of a members' file and of an events' file, checked and parsed; nothing is stored here."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from experiments.catalogue.currencies import read_code
from experiments.catalogue.custom import CustomKind
from experiments.catalogue.event_types import KNOWN, MAX_ID, MAX_TYPE, event_type
from experiments.catalogue.units import MAX_UNIT, has_invisible, is_placeholder
from experiments.errors import InvalidError
from experiments.importing.amounts import Amounts
from experiments.importing.csv_file import column_index
from experiments.importing.plan import EVENT_MEANINGS, Plan
from experiments.importing.rows import Filter
from experiments.importing.values import (
    MICRO,
    Clock,
    attribute,
    not_negative,
    read_moment,
    whole_number,
    yes_or_no,
)
from experiments.importing.variants import Variants
from experiments.translation import N_, gettext, quoted
from experiments.translation.filling import filled

MOST_BLOCKS = 1_000
MOST_REPEATS = 100_000
AFTER_EXPOSURE_US = MICRO  # outcomes in the members' file have no time: they count one second after the exposure


class Member(NamedTuple):
    """A member as read from the file; ``variant`` is the variant's key.

    ``brought_by`` is the parent, the unit whose share led the member here. ``root`` and ``depth`` are derived from it
    once all members are read. ``block`` is the number of the member's block, 1 without blocks.
    """

    line: int
    unit: str
    variant: str
    at_us: int
    attributes: str | None
    brought_by: str | None = None
    root: str | None = None
    depth: int = 0
    block: int = 1


class ImportedEvent(NamedTuple):
    """An event as read from the file; ``id`` is unique within the file."""

    line: int
    id: str
    unit: str
    type: str
    at_us: int
    value_micro: int | None
    currency: str | None


_WHEN = N_("--map exposed_at=COLUMN, or --exposed-at TIME for one time for all members")


class RowError(ValueError):
    """The errors of one row, a message each."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


class MemberReader:
    """Reads the rows of a members' file into members and, for a wide file, their outcomes.

    Parameters
    ----------
    header
        The file's columns.
    plan
        The meaning of each column.
    variants
        Receives the variants in the file.
    clock
        Reads the times.
    """

    def __init__(
        self, header: Sequence[str], plan: Plan, variants: Variants, *, file_name: str, currency: str, clock: Clock
    ) -> None:
        self._variants = variants
        self._clock = clock
        self._currency = currency
        self._unit = column_index(header, plan.column("unit"), "unit", file_name)
        self._variant = column_index(header, plan.column("variant"), "variant", file_name)
        self._at: int | None = None
        self._fixed_us = None if plan.exposed_at is None else fixed_moment_us(plan.exposed_at)
        if self._fixed_us is None or plan.column("exposed_at") in header:
            self._at = column_index(header, plan.column("exposed_at"), "exposed_at", file_name, remedy=gettext(_WHEN))
        self._brought_by: int | None = None
        if "brought_by" in plan.columns or "brought_by" in header:
            self._brought_by = column_index(header, plan.column("brought_by"), "brought_by", file_name)
        self._outcomes = [
            (type_, column_index(header, column, "outcome", file_name, remedy=f"--outcome {type_}=COLUMN"), Amounts())
            for type_, column in plan.outcomes
        ]
        self.selects = Filter(header, plan.where, file_name).selects
        self.blanks: Counter[str] = Counter()
        self.blocks: dict[str, int] = {}
        self._block: int | None = None
        if "block" in plan.columns:
            self._block = column_index(header, plan.column("block"), "block", file_name, remedy="--block COLUMN")
        self._custom = plan.custom
        mapped = {self._unit, self._variant, self._at, self._brought_by, *(column for _, column, _ in self._outcomes)}
        self.attributes = [(index, name) for index, name in enumerate(header) if index not in mapped]
        attribute_names = [name for _, name in self.attributes]
        for segment in plan.segments:
            column_index(attribute_names, segment, "segments", file_name, remedy="--segments COLUMN,...")
        if plan.covariate is not None and plan.covariate.attribute is not None:
            column_index(attribute_names, plan.covariate.attribute, "covariate", file_name, remedy="--covariate COLUMN")

    def read(self, line: int, row: Sequence[str]) -> tuple[Member, list[ImportedEvent]]:
        """Return the member of a row and the member's outcomes.

        Raises
        ------
        RowError
            With every error of the row.
        """
        errors: list[str] = []
        unit = row[self._unit].strip()
        if message := unit_error(unit):
            errors.append(message)
        variant, at_us = "", 0
        try:
            variant = self._variants.key(row[self._variant].strip())
        except ValueError as error:
            errors.append(str(error))
        try:
            at_us = self._moment(row)
        except ValueError as error:
            errors.append(str(error))
        block = 1
        try:
            block = self._number_of_block(row)
        except ValueError as error:
            errors.append(str(error))
        events: list[ImportedEvent] = []
        for type_, column, amounts in self._outcomes:
            try:
                events.extend(self._outcome(line, unit, at_us, type_, column, row[column].strip(), amounts))
            except ValueError as error:
                errors.append(f"{type_}: {error}")
        if errors:
            raise RowError(errors)
        attributes = {name: value for index, name in self.attributes if (value := attribute(row[index])) is not None}
        text = json.dumps(attributes, ensure_ascii=False, separators=(",", ":")) if attributes else None
        return Member(line, unit, variant, at_us, text, self._parent(row), block=block), events

    def _number_of_block(self, row: Sequence[str]) -> int:
        if self._block is None:
            return 1
        name = row[self._block].strip()
        if not name:
            raise ValueError(gettext("the block is empty; enter the block of every member"))
        number = self.blocks.setdefault(name, len(self.blocks) + 1)
        if number > MOST_BLOCKS:
            message = gettext("{name!r} would be block {number:,}; the maximum is {most:,}")
            raise ValueError(filled(message, name=name, number=number, most=MOST_BLOCKS))
        return number

    def _parent(self, row: Sequence[str]) -> str | None:
        return None if self._brought_by is None else row[self._brought_by].strip() or None

    def _moment(self, row: Sequence[str]) -> int:
        text = "" if self._at is None else row[self._at].strip()
        if text:
            return self._clock.us(text)
        if self._fixed_us is None:
            raise ValueError(gettext("the time of exposure is empty; enter it or set one time for all members"))
        return self._fixed_us

    def _outcome(
        self, line: int, unit: str, at_us: int, type_: str, column: int, text: str, amounts: Amounts
    ) -> list[ImportedEvent]:
        meaning = event_type(type_).value
        kind = self._custom.get(type_)
        if kind is not None:
            if not text:
                self.blanks[type_] += 1
            value = _custom_value(kind, text, amounts, line)
            count, value = int(value is not None), None if kind == "share" else value
        elif meaning.required:
            if not text:
                self.blanks[type_] += 1
            # An amount of 0 is not a purchase, and 0 seconds are not a visit.
            value = value_micro(type_, text, amounts, line) if text and amounts.micro(text, line) else None
            count = int(value is not None)
        else:
            value, count = None, whole_number(text) if text else 0
            if count > MOST_REPEATS:
                message = gettext("{count:,} is more than {most:,} events of a type per member; use an events file")
                raise ValueError(filled(message, count=count, most=MOST_REPEATS))
        currency = self._currency if meaning.key == "money" else None
        return [
            ImportedEvent(line, f"{line}.{column}.{number}", unit, type_, at_us + AFTER_EXPOSURE_US, value, currency)
            for number in range(count)
        ]


class EventReader:
    """Reads the rows of an events' file into events."""

    def __init__(self, header: Sequence[str], plan: Plan, *, file_name: str, currency: str, clock: Clock) -> None:
        self._currency = currency
        self._clock = clock
        self._amounts = Amounts()
        self._columns = {
            meaning: column_index(
                header, plan.event_column(meaning), meaning, file_name, remedy=f"--map-event {meaning}=COLUMN"
            )
            for meaning in EVENT_MEANINGS
            if meaning in ("unit", "type", "at") or plan.event_column(meaning) in header
        }

    def read(self, line: int, row: Sequence[str]) -> ImportedEvent:
        """Return the event of a row.

        Raises
        ------
        RowError
            With every error of the row.
        """
        cells = {meaning: row[index].strip() for meaning, index in self._columns.items()}
        errors: list[str] = []
        checks = (
            unit_error(cells["unit"]),
            type_error(cells["type"]),
            self._currency_error(cells.get("currency", "")),
            _id_error(cells.get("id", "")),
        )
        errors.extend(message for message in checks if message)
        at_us, value = 0, None
        try:
            at_us = self._clock.us(cells["at"])
        except ValueError as error:
            errors.append(str(error))
        try:
            value = value_micro(cells["type"], cells.get("value", ""), self._amounts, line)
        except ValueError as error:
            errors.append(str(error))
        if errors:
            raise RowError(errors)
        currency = self._currency if event_type(cells["type"]).value.key == "money" else None
        return ImportedEvent(
            line, cells.get("id") or f"line.{line}", cells["unit"], cells["type"], at_us, value, currency
        )

    def _currency_error(self, text: str) -> str | None:
        if text and read_code(text) != self._currency:
            message = gettext("the currency is {currency}, the experiment uses {expected}; convert the value")
            return message.format(currency=text, expected=self._currency)
        return None


def fixed_moment_us(moment: datetime) -> int:
    """Return the time of exposure set for all members, in microseconds since 1970.

    Raises
    ------
    InvalidError
        Outside the bounds of `read_moment`.
    """
    try:
        return read_moment(moment.isoformat()).us
    except ValueError as error:
        detail = gettext("The time of exposure is not valid: {error}.").format(error=error)
        raise InvalidError(detail, fields={"exposed_at": f"{error}."}) from None


def unit_error(unit: str) -> str | None:
    """Return the error of a unit; None if it is valid."""
    if not unit:
        return gettext("the unit is empty; enter an identifier for every member")
    if is_placeholder(unit):
        message = gettext("the unit is {unit}, which a program writes for a missing value; leave such rows out")
        return message.format(unit=quoted(unit))
    if has_invisible(unit):
        return gettext("the unit {unit!r} contains an invisible character; remove it").format(unit=unit)
    if not unit.isprintable():
        return gettext("the unit {unit!r} contains a control character; remove it").format(unit=unit)
    if len(unit) > MAX_UNIT:
        message = gettext("the unit has {length} characters; the maximum is {most}")
        return message.format(length=len(unit), most=MAX_UNIT)
    return None


def type_error(type_: str) -> str | None:
    """Return the error of an event's type; None if it is valid."""
    if not type_:
        message = gettext("the type is empty; use one of {types} or a custom name")
        return message.format(types=", ".join(key for key in KNOWN if key != "exposure"))
    if type_ == "exposure":
        return gettext("exposures are read from the members' file; remove this line")
    if len(type_) > MAX_TYPE:
        message = gettext("the type has {length} characters; the maximum is {most}")
        return message.format(length=len(type_), most=MAX_TYPE)
    return None


def value_micro(type_: str, text: str, amounts: Amounts, line: int) -> int | None:
    """Return an event's value in millionths, None without one; ``amounts`` holds its column's decimal mark.

    Raises
    ------
    ValueError
        The value is out of bounds, or missing for a type that needs one.
    """
    meaning = event_type(type_).value
    if not text:
        if meaning.required:
            message = gettext("a {type} needs a value ({meaning}); enter it")
            raise ValueError(message.format(type=type_, meaning=gettext(meaning.meaning)))
        return None
    value = amounts.micro(text, line)
    try:
        meaning.check(value, text)
    except InvalidError as error:
        raise ValueError(error.detail.rstrip(".")) from None
    return value


def _custom_value(kind: CustomKind, text: str, amounts: Amounts, line: int) -> int | None:
    """Return a custom outcome in millionths, None if it is none, zero or blank; raise ValueError if it is not valid."""
    if not text:
        return None
    if kind == "share":
        return MICRO if yes_or_no(text) else None
    if kind == "count":
        return whole_number(text) * MICRO or None
    return not_negative(amounts.micro(text, line), text) or None


def _id_error(text: str) -> str | None:
    if len(text) > MAX_ID:
        return gettext("the id has {length} characters; the maximum is {most}").format(length=len(text), most=MAX_ID)
    return None
