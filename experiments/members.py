"""The per-member table: one row a randomised member, with what the analysis counted, to check every figure by hand."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

from sqlmodel import Session

from experiments import inputs as gathered
from experiments import rows
from experiments.epochs import epochs_of
from experiments.errors import ConflictError, NotFoundError
from experiments.member_rows import MICRO, Scope, columns_of, member_rows
from experiments.metrics import Metric
from experiments.results import latest
from experiments.tables import Experiment
from experiments.telling import iso

_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class MemberTable:
    """What to read and how its columns are called; holds no connection.

    Attributes
    ----------
    url : str
        Of the database.
    scope : Scope
        The rows of the newest analysis: same cut-off, same rules.
    metrics : tuple of Metric
    segments : tuple of str
    by_epoch : bool
        Whether the shares moved while it ran: then figures are compared within epochs, whose number is told.
    """

    url: str
    scope: Scope
    metrics: tuple[Metric, ...]
    segments: tuple[str, ...]
    by_epoch: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """unit, variant, exposed_at, the epoch where there are several, the metrics, the segments.

        An amount stands as counted, cut at the cap, and uncut; a ratio as the member's sum, cut likewise, and the
        number of events behind it; what no single member tells (retention, cascades, worth) has no column.
        """
        names = ["unit", "variant", "exposed_at", *(["epoch"] if self.by_epoch else [])]
        for metric in self.metrics:
            names += [*columns_of(metric), *([f"{metric.key}_uncut"] if metric.kind == "amount" else [])]
        return (*names, *(f"segment.{name}" for name in self.segments))


def member_table(session: Session, url: str, experiment: Experiment) -> MemberTable:
    """The table behind the newest analysis of an experiment.

    Raises
    ------
    NotFoundError
        Where nothing was analysed yet.
    ConflictError
        Where the experiment came as counts, without members.
    """
    result = latest(session, experiment)
    if result is None:
        raise NotFoundError(no_analysis(experiment.key), code="no_analysis")
    from experiments.experiment import current_run

    run = current_run(session, experiment)
    if run is None or gathered.imported(session, experiment, run) is not None:
        raise ConflictError(
            f"{experiment.key} was imported as counts, so it has no members to list; its results hold all of it.",
            code="no_members",
        )
    cut_off_us = gathered.to_us(datetime.fromisoformat(result["cut_off"]))
    measured = {found.key: found for found in gathered.measured(experiment)}
    shown = tuple(measured[entry["metric"]] for entry in result["metrics"] if entry["metric"] in measured)
    definitions = result["provenance"]["metric_definitions"].values()
    tolerance = max((found.get("clock_tolerance_seconds", 0) for found in definitions), default=0)
    scope = gathered.scope(experiment, run, cut_off_us, tolerance_us=round(tolerance * MICRO))
    return MemberTable(url, scope, shown, tuple(experiment.segments), len(epochs_of(session, run)) > 1)


def no_analysis(key: str) -> str:
    """What to say, and what to do, where an experiment has no analysis."""
    return (
        f"{key} has no analysis yet; ask for one with POST /api/v1/experiments/{key}/analyse "
        "and read its results when that job is done."
    )


def batches(table: MemberTable) -> Iterator[list[tuple]]:
    """The members in batches, in the order of their units, over a connection of its own; values as Python knows them.

    Amounts are `Decimal`, times RFC 3339.
    """
    backend = rows.connect(table.url)
    try:
        expression = member_rows(backend, table.scope, table.metrics, table.segments)
        names = ["unit", "variant", "exposed_us", "epoch", *_stored(table)]
        names += [f"segment_{place}" for place in range(len(table.segments))]
        shape = _shaper(table, backend)
        for found in rows.stream(backend, expression.select(*names).order_by("unit"), _BATCH):
            yield [shape(row) for row in found]
    finally:
        backend.disconnect()


def to_csv(table: MemberTable) -> Iterator[str]:
    """The table as CSV, in pieces."""
    yield _csv([table.columns])
    for batch in batches(table):
        yield _csv(batch)


def to_parquet(table: MemberTable, file: IO[bytes]) -> None:
    """Write the table as Parquet into an open file; amounts are decimals with six digits after the point."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    amounts = {metric.key for metric in table.metrics if metric.kind in ("amount", "ratio")}
    whole = {"epoch", *_stored(table)} - amounts

    def type_of(column: str) -> Any:
        if column.removesuffix("_uncut") in amounts:
            return pa.decimal128(24, 6)
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


def _shaper(table: MemberTable, backend: Any) -> Callable[[tuple], tuple]:
    """Turns a row of the database into a row of the table."""
    caps = [
        (metric if name == metric.key else None, metric.cap_in(table.scope.currency))
        for metric in table.metrics
        for name in columns_of(metric)
    ]
    last = 4 + len(caps)

    def shape(row: tuple) -> tuple:
        values: list[Any] = [row[0], row[1], iso(int(row[2])), *([int(row[3])] if table.by_epoch else [])]
        for (metric, cap), value in zip(caps, row[4:last], strict=True):
            if metric is None or metric.kind not in ("amount", "ratio"):
                values.append(int(value))
                continue
            amount = Decimal(int(value)) / MICRO
            cut = amount if cap is None else min(amount, cap)
            values += [cut, amount] if metric.kind == "amount" else [cut]
        values += [rows.level(backend, value) for value in row[last:]]
        return tuple(values)

    return shape


def _stored(table: MemberTable) -> list[str]:
    """The columns of the metrics as `member_rows` names them."""
    return [name for metric in table.metrics for name in columns_of(metric)]


def _csv(lines: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue()
