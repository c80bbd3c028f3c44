"""A result as a table: one row a metric and variant, with the comparison in the same row.

The same rows under the same names are ``results?format=csv``, the page's download and ``klette export --summary``.
Where a covariate was declared a metric has two rows a variant, plain and adjusted; `answer` marks those that page,
report and verdict go by.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from analysis.priors import WEAK_ADJUSTED
from experiments.reporting.adjustment import covariate_of

CSV_COLUMNS = (
    "experiment",
    "run",
    "analysis",
    "cut_off",
    "decision",
    "metric",
    "kind",
    "unit_of_measure",
    "variant",
    "control",
    "n",
    "total",
    "mean",
    "sd",
    "interval_kind",
    "interval_probability",
    "low",
    "high",
    "p_best",
    "expected_loss",
    "p_beats_control",
    "p_rope",
    "lift",
    "lift_low",
    "lift_high",
    "difference",
    "difference_low",
    "difference_high",
    "adjusted_for",
    "median",
    "answer",
    "raw_mean",
    "population",
    "model",
    "prior",
    "not_shown",
)
WHOLE, TRUTH = frozenset({"run", "n"}), frozenset({"answer"})
TEXT = frozenset(
    {"experiment", "analysis", "cut_off", "decision", "metric", "kind", "unit_of_measure", "variant", "control"}
    | {"interval_kind", "adjusted_for", "population", "model", "prior", "not_shown"}
)
"""Columns of whole numbers, of truth and of text; all others are numbers."""

Row = dict[str, Any]
ADJUSTED = {"model": "adjusted", "prior": WEAK_ADJUSTED.name}


def to_csv(result: Mapping[str, Any]) -> str:
    """A result as CSV: one row a metric and variant, the comparison with the control in the same row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in rows(result):
        writer.writerow(row | {name: str(row[name]).lower() for name in TRUTH})
    return text.getvalue()


def rows(result: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of the table; every row has every column, None where there is no such figure."""
    whole = {name: result[name] for name in ("experiment", "run", "analysis", "cut_off")}
    whole["decision"] = result["verdict"]["decision"]
    nothing = dict.fromkeys(CSV_COLUMNS)
    parts = (_scorecard_rows(result), _retention_rows(result), _word_of_mouth_rows(result), _total_rows(result))
    for row in chain.from_iterable(parts):
        yield nothing | whole | {"answer": True} | row


def _scorecard_rows(result: Mapping[str, Any]) -> Iterator[Row]:
    for metric in result["metrics"]:
        own, believed = _about(metric)
        adjusted = metric.get("adjusted")
        beside = bool(adjusted) and not adjusted["not_shown"]
        yield from _variant_rows(own | believed | {"not_shown": _reason(metric), "answer": not beside}, metric)
        if adjusted:
            yield from _variant_rows(own | ADJUSTED | {"adjusted_for": covariate_of(adjusted)}, adjusted)


def _total_rows(result: Mapping[str, Any]) -> Iterator[Row]:
    """What members did with everybody they brought; nothing goes by it."""
    for metric in (result.get("total") or {}).get("metrics", ()):
        own, believed = _about(metric)
        yield from _variant_rows(own | believed | {"not_shown": _reason(metric), "answer": False}, metric)


def _about(metric: Mapping[str, Any]) -> tuple[Row, Row]:
    """What is measured of whom, and by which model it is told."""
    own = {name: metric.get(name) for name in ("metric", "kind", "unit_of_measure", "population")}
    return own, {"model": metric.get("model"), "prior": (metric.get("prior") or {}).get("name")}


def _variant_rows(own: Row, told: Mapping[str, Any]) -> Iterator[Row]:
    comparisons = {row["variant"]: row for row in told["comparisons"]}
    for row in told["variants"]:
        plain = {name: row[name] for name in ("variant", "n", "total", "mean", "sd", "p_best", "expected_loss")}
        compared = _csv_comparison(comparisons.get(row["variant"]))
        if row.get("interval_not_shown"):
            plain["not_shown"] = row["interval_not_shown"]["reason"]
        yield own | plain | {"raw_mean": row.get("raw_mean")} | _csv_interval(row["interval"]) | compared


def _retention_rows(result: Mapping[str, Any]) -> Iterator[Row]:
    """The half-life of each variant, from the members whose window is over."""
    told = result.get("retention") or {}
    own = _measured(result, "half_life", told, "retention")
    for row in told.get("variants", ()) if own else ():
        missing = {"not_shown": _reason(row["half_life"])}
        yield own | {"variant": row["variant"], "n": row["mature"]} | missing | _csv_estimate(row["half_life"])


def _word_of_mouth_rows(result: Mapping[str, Any]) -> Iterator[Row]:
    """The K-factor with the difference from the control, and the reach by its median: it has no mean near 1."""
    told = result.get("cascade") or {}
    factor, reach = (_measured(result, key, told, key) for key in ("k_factor", "reach"))
    compared = {row["variant"]: row for row in told.get("comparisons", ())}
    for row in told.get("variants", ()) if factor else ():
        plain = {"variant": row["variant"], "n": row["n"], "total": row["brought"], "not_shown": _reason(row["r"])}
        yield factor | plain | _csv_estimate(row["r"]) | _csv_k_difference(compared.get(row["variant"]))
    for row in told.get("variants", ()) if reach else ():
        found = row["reach"] or {}
        plain = {"variant": row["variant"], "n": row["roots"], "median": found.get("median")}
        yield reach | plain | {"not_shown": row["reach_not_shown"]} | _csv_interval(found.get("interval"))


def _measured(result: Mapping[str, Any], key: str, told: Mapping[str, Any], model: str) -> Row:
    """What every row of a metric says; nothing where the metric is not measured."""
    found = result["provenance"]["metric_definitions"].get(key)
    if found is None:
        return {}
    believed = {"model": model, "prior": (told.get("prior") or {}).get("name")}
    return believed | {"metric": key} | {name: found.get(name) for name in ("kind", "unit_of_measure", "population")}


def _reason(told: Mapping[str, Any] | None) -> str | None:
    """Why a figure is not there; None where it is."""
    return ((told or {}).get("not_shown") or {}).get("reason")


def _csv_estimate(estimate: dict[str, Any] | None) -> dict[str, Any]:
    if not estimate or "mean" not in estimate:
        return {}
    return {"mean": estimate["mean"]} | _csv_interval(estimate["interval"])


def _csv_k_difference(row: dict[str, Any] | None) -> dict[str, Any]:
    if row is None:
        return {}
    told = {"control": row["control"], "p_beats_control": row["p_beats_control"]}
    difference = row.get("difference") or {}
    if "mean" not in difference:
        return told
    bounds = difference["interval"]
    return told | {
        "difference": difference["mean"],
        "difference_low": bounds["low"],
        "difference_high": bounds["high"],
    }


def _csv_interval(interval: dict[str, Any] | None) -> dict[str, Any]:
    if not interval:
        return {}
    named = {"kind": "interval_kind", "probability": "interval_probability", "low": "low", "high": "high"}
    return {column: interval[name] for name, column in named.items()}


def _csv_comparison(row: dict[str, Any] | None) -> dict[str, Any]:
    if row is None:
        return {}
    out = {name: row[name] for name in ("control", "p_beats_control", "p_rope")}
    for name in ("lift", "difference"):
        if row[name]:
            bounds = row[name]["interval"]
            out |= {name: row[name]["mean"], f"{name}_low": bounds["low"], f"{name}_high": bounds["high"]}
    return out
