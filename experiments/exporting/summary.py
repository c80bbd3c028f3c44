"""The summary of an analysis as a table: one row a metric and variant, as CSV or Parquet.

A column of bounds says the interval's kind and probability in its name, as ArviZ writes it: ``eti95_lb`` is the lower
bound of the equal-tailed interval of 95 %.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from experiments.exporting.reading import Stored

Row = dict[str, Any]
_TEXT = frozenset(
    {"experiment", "analysis", "cut_off", "decision", "metric", "kind", "unit_of_measure", "population", "variant"}
    | {"control", "model", "prior", "not_shown"}
)
_WHOLE = frozenset({"run", "n"})


def rows(stored: Stored) -> list[Row]:
    """Return one row a metric and variant; every row has every column, empty where there is no such figure."""
    found = [row for entry in stored.result["metrics"] for row in _of_metric(stored.result, entry)]
    columns = dict.fromkeys(name for row in found for name in row)
    return [{name: row.get(name) for name in columns} for row in found]


def write(stored: Stored, file: Path) -> int:
    """Write the summary as its ending says and return the number of rows."""
    table = rows(stored)
    if file.suffix == ".parquet":
        _write_parquet(table, file)
    else:
        with file.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.DictWriter(opened, list(table[0]) if table else [], lineterminator="\r\n")
            writer.writeheader()
            writer.writerows(table)
    return len(table)


def _write_parquet(table: list[Row], file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def kind(name: str) -> Any:
        return pa.string() if name in _TEXT else pa.int64() if name in _WHOLE else pa.float64()

    schema = pa.schema([(name, kind(name)) for name in table[0]]) if table else pa.schema([])
    pq.write_table(pa.Table.from_pylist(table, schema=schema), file)


def _of_metric(result: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterable[Row]:
    comparisons = {row["variant"]: row for row in entry["comparisons"]}
    for row in entry["variants"]:
        yield (
            {name: result[name] for name in ("experiment", "run", "analysis", "cut_off")}
            | {"decision": result["verdict"]["decision"]}
            | {name: entry.get(name) for name in ("metric", "kind", "unit_of_measure", "population")}
            | {"variant": row["variant"], "control": entry["control"], "n": row["n"]}
            | {name: row[name] for name in ("total", "raw_mean", "mean", "sd")}
            | bounds("", row["interval"])
            | {name: row[name] for name in ("p_best", "expected_loss")}
            | _compared(comparisons.get(row["variant"]))
            | {"model": entry["model"], "prior": entry["prior"]["name"]}
            | {"not_shown": (entry["not_shown"] or {}).get("reason")}
        )


def _compared(row: Mapping[str, Any] | None) -> Row:
    if row is None:
        return {}
    found: Row = {}
    for name in ("lift", "difference"):
        if row[name]:
            found |= {name: row[name]["mean"]} | bounds(f"{name}_", row[name]["interval"])
    return found | {name: row[name] for name in ("p_beats_control", "p_rope")}


def bounds(prefix: str, interval: Mapping[str, Any] | None) -> Row:
    """Return an interval's bounds under names that say what it is: ``eti95_lb``, ``lift_hdi90_ub``."""
    if not interval:
        return {}
    name = f"{prefix}{interval['kind']}{100 * interval['probability']:g}"
    return {f"{name}_lb": interval["low"], f"{name}_ub": interval["high"]}
