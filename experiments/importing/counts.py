"""Rows of an aggregated file: members and successes by variant and metric; no storage here."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from experiments.catalogue.metrics import METRICS
from experiments.definition.model import Content
from experiments.errors import ImportFailedError, InvalidError
from experiments.importing.members import Variants
from experiments.importing.plan import CONTENT_MEANINGS, Plan
from experiments.importing.reading import Problems, Source, Table, place
from experiments.importing.values import whole_number
from experiments.validation import validated

PROPORTIONS = tuple(metric.key for metric in METRICS if metric.kind == "proportion")


def metric_of(column: str) -> str | None:
    """Return the metric that the name of a column of successes suggests: click_rate for ``Unique clicks``."""
    words = set(re.split(r"[^a-z]+", column.lower()))
    return next((metric.key for metric in METRICS if words.intersection(metric.column_names)), None)


@dataclass
class Counts:
    """What an aggregated file says."""

    variants: Variants
    content: dict[str, dict[str, str]] = field(default_factory=dict)  # variant key -> content
    # by (variant key, metric): members and successes, and the line they stand on
    cells: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    repeated: Counter[tuple[str, str]] = field(default_factory=Counter)  # further lines of the same


def read_counts(source: Source, plan: Plan, *, most_bytes: int | None = None) -> Counts:
    """Read an aggregated file whole; it has a line a variant and metric, so it is small.

    Raises
    ------
    ImportFailedError
        With every fault by its line, or because no row was left to read.
    """
    problems = Problems()
    counts = Counts(Variants(tuple(plan.weights)))
    with Table(source, problems, most_bytes=most_bytes) as table:
        reader = _Reader(table.header, plan, counts, source.name)
        for line, row in table.rows():
            if reader.wanted(row):
                for fault in reader.read(line, row):
                    problems.add(line, fault)
        header = table.header
    _refuse_days(source.name, counts)
    problems.raise_if_any(source.name)
    if not counts.cells:
        wish = ", ".join(f"{column} = {value}" for column, value in plan.where.items())
        raise ImportFailedError(
            f"{source.name} has no row with {wish}; check the value."
            if wish
            else f"{source.name} has a header ({', '.join(header)}) but no rows. Add one row per variant."
        )
    return counts


def _refuse_days(file_name: str, counts: Counts) -> None:
    """Refuse a file that tells each day, or each part of the audience, apart: one fault, told once."""
    if max(counts.repeated.values(), default=1) < 2:
        return
    (key, metric), further = counts.repeated.most_common(1)[0]
    name = next(name for name, of in counts.variants.keys.items() if of == key)
    raise ImportFailedError(
        f"{file_name} has {further + 1:,} lines for the {metric} of the variant {name!r}, where a file of counts has "
        "one. If each is a day, add the days up to one line a variant; if each is a part of the audience, add the "
        "parts up or take one by --where COLUMN=VALUE. Nothing was imported."
    )


class _Reader:
    def __init__(self, header: Sequence[str], plan: Plan, counts: Counts, file_name: str) -> None:
        self._counts = counts
        self._variant = place(header, plan.column("variant"), "variant", file_name)
        self._members = place(header, plan.column("members"), "members", file_name)
        self._successes = place(header, plan.column("successes"), "successes", file_name)
        self._metric = (
            place(header, plan.column("metric"), "metric", file_name)
            if ("metric" in plan.columns or "metric" in header)
            else None
        )
        self._content = {
            meaning: place(header, plan.columns[meaning], meaning, file_name)
            for meaning in CONTENT_MEANINGS
            if meaning in plan.columns
        }
        self._where = [
            (place(header, column, "where", file_name, remedy=f"--where COLUMN={value}"), value)
            for column, value in plan.where.items()
        ]
        successes = plan.column("successes")
        self._fallback = plan.metrics[0] if plan.metrics else metric_of(successes)
        if self._fallback is None and self._metric is None:
            raise ImportFailedError(
                f"{file_name} does not say what its column {successes!r} counts. Choose what the successes are "
                f"(--metrics on the command line): {', '.join(PROPORTIONS)}."
            )

    def wanted(self, row: Sequence[str]) -> bool:
        return all(row[column].strip() == value for column, value in self._where)

    def read(self, line: int, row: Sequence[str]) -> list[str]:
        """Keep one row; answers its faults."""
        faults: list[str] = []
        metric = (row[self._metric].strip() if self._metric is not None else "") or self._fallback or ""
        if metric not in PROPORTIONS:
            what = f"{metric!r} is no share of members" if metric else "the metric is empty"
            faults.append(f"{what}; use one of {', '.join(PROPORTIONS)}")
        variant = ""
        try:
            variant = self._counts.variants.key(row[self._variant].strip())
        except ValueError as error:
            faults.append(str(error))
        numbers = []
        for what, index in (("members", self._members), ("successes", self._successes)):
            try:
                numbers.append(whole_number(row[index].strip()))
            except ValueError as error:
                faults.append(f"{what}: {error}")
        # A headline is one line, whatever the file's line feeds; the domain refuses others.
        texts = {meaning: " ".join(row[index].split()) for meaning, index in self._content.items()}
        try:
            validated(Content, texts, what="The content")
        except InvalidError as error:
            faults.extend(f"{name}: {message.rstrip('.')}" for name, message in error.fields.items())
        if not faults:
            faults.extend(self._keep(line, (variant, metric), *numbers))
        if not faults:
            self._counts.content.setdefault(variant, texts)
        return faults

    def _keep(self, line: int, cell: tuple[str, str], members: int, successes: int) -> list[str]:
        variant, metric = cell
        earlier = self._counts.lines.get(cell)
        if earlier is not None:
            self._counts.repeated[cell] += 1
            return [
                f"the variant {variant!r} already has its {metric} on line {earlier}; keep one of the two, or their sum"
            ]
        if successes > members:
            return [f"{successes:,} successes are more than the {members:,} members; each member counts once"]
        known = next((have for (key, _), have in self._counts.cells.items() if key == variant), None)
        if known is not None and known[0] != members:
            return [f"the variant {variant!r} had {known[0]:,} members before and {members:,} here; they must agree"]
        self._counts.lines[cell] = line
        self._counts.cells[cell] = (members, successes)
        return []
