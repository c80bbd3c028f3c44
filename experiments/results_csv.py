"""A result as a table of plain text: one row a metric and variant, with the comparison in the same row."""

import csv
import io
from collections.abc import Iterator
from typing import Any

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
)


def to_csv(result: dict[str, Any]) -> str:
    """A result as CSV: one row a metric and variant, the comparison with the control in the same row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_csv_rows(result))
    return text.getvalue()


def _csv_rows(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    whole = {name: result[name] for name in ("experiment", "run", "analysis", "cut_off")}
    whole["decision"] = result["verdict"]["decision"]
    for row in (*_scorecard_rows(result), *_staying_rows(result), *_word_of_mouth_rows(result)):
        yield whole | row


def _scorecard_rows(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for metric in result["metrics"]:
        own = {name: metric[name] for name in ("metric", "kind", "unit_of_measure")}
        yield from _variant_rows(own, metric)
        if adjusted := metric.get("adjusted"):
            covariate = adjusted["covariate"]
            named = covariate.get("attribute") or f"the {covariate.get('days_before')} days before"
            yield from _variant_rows(own | {"adjusted_for": named}, adjusted)


def _variant_rows(own: dict[str, Any], told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    comparisons = {row["variant"]: row for row in told["comparisons"]}
    for row in told["variants"]:
        plain = {name: row[name] for name in ("variant", "n", "total", "mean", "sd", "p_best", "expected_loss")}
        yield own | plain | _csv_interval(row["interval"]) | _csv_comparison(comparisons.get(row["variant"]))


def _staying_rows(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The half-life of each variant, from the members whose window is over."""
    own = _measured(result, "half_life")
    for row in (result.get("retention") or {}).get("variants", ()) if own else ():
        yield own | {"variant": row["variant"], "n": row["mature"]} | _csv_estimate(row["half_life"])


def _word_of_mouth_rows(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The K-factor with the difference from the control, and the reach by its median: it has no mean near 1."""
    told = result.get("cascade") or {}
    factor, reach = _measured(result, "k_factor"), _measured(result, "reach")
    compared = {row["variant"]: row for row in told.get("comparisons", ())}
    for row in told.get("variants", ()) if factor else ():
        plain = {"variant": row["variant"], "n": row["n"], "total": row["brought"]}
        yield factor | plain | _csv_estimate(row["r"]) | _csv_k_difference(compared.get(row["variant"]))
    for row in told.get("variants", ()) if reach else ():
        found = row["reach"] or {}
        plain = {"variant": row["variant"], "n": row["roots"], "median": found.get("median")}
        yield reach | plain | _csv_interval(found.get("interval"))


def _measured(result: dict[str, Any], key: str) -> dict[str, Any]:
    """What every row of a metric says; nothing where the metric is not measured."""
    found = result["provenance"]["metric_definitions"].get(key)
    if found is None:
        return {}
    return {"metric": key, "kind": found["kind"], "unit_of_measure": found["unit_of_measure"]}


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
