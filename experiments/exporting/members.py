"""The member table: one row per randomised member with its counts, so that every figure can be checked by hand."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

from sqlmodel import Session

from experiments.analyses import inputs, records
from experiments.analyses.answer import Answer
from experiments.analyses.serialise import iso
from experiments.assignment.epochs import epochs_of
from experiments.catalogue.metrics import REVENUE, Metric
from experiments.catalogue.metrics import metric as metric_named
from experiments.collect import Covariate
from experiments.collect.attribution import MICRO, Extras, Scope, columns_of, extra_columns, member_rows, with_aside
from experiments.collect.engine import source
from experiments.errors import ConflictError, NotFoundError
from experiments.lifecycle.store import current_run
from experiments.reporting.readings import no_analysis
from experiments.storage.tables import Experiment
from experiments.translation import gettext

_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class MemberTable:
    """What to read and the names of its columns; holds no connection.

    Attributes
    ----------
    url : str
        Of the database.
    scope : Scope
        The rows of the newest analysis: same cut-off, same rules.
    metrics : tuple of Metric
    segments : tuple of str
    by_epoch : bool
        Whether the traffic split changed. Figures are then compared within epochs, and the table has their numbers.
    extras : Extras
        What else the analysis used: the covariate, actions with a declared value, members brought.
    """

    url: str
    scope: Scope
    metrics: tuple[Metric, ...]
    segments: tuple[str, ...]
    by_epoch: bool = False
    extras: Extras = Extras()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns: unit, variant, exposed_at, epoch if there are several, metrics, segments and extras.

        An amount is given as counted, which is cut at the cap, and uncut; a ratio as the member's sum, cut likewise,
        and the number of events behind it. Metrics without a value per member (retention, cascades, net value) have
        no column.
        """
        names = ["unit", "variant", "exposed_at", *(["epoch"] if self.by_epoch else [])]
        for metric in self.metrics:
            names += [*columns_of(metric), *([f"{metric.key}_uncut"] if metric.kind == "amount" else [])]
        return (*names, *(f"segment.{name}" for name in self.segments), *self._extras())

    def _extras(self) -> list[str]:
        """``covariate.history`` or ``click_rate_before``, ``action.share``, ``brought`` and ``cascade_size``."""
        actions = iter(self.extras.actions)
        return [
            f"covariate.{self.extras.attribute}"
            if name == "covariate"
            else f"action.{next(actions)}"
            if name.startswith("action_")
            else name
            for name in extra_columns(self.extras, self.metrics)
        ]


def member_table(session: Session, url: str, experiment: Experiment) -> MemberTable:
    """Return the table behind the newest analysis of an experiment.

    Raises
    ------
    NotFoundError
        The experiment has no analysis yet.
    ConflictError
        The experiment was imported as counts, without members.
    """
    run = current_run(session, experiment)
    stored = None if run is None else records.newest(session, run)
    if run is None or stored is None:
        raise NotFoundError(no_analysis(experiment.key), code="no_analysis")
    if inputs.imported(session, experiment, run) is not None:
        message = gettext("{key} was imported as counts, so it has no members to list. Export its summary instead.")
        raise ConflictError(message.format(key=experiment.key), code="no_members")
    answer = Answer.from_dict(stored.result)
    measured = {found.key: found for found in inputs.measured(experiment)}
    shown = tuple(measured[entry.metric] for entry in answer.metrics if entry.metric in measured)
    definitions = answer.provenance.metric_definitions.values()
    tolerance = max((found["clock_tolerance_seconds"] for found in definitions), default=0)
    scope = inputs.scope(
        experiment,
        run,
        stored.cut_off_us,
        tolerance_us=round(tolerance * MICRO),
        earlier_runs=inputs.earlier_runs(session, run),
    )
    several = len(epochs_of(session, run)) > 1
    return MemberTable(
        url,
        scope,
        _summed(shown, measured),
        tuple(experiment.segments),
        several,
        _extras(experiment, measured.values(), answer.heading.units.shared),
    )


def _summed(shown: tuple[Metric, ...], measured: Mapping[str, Metric]) -> tuple[Metric, ...]:
    """Return the metrics with a column, revenue among them if net value or return on cost depend on it."""
    valued = any(found.kind == "value" for found in measured.values())
    return (*shown, metric_named(REVENUE)) if valued and REVENUE not in measured else shown


def _extras(experiment: Experiment, measured: Iterable[Metric], shared: int) -> Extras:
    kinds = {found.kind for found in measured}
    covariate = Covariate.of(experiment) or Covariate()
    actions = tuple(sorted(experiment.action_values or {})) if "value" in kinds else ()
    return Extras(covariate.attribute, covariate.days_before or 0, actions, bool(shared) or "cascade" in kinds)


def batches(table: MemberTable) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the members in batches, ordered by unit, over a separate connection; amounts are `Decimal`."""
    backend = source.connect(table.url)
    try:
        scope = with_aside(backend, table.scope)
        expression = member_rows(backend, scope, table.metrics, table.segments, table.extras)
        names = ["unit", "variant", "exposed_us", "epoch", *_stored(table)]
        names += [f"segment_{place}" for place in range(len(table.segments))]
        names += extra_columns(table.extras, table.metrics)
        shape = _shaper(table, backend)
        for found in source.stream(backend, expression.select(*names).order_by("unit"), _BATCH):
            yield [shape(row) for row in found]
    finally:
        backend.disconnect()


def to_csv(table: MemberTable) -> Iterator[str]:
    """Yield the table as CSV, in pieces."""
    yield _csv([table.columns])
    for batch in batches(table):
        yield _csv(batch)


def to_parquet(table: MemberTable, file: IO[bytes]) -> None:
    """Write the table as Parquet into an open file; amounts are decimals with six decimal places."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    amounts = {metric.key for metric in table.metrics if metric.kind in ("amount", "ratio")}
    extras = {name for name in table.columns if name.startswith("action.") or name.endswith("_before")}
    whole = {"epoch", "brought", "cascade_size", *_stored(table), *extras} - amounts

    def type_of(column: str) -> Any:
        if column.removesuffix("_uncut").removesuffix("_before") in amounts:
            return pa.decimal128(24, 6)
        if column.startswith("covariate."):
            return pa.float64()
        if column == "exposed_at":
            return pa.timestamp("us", tz="UTC")
        return pa.int64() if column in whole else pa.string()

    schema = pa.schema([(column, type_of(column)) for column in table.columns])
    with pq.ParquetWriter(file, schema) as writer:
        for batch in batches(table):
            columns = dict(zip(table.columns, zip(*batch, strict=True), strict=True))
            columns["exposed_at"] = tuple(datetime.fromisoformat(text) for text in columns["exposed_at"])
            arrays = [pa.array(columns[name], type=schema.field(name).type) for name in table.columns]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _shaper(table: MemberTable, backend: Any) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Return the function from a row of the database to a row of the table."""
    caps = [
        (metric if name == metric.key else None, metric.cap_in(table.scope.currency))
        for metric in table.metrics
        for name in columns_of(metric)
    ]
    last = 4 + len(caps)
    sliced = last + len(table.segments)
    extras = [_extra_reader(table, name) for name in extra_columns(table.extras, table.metrics)]

    def shape(row: tuple[Any, ...]) -> tuple[Any, ...]:
        values: list[Any] = [row[0], row[1], iso(int(row[2])), *([int(row[3])] if table.by_epoch else [])]
        for (metric, cap), value in zip(caps, row[4:last], strict=True):
            if metric is None or metric.kind not in ("amount", "ratio"):
                values.append(int(value))
                continue
            amount = Decimal(int(value)) / MICRO
            cut = amount if cap is None else min(amount, cap)
            values += [cut, amount] if metric.kind == "amount" else [cut]
        values += [source.level(backend, value) for value in row[last:sliced]]
        values += [read(value) for read, value in zip(extras, row[sliced:], strict=True)]
        return tuple(values)

    return shape


def _extra_reader(table: MemberTable, name: str) -> Callable[[Any], Any]:
    """Read an extra column: pre-experiment amounts are cut at the cap, a covariate may be missing."""
    if name == "covariate":
        return lambda value: None if value is None else float(value)
    amounts = {f"{one.key}_before": one for one in table.metrics if one.kind == "amount"}
    if name not in amounts:
        return int
    cap = amounts[name].cap_in(table.scope.currency)

    def cut(value: Any) -> Decimal:
        amount = Decimal(int(value)) / MICRO
        return amount if cap is None else min(amount, cap)

    return cut


def _stored(table: MemberTable) -> list[str]:
    """Return the columns of the metrics by the names of `member_rows`."""
    return [name for metric in table.metrics for name in columns_of(metric)]


def _csv(lines: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue()
