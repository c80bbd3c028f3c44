"""Rows of an aggregated file: members and successes by variant and metric; nothing is stored here."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from experiments.catalogue.metric import Metric
from experiments.catalogue.metrics import METRICS, find
from experiments.catalogue.sums import SUMMED, SUMS, TOTALS, complete, given_metrics, missing, statistic
from experiments.definition.model import Content
from experiments.errors import ImportFailedError, InvalidError
from experiments.importing.amounts import Amounts
from experiments.importing.csv_file import LineErrors, Source, Table, column_index
from experiments.importing.plan import CONTENT_MEANINGS, Plan
from experiments.importing.rows import Filter, Rows
from experiments.importing.values import MICRO, whole_number
from experiments.importing.variants import Variants
from experiments.translation import gettext
from experiments.translation.filling import filled
from experiments.validation import validated


def metric_of(column: str) -> str | None:
    """Return the metric that the name of a column of successes suggests: click_rate for ``Unique clicks``."""
    words = set(re.split(r"[^a-z]+", column.lower()))
    return next((metric.key for metric in METRICS if words.intersection(metric.column_names)), None)


@dataclass
class Counts:
    """The content of an aggregated file."""

    variants: Variants
    content: dict[str, dict[str, str]] = field(default_factory=dict)  # variant key -> content
    # (variant key, metric) -> members and successes, and the line they are on
    cells: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    sums: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)  # of amounts, counts and ratios
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    repeated: Counter[tuple[str, str]] = field(default_factory=Counter)  # number of further lines
    read: int = 0
    unselected: int = 0

    @property
    def rows(self) -> Rows:
        """The rows of the file."""
        return Rows.of(self.read, {"condition": self.unselected})


def read_counts(source: Source, plan: Plan, *, most_bytes: int | None = None) -> Counts:
    """Read a whole aggregated file; it has one line per variant and metric, so it is small.

    Raises
    ------
    ImportFailedError
        The file has errors (``lines`` holds them), or no row.
    """
    errors = LineErrors()
    counts = Counts(Variants(tuple(plan.weights)))
    with Table(source, errors, most_bytes=most_bytes) as table:
        reader = _Reader(table.header, plan, counts, source.name)
        for line, row in table.rows():
            counts.read += 1
            if not reader.selects(row):
                counts.unselected += 1
                continue
            for error in reader.read(line, row):
                errors.add(line, error)
        header = table.header
    _refuse_days(source.name, counts)
    errors.raise_if_any(source.name)
    _refuse_missing(source.name, plan, counts)
    if not counts.cells:
        message = gettext("{file} has a header ({columns}) but no rows. Add one row per variant.")
        raise ImportFailedError(no_match(source, plan) or message.format(file=source.name, columns=", ".join(header)))
    return counts


def no_match(source: Source, plan: Plan) -> str:
    """Return the error of a file without a row that meets the plan's ``where``; empty without such a condition."""
    if not plan.where:
        return ""
    or_ = gettext(" or ")
    condition = ", ".join(or_.join(f"{column} = {value}" for column, value in pairs) for pairs in plan.where)
    return gettext("{file} has no row with {condition}. Check the value.").format(file=source.name, condition=condition)


def _refuse_days(file_name: str, counts: Counts) -> None:
    """Refuse a file with a line per day or per part of the audience, with one error instead of one per line."""
    if max(counts.repeated.values(), default=1) < 2:
        return
    (key, metric), further = counts.repeated.most_common(1)[0]
    name = next(name for name, variant_key in counts.variants.keys.items() if variant_key == key)
    message = gettext(
        "{file} has {count:,} lines for {metric} of the variant {name!r}; a file of counts has one. Add up lines per "
        "day, or per part of the audience, to one line per variant, or choose one part with --where COLUMN=VALUE. "
        "Nothing was imported."
    )
    raise ImportFailedError(filled(message, file=file_name, count=further + 1, metric=metric, name=name))


def _refuse_missing(file_name: str, plan: Plan, counts: Counts) -> None:
    """Refuse metrics that were asked for and are not in the file."""
    wanted = (*plan.metrics, *(plan.guardrails or ()), *([plan.primary_metric] if plan.primary_metric else []))
    given = list(dict.fromkeys(metric for _, metric in counts.cells))
    if given and (lacking := next((key for key in wanted if key not in given), None)):
        message = gettext("{file} does not give {metric}; it gives {given}. Leave {metric} out, or add its rows.")
        raise ImportFailedError(message.format(file=file_name, metric=lacking, given=", ".join(given)))


def _metric_error(key: str) -> str:
    found = find(key)
    if found is not None and found.kind in TOTALS:
        return ""
    message = (
        gettext("totals cannot give {metric!r}; use one of {metrics}, or import a members' file")
        if key
        else gettext("the metric is empty; use one of {metrics}")
    )
    return message.format(metric=key, metrics=", ".join(given_metrics()))


class _Reader:
    def __init__(self, header: Sequence[str], plan: Plan, counts: Counts, file_name: str) -> None:
        self._counts = counts
        self._variant = column_index(header, plan.column("variant"), "variant", file_name)
        self._members = column_index(header, plan.column("members"), "members", file_name)
        self._sums = {
            name: (column_index(header, plan.column(name), name, file_name), Amounts())
            for name in SUMS
            if name in plan.columns or name in header
        }
        self._successes: int | None = None
        if not self._sums or plan.column("successes") in header:
            self._successes = column_index(header, plan.column("successes"), "successes", file_name)
        self._metric = (
            column_index(header, plan.column("metric"), "metric", file_name)
            if ("metric" in plan.columns or "metric" in header)
            else None
        )
        self._content = {
            meaning: column_index(header, plan.columns[meaning], meaning, file_name)
            for meaning in CONTENT_MEANINGS
            if meaning in plan.columns
        }
        self.selects = Filter(header, plan.where, file_name).selects
        successes = plan.column("successes")
        self._fallback = plan.metrics[0] if plan.metrics else metric_of(successes)
        if self._fallback is None and self._metric is None:
            message = gettext(
                "The name of the column {column!r} in {file} does not show what it counts. Choose the metric "
                "(--metrics on the command line): {metrics}."
            )
            raise ImportFailedError(
                message.format(file=file_name, column=successes, metrics=", ".join(given_metrics()))
            )

    def read(self, line: int, row: Sequence[str]) -> list[str]:
        """Record one row; return its errors."""
        errors: list[str] = []
        metric = (row[self._metric].strip() if self._metric is not None else "") or self._fallback or ""
        found = find(metric)
        if message := _metric_error(metric):
            errors.append(message)
        variant = ""
        try:
            variant = self._counts.variants.key(row[self._variant].strip())
        except ValueError as error:
            errors.append(str(error))
        members, successes, sums = 0, 0, None
        try:
            members = whole_number(row[self._members].strip())
        except ValueError as error:
            errors.append(f"members: {error}")
        try:
            if found is not None and found.kind in SUMMED:
                sums = self._summed(found, members, row, line)
            else:
                successes = self._successful(row)
        except ValueError as error:
            errors.append(str(error))
        # Files wrap headlines; the domain accepts only a single line.
        texts = {meaning: " ".join(row[index].split()) for meaning, index in self._content.items()}
        try:
            validated(Content, texts, what=gettext("The content"))
        except InvalidError as error:
            errors.extend(f"{name}: {message.rstrip('.')}" for name, message in error.fields.items())
        if not errors:
            errors.extend(self._keep(line, (variant, metric), members, successes))
        if not errors and sums is not None:
            self._counts.sums[variant, metric] = sums
        if not errors:
            self._counts.content.setdefault(variant, texts)
        return errors

    def _successful(self, row: Sequence[str]) -> int:
        if self._successes is None:
            raise ValueError(gettext("a rate needs a column of successes; add one"))
        try:
            return whole_number(row[self._successes].strip())
        except ValueError as error:
            raise ValueError(f"successes: {error}") from None

    def _summed(self, metric: Metric, members: int, row: Sequence[str], line: int) -> dict[str, float]:
        cells: dict[str, float] = {}
        for name, (index, amounts) in self._sums.items():
            if text := row[index].strip():
                try:
                    cells[name] = amounts.micro(text, line) / MICRO
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
        if lacking := missing(metric, cells):
            message = gettext("{metric} needs {columns} (or mean and sd for total and squares); add them")
            raise ValueError(message.format(metric=metric.key, columns=", ".join(lacking)))
        sums = complete(members, cells)
        statistic(metric, members, 0, sums)
        return sums

    def _keep(self, line: int, cell: tuple[str, str], members: int, successes: int) -> list[str]:
        variant, metric = cell
        earlier = self._counts.lines.get(cell)
        if earlier is not None:
            self._counts.repeated[cell] += 1
            message = gettext(
                "the variant {variant!r} already has {metric} on line {line}; keep one of the lines, or their sum"
            )
            return [message.format(variant=variant, metric=metric, line=earlier)]
        if successes > members:
            message = gettext("{successes:,} successes are more than the {members:,} members; count each member once")
            return [filled(message, successes=successes, members=members)]
        known = next((numbers for (key, _), numbers in self._counts.cells.items() if key == variant), None)
        if known is not None and known[0] != members:
            message = gettext(
                "the variant {variant!r} has {earlier:,} members on an earlier line, {members:,} here; use one number"
            )
            return [filled(message, variant=variant, earlier=known[0], members=members)]
        self._counts.lines[cell] = line
        self._counts.cells[cell] = (members, successes)
        return []
