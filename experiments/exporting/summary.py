"""The summary of an analysis as CSV or Parquet: the table of `experiments.reporting.table`."""

from pathlib import Path
from typing import Any

from experiments.exporting.source import Stored
from experiments.reporting import table


def write(stored: Stored, file: Path) -> int:
    """Write the summary in the format of the file's ending, and return the number of rows."""
    rows = list(table.rows(stored.reading))
    if file.suffix == ".parquet":
        _write_parquet(rows, file)
    else:
        file.write_text(table.to_csv(stored.reading), encoding="utf-8", newline="")
    return len(rows)


def _write_parquet(rows: list[table.Row], file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def kind(name: str) -> Any:
        if name in table.TEXT:
            return pa.string()
        return pa.int64() if name in table.WHOLE else pa.bool_() if name in table.TRUTH else pa.float64()

    schema = pa.schema([(name, kind(name)) for name in table.CSV_COLUMNS])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
